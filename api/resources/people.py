"""People over HTTP: public profiles."""

import falcon

from api.replies import ok
from api.requests import Request
from services import users


class User:
    """A public profile, by id or username."""

    def on_get(self, _req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, users.user(id))
