"""Posts as one viewer sees them, and which of them that viewer may see."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from services.actors import Actor
from services.entitlements import sees_content_of
from services.separation import neither_blocks
from services.users import PUBLIC, PUBLIC_COLUMNS, UserView, public_view


class Visibility(StrEnum):
    """Who may see a post."""

    PUBLIC = "PUBLIC"
    FOLLOWERS = "FOLLOWERS"
    SUBSCRIBERS = "SUBSCRIBERS"


class MediaView(msgspec.Struct, frozen=True, kw_only=True):
    """An image or video of a post; sizes in pixels. Addresses are there once `status` is READY."""

    id: UUID
    kind: str
    url: str | None
    thumbnail: str | None
    width: int | None
    height: int | None
    status: str


class PostView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A post as one viewer sees it."""

    id: UUID
    author: UserView
    text: str
    visibility: Visibility
    media: list[MediaView]
    like_count: int
    comment_count: int
    liked_by_me: bool
    created_at: datetime
    updated_at: datetime


#: What `post_view` reads, of a post `p` by a person `u`; the viewer is the parameter `viewer`.
COLUMNS = f"""
{PUBLIC}, p.id, p.text, p.visibility, p.like_count, p.comment_count, p.created_at, p.updated_at,
EXISTS (SELECT FROM post_likes l WHERE l.post_id = p.id AND l.user_id = %(viewer)s::uuid),
coalesce((SELECT jsonb_agg(jsonb_build_object('id', m.id, 'kind', m.kind, 'url', m.url, 'thumbnail', m.thumbnail,
                                              'width', m.width, 'height', m.height, 'status', m.status)
                           ORDER BY m.position)
          FROM post_media m WHERE m.post_id = p.id), '[]')"""  # noqa: S608 - built from constants
ID_COLUMN = PUBLIC_COLUMNS

FOLLOWED = "EXISTS (SELECT FROM follows w WHERE w.follower_id = %(viewer)s::uuid AND w.following_id = p.author_id)"
SUBSCRIBED = sees_content_of("%(viewer)s::uuid", "p.author_id")

#: Of a post `p` by a person `u`: whether the viewer may see it. Parameters `viewer` and `sees_all`.
MAY_SEE = f"""(
    %(sees_all)s OR p.author_id = %(viewer)s::uuid
    OR (u.suspended_at IS NULL AND {neither_blocks("p.author_id")}
        AND (p.visibility = 'PUBLIC' OR (p.visibility = 'FOLLOWERS' AND {FOLLOWED}) OR {SUBSCRIBED})))"""


def viewing(viewer: Actor | None) -> dict[str, Any]:
    """The parameters that say who looks; moderators and admins see everything."""
    return {"viewer": viewer.user_id if viewer else None, "sees_all": bool(viewer and viewer.is_moderator)}


def post_view(row: Sequence[Any]) -> PostView:
    """A post from the columns of `COLUMNS`."""
    post_id, text, visibility, likes, comments, created_at, updated_at, liked, media = row[PUBLIC_COLUMNS:][:9]
    return PostView(
        id=post_id,
        author=public_view(row),
        text=text,
        visibility=Visibility(visibility),
        media=msgspec.convert(media, list[MediaView]),
        like_count=likes,
        comment_count=comments,
        liked_by_me=liked,
        created_at=created_at,
        updated_at=updated_at,
    )
