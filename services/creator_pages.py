"""Creators as the public finds them: the list, and one creator's page."""

from uuid import UUID

import msgspec

from db.connection import query
from services import follows, loyalty, streams
from services.actors import Actor
from services.errors import NotFound
from services.pages import Count, Page, cut, decode_cursor
from services.streams import StreamView
from services.users import PUBLIC, PUBLIC_COLUMNS, UserView, public_view


class LevelView(msgspec.Struct, frozen=True, rename="camel"):
    """A step of a creator's own ladder."""

    id: UUID
    name: str
    required_points: int
    reward: str


class CreatorPage(UserView, frozen=True, kw_only=True, rename="camel"):
    """A creator with counts, the stream on air, the loyalty ladder, and what is between them and the viewer."""

    post_count: int
    stream_count: int
    stream: StreamView | None
    levels: list[LevelView]
    following: bool
    followed_by: bool
    blocked: bool
    points: int
    level: int


def creators(limit: int, cursor: str | None) -> Page[UserView]:
    """Everybody with a channel, the most followed first."""
    after = decode_cursor(cursor, tuple[Count, UUID]) if cursor else (2**31 - 1, UUID(int=2**128 - 1))
    rows = query(_CREATORS, (*after, limit + 1))
    return cut(rows, limit, public_view, lambda row: (row[_FOLLOWERS], row[0]))


def creator_page(username: str, viewer: Actor | None) -> CreatorPage:
    """One creator; raises NotFound for somebody who is none."""
    rows = query(_CREATOR, (username,))
    if not rows:
        raise NotFound("No such creator.", "creator_not_found")
    creator = public_view(rows[0])
    posts, broadcasts, live, levels = rows[0][PUBLIC_COLUMNS:]
    relation = follows.relation(viewer, creator.id)
    standing = loyalty.standing_with(viewer.user_id, creator.id) if viewer else loyalty.Standing(0, 0)
    return CreatorPage(
        **msgspec.structs.asdict(creator),
        post_count=posts,
        stream_count=broadcasts,
        stream=streams.stream(live, viewer) if live else None,
        levels=msgspec.convert(levels, list[LevelView]),
        following=relation.following,
        followed_by=relation.followed_by,
        blocked=relation.blocked,
        points=standing.points,
        level=standing.level,
    )


_FOLLOWERS = 7  # where follower_count stands among the public columns

_CREATORS = f"""
SELECT {PUBLIC} FROM users u
WHERE u.role <> 'viewer' AND u.suspended_at IS NULL AND EXISTS (SELECT FROM channels h WHERE h.user_id = u.id)
  AND (u.follower_count, u.id) < (%s, %s)
ORDER BY u.follower_count DESC, u.id DESC LIMIT %s"""  # noqa: S608 - built from constants

_CREATOR = f"""
SELECT {PUBLIC},
       (SELECT count(*) FROM posts p WHERE p.author_id = u.id AND p.visibility = 'PUBLIC'),
       (SELECT count(*) FROM streams s WHERE s.channel_id = h.id AND s.status = 'ENDED'),
       (SELECT s.id FROM streams s WHERE s.channel_id = h.id AND s.status = 'LIVE'),
       coalesce((SELECT jsonb_agg(jsonb_build_object('id', l.id, 'name', l.name,
                                  'requiredPoints', l.required_points, 'reward', l.reward) ORDER BY l.required_points)
                 FROM loyalty_levels l WHERE l.streamer_id = u.id), '[]')
FROM users u JOIN channels h ON h.user_id = u.id
WHERE lower(u.username) = lower(%s) AND u.suspended_at IS NULL"""  # noqa: S608 - built from constants
