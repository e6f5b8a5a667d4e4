"""Feeds: posts newest first, of everybody, of those whom one follows, of one person.

`docs/feeds.md` shows how the personal feed stays fast for someone who follows thousands.
"""

from typing import Any
from uuid import UUID

from db.connection import query
from services import users
from services.actors import Actor
from services.entitlements import SHOWS_CONTENT
from services.pages import Page, cut, decode_cursor
from services.post_views import COLUMNS, ID_COLUMN, MAY_SEE, PostView, post_view, viewing
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

# Lists that are each in order already: the public one is read from its top; the others ask each author
# in the viewer's circle for as many posts as a page holds. Blocking ends following and is looked at
# once more at the end, for those whose subscription outlives it.
_PERSONAL_FEED = f"""
WITH circle AS (
    SELECT following_id AS author_id, 'FOLLOWERS' AS visibility FROM follows WHERE follower_id = %(viewer)s
    UNION ALL
    SELECT s.streamer_id, shown.visibility FROM subscriber_tiers s JOIN channels k ON k.user_id = s.streamer_id
    CROSS JOIN (VALUES ('FOLLOWERS'), ('SUBSCRIBERS')) AS shown (visibility)
    WHERE s.subscriber_id = %(viewer)s AND {SHOWS_CONTENT}
    UNION ALL
    SELECT %(viewer)s::uuid, own.visibility FROM (VALUES ('FOLLOWERS'), ('SUBSCRIBERS')) AS own (visibility)
), seen AS (
    (SELECT p.id FROM posts p JOIN users u ON u.id = p.author_id
     WHERE p.visibility = 'PUBLIC' AND p.id < %(before)s AND u.suspended_at IS NULL
       AND {neither_blocks("p.author_id")}
     ORDER BY p.id DESC LIMIT %(limit)s)
    UNION
    (SELECT limited.id FROM circle JOIN users u ON u.id = circle.author_id AND u.suspended_at IS NULL
     CROSS JOIN LATERAL (
         SELECT p.id FROM posts p
         WHERE p.author_id = circle.author_id AND p.visibility = circle.visibility
           AND p.visibility <> 'PUBLIC' AND p.id < %(before)s
         ORDER BY p.id DESC LIMIT %(limit)s
     ) limited
     WHERE {neither_blocks("circle.author_id")}
     ORDER BY limited.id DESC LIMIT %(limit)s)
)
SELECT {COLUMNS} FROM seen JOIN posts p USING (id) JOIN users u ON u.id = p.author_id
ORDER BY p.id DESC LIMIT %(limit)s"""  # noqa: S608 - built from constants

_POSTS_OF = f"""
SELECT {COLUMNS} FROM posts p JOIN users u ON u.id = p.author_id
WHERE p.author_id = %(author)s AND p.id < %(before)s AND {MAY_SEE}
ORDER BY p.id DESC LIMIT %(limit)s"""  # noqa: S608 - built from constants
