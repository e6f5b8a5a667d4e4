"""Lists of streams to browse: everything, of one person, of those one follows, and what one might like.

`docs/recommendations.md` explains the ranking of the last and what it costs.
"""

from typing import Any
from uuid import UUID

from db.connection import query
from services import users, watching
from services.actors import Actor
from services.pages import Count, Page, decode_cursor
from services.pages import cut as cut_rows
from services.separation import neither_blocks
from services.streams import Filter, StreamView, conditions_of, streams_by_id

LAST = UUID(int=2**128 - 1)
LARGEST = 2**31 - 1

#: Of how many streams, by viewers, the recommendations choose; and of each liked category.
POPULAR_CONSIDERED, LIKED_CONSIDERED, LIKED_CATEGORIES = 200, 50, 3


def all_streams(wanted: Filter, limit: int, cursor: str | None) -> Page[StreamView]:
    """Streams of any state, those on air first (the most watched first), then the newest."""
    conditions, parameters = conditions_of(wanted, "s.visibility <> 'UNLISTED' AND u.suspended_at IS NULL")
    if cursor:
        conditions.append("((s.status = 'LIVE'), s.viewer_count, s.id) < (%s, %s, %s)")
        parameters += decode_cursor(cursor, tuple[bool, Count, UUID])
    rows = query(_ALL.format(conditions=" AND ".join(conditions)), (*parameters, limit + 1))
    return _page(rows, limit, None)


def streams_of_user(id_or_username: str, limit: int, cursor: str | None) -> Page[StreamView]:
    """A person's listed streams, newest first; raises NotFound."""
    streamer = users.user(id_or_username)
    (before,) = decode_cursor(cursor, tuple[UUID]) if cursor else (LAST,)
    return _page(query(_OF_USER, (streamer.id, before, limit + 1)), limit, None)


def followed_streams(actor: Actor, limit: int, cursor: str | None) -> Page[StreamView]:
    """The current or last stream of each streamer whom the actor follows, those on air first."""
    after = decode_cursor(cursor, tuple[bool, UUID]) if cursor else (True, LAST)
    rows = query(_FOLLOWED, (actor.user_id, *after, limit + 1))
    return _page(rows, limit, actor)


def recommended_streams(viewer: Actor | None, limit: int, cursor: str | None) -> Page[StreamView]:
    """Streams on air, ranked for one viewer by follows, by categories watched and by viewers."""
    liked = watching.liked_categories(viewer.user_id, LIKED_CATEGORIES) if viewer else {}
    after = decode_cursor(cursor, tuple[Count, UUID]) if cursor else (LARGEST, LAST)
    rows = query(
        _RECOMMENDED,
        {
            "viewer": viewer.user_id if viewer else None,
            "liked": list(liked),
            "shares": list(liked.values()),
            "popular": POPULAR_CONSIDERED,
            "each": LIKED_CONSIDERED,
            "score": after[0],
            "after": after[1],
            "limit": limit + 1,
        },
    )
    return _page(rows, limit, viewer)


def _page(rows: list[tuple[Any, ...]], limit: int, viewer: Actor | None) -> Page[StreamView]:
    """The streams whose ids end the rows; the whole row is the key to go on from."""
    keys = cut_rows(rows, limit, lambda row: row[-1], lambda row: row)
    return Page(streams_by_id(keys.items, viewer), keys.next_cursor)


_ALL = """
SELECT s.status = 'LIVE', s.viewer_count, s.id
FROM streams s JOIN channels h ON h.id = s.channel_id JOIN users u ON u.id = h.user_id
WHERE {conditions}
ORDER BY (s.status = 'LIVE') DESC, s.viewer_count DESC, s.id DESC LIMIT %s"""

_OF_USER = """
SELECT s.id FROM streams s JOIN channels h ON h.id = s.channel_id JOIN users u ON u.id = h.user_id
WHERE h.user_id = %s AND s.visibility <> 'UNLISTED' AND u.suspended_at IS NULL AND s.id < %s
ORDER BY s.id DESC LIMIT %s"""

# Two probes of an index for each streamer who is followed; blocking ends following.
_FOLLOWED = """
SELECT shown.is_live, shown.id
FROM follows f JOIN channels h ON h.user_id = f.following_id
JOIN users u ON u.id = f.following_id AND u.suspended_at IS NULL
CROSS JOIN LATERAL (
    SELECT * FROM (
        (SELECT true AS is_live, s.id FROM streams s
         WHERE s.channel_id = h.id AND s.status = 'LIVE' AND s.visibility <> 'UNLISTED')
        UNION ALL
        (SELECT false, s.id FROM streams s
         WHERE s.channel_id = h.id AND s.status = 'ENDED' AND s.visibility <> 'UNLISTED'
         ORDER BY s.id DESC LIMIT 1)
    ) AS latest ORDER BY is_live DESC LIMIT 1
) AS shown
WHERE f.follower_id = %s AND (shown.is_live, shown.id) < (%s, %s)
ORDER BY shown.is_live DESC, shown.id DESC LIMIT %s"""

_CANDIDATE = "s.id, s.channel_id, s.category_id, s.viewer_count, s.visibility"

# Candidates come from three indexes, each bounded; only they are scored. Thousandths of the natural
# logarithm of the viewers: following is worth a factor of 20 in viewers, a liked category up to 7.
_RECOMMENDED = f"""
WITH liked AS (SELECT * FROM unnest(%(liked)s::uuid[], %(shares)s::real[]) AS t (category_id, share)),
candidates AS (
    (SELECT {_CANDIDATE} FROM streams s WHERE s.status = 'LIVE'
     ORDER BY s.viewer_count DESC, s.id DESC LIMIT %(popular)s)
    UNION
    (SELECT {_CANDIDATE} FROM follows f JOIN channels h ON h.user_id = f.following_id
     JOIN streams s ON s.channel_id = h.id AND s.status = 'LIVE' WHERE f.follower_id = %(viewer)s::uuid)
    UNION
    (SELECT near.* FROM liked CROSS JOIN LATERAL (
         SELECT {_CANDIDATE} FROM streams s WHERE s.category_id = liked.category_id AND s.status = 'LIVE'
         ORDER BY s.viewer_count DESC LIMIT %(each)s) AS near)),
scored AS (
    SELECT s.id, (1000 * (ln(1 + s.viewer_count)
                  + CASE WHEN f.follower_id IS NOT NULL THEN 3 ELSE 0 END
                  + 2 * coalesce(liked.share, 0)))::integer AS score
    FROM candidates s JOIN channels h ON h.id = s.channel_id JOIN users u ON u.id = h.user_id
    LEFT JOIN follows f ON f.follower_id = %(viewer)s::uuid AND f.following_id = u.id
    LEFT JOIN liked ON liked.category_id = s.category_id
    WHERE s.visibility <> 'UNLISTED' AND u.suspended_at IS NULL AND {neither_blocks("u.id")}
      AND u.id IS DISTINCT FROM %(viewer)s::uuid)
SELECT score, id FROM scored WHERE (score, id) < (%(score)s, %(after)s)
ORDER BY score DESC, id DESC LIMIT %(limit)s"""  # noqa: S608 - built from constants
