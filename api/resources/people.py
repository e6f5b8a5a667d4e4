"""People over HTTP: public profiles, and following."""

import falcon

from api.replies import ok
from api.requests import Request, actor
from services import follows, users
from services.ids import known_id


class User:
    """A public profile, by id or username."""

    def on_get(self, _req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, users.user(id))


class Following:
    """Whether I follow somebody."""

    def on_post(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, follows.follow(actor(req), known_id(id, "user")))

    def on_delete(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, follows.unfollow(actor(req), known_id(id, "user")))
