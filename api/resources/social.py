"""Following and blocking over HTTP, and creators as the public finds them."""

from uuid import UUID

import falcon

from api.replies import cacheable, ok, page
from api.requests import Request, actor, parse_query
from api.schemas.lists import ListQuery
from services import blocks, creator_pages, follows
from services.ids import known_id


class Follow:
    """Whether I follow somebody; the address calls their id by different names."""

    def on_get(self, req: Request, resp: falcon.Response, **path: str) -> None:
        ok(resp, follows.relation(req.context.actor, _person(path)))

    def on_post(self, req: Request, resp: falcon.Response, **path: str) -> None:
        ok(resp, follows.follow(actor(req), _person(path)))

    def on_delete(self, req: Request, resp: falcon.Response, **path: str) -> None:
        ok(resp, follows.unfollow(actor(req), _person(path)))


class FollowToggle:
    """Following whom I do not follow yet, and the other way round."""

    def on_post(self, req: Request, resp: falcon.Response, **path: str) -> None:
        ok(resp, follows.toggle_follow(actor(req), known_id(path["streamerId"], "user")))


class OwnFollowing:
    """Whom I follow."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        wanted = parse_query(req, ListQuery)
        page(resp, follows.following(actor(req).user_id, wanted.limit, wanted.cursor))


class Followers:
    """A person's followers."""

    def on_get(self, req: Request, resp: falcon.Response, **path: str) -> None:
        wanted = parse_query(req, ListQuery)
        cacheable(resp, 5)
        page(resp, follows.followers(known_id(path["userId"], "user"), wanted.limit, wanted.cursor))


class Following:
    """Whom a person follows."""

    def on_get(self, req: Request, resp: falcon.Response, **path: str) -> None:
        wanted = parse_query(req, ListQuery)
        cacheable(resp, 5)
        page(resp, follows.following(known_id(path["userId"], "user"), wanted.limit, wanted.cursor))


class Block:
    """Whether I block somebody."""

    def on_post(self, req: Request, resp: falcon.Response, **path: str) -> None:
        ok(resp, blocks.block(actor(req), known_id(path["userId"], "user")))

    def on_delete(self, req: Request, resp: falcon.Response, **path: str) -> None:
        ok(resp, blocks.unblock(actor(req), known_id(path["userId"], "user")))


class Creators:
    """Everybody with a channel."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        wanted = parse_query(req, ListQuery)
        cacheable(resp, 5)
        page(resp, creator_pages.creators(wanted.limit, wanted.cursor))


class Creator:
    """One creator's page."""

    def on_get(self, req: Request, resp: falcon.Response, username: str) -> None:
        ok(resp, creator_pages.creator_page(username, req.context.actor))


def _person(path: dict[str, str]) -> UUID:
    """The id in an address that names one person, whatever it calls them; raises NotFound."""
    (text,) = path.values()
    return known_id(text, "user")
