"""Feeds: posts newest first, of everybody, of those whom one follows, of one person.

`docs/feeds.md` shows how the personal feed stays fast for someone who follows thousands.
"""

from typing import Any
from uuid import UUID

from db.connection import query
from services import users
from services.actors import Actor
from services.pages import Page, cut, decode_cursor
from services.post_views import COLUMNS, ID_COLUMN, MAY_SEE, SUBSCRIBED, PostView, post_view, viewing
from services.separation import neither_blocks

NEWEST = UUID(int=2**128 - 1)


def public_feed(limit: int, cursor: str | None) -> Page[PostView]:
    """What everybody may see."""
    return _page(_PUBLIC_FEED, {}, None, limit, cursor)


def personal_feed(actor: Actor, limit: int, cursor: str | None) -> Page[PostView]:
    """What everybody may see, and what those whom the actor follows show to their followers or subscribers."""
    return _page(_PERSONAL_FEED, {}, actor, limit, cursor)


def posts_of(id_or_username: str, viewer: Actor | None, limit: int, cursor: str | None) -> Page[PostView]:
    """What one person posted, as far as the viewer may see it; raises NotFound."""
    author = users.user(id_or_username)
    return _page(_POSTS_OF, {"author": author.id}, viewer, limit, cursor)


def own_posts(actor: Actor, limit: int, cursor: str | None) -> Page[PostView]:
    """What the actor posted."""
    return _page(_POSTS_OF, {"author": actor.user_id}, actor, limit, cursor)


def _page(sql: str, parameters: dict[str, Any], viewer: Actor | None, limit: int, cursor: str | None) -> Page[PostView]:
    (before,) = decode_cursor(cursor, tuple[UUID]) if cursor else (NEWEST,)
    rows = query(sql, {**parameters, **viewing(viewer), "before": before, "limit": limit + 1})
    return cut(rows, limit, post_view, lambda row: (row[ID_COLUMN],))


_PUBLIC_FEED = f"""
SELECT {COLUMNS} FROM posts p JOIN users u ON u.id = p.author_id
WHERE p.visibility = 'PUBLIC' AND u.suspended_at IS NULL AND p.id < %(before)s
ORDER BY p.id DESC LIMIT %(limit)s"""  # noqa: S608 - built from constants

# Two lists that are each in order already: the public one is read from its top; the other asks each
# author who is followed for as many posts as a page holds. Blocking ends following, so that the
# second list needs no look at the blocks.
_PERSONAL_FEED = f"""
WITH seen AS (
    (SELECT p.id FROM posts p JOIN users u ON u.id = p.author_id
     WHERE p.visibility = 'PUBLIC' AND p.id < %(before)s AND u.suspended_at IS NULL
       AND {neither_blocks("p.author_id")}
     ORDER BY p.id DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT limited.id
     FROM (SELECT following_id AS author_id FROM follows WHERE follower_id = %(viewer)s
           UNION ALL SELECT %(viewer)s::uuid) circle
     CROSS JOIN LATERAL (
         SELECT p.id FROM posts p
         WHERE p.author_id = circle.author_id AND p.visibility <> 'PUBLIC' AND p.id < %(before)s
           AND (p.visibility = 'FOLLOWERS' OR p.author_id = %(viewer)s OR {SUBSCRIBED})
         ORDER BY p.id DESC LIMIT %(limit)s
     ) limited
     ORDER BY limited.id DESC LIMIT %(limit)s)
)
SELECT {COLUMNS} FROM seen JOIN posts p USING (id) JOIN users u ON u.id = p.author_id
WHERE u.suspended_at IS NULL
ORDER BY p.id DESC LIMIT %(limit)s"""  # noqa: S608 - built from constants

_POSTS_OF = f"""
SELECT {COLUMNS} FROM posts p JOIN users u ON u.id = p.author_id
WHERE p.author_id = %(author)s AND p.id < %(before)s AND {MAY_SEE}
ORDER BY p.id DESC LIMIT %(limit)s"""  # noqa: S608 - built from constants
