"""Likes of posts and of comments: toggled, counted in the same transaction, told of in batches."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from db.connection import acting_as_system, query
from db.models.posts import LikeNews
from db.transactions import atomic
from services import clock, comments, jobs, notifications, posts
from services.actors import Actor
from services.errors import NotFound
from services.ids import new_id
from services.notification_kinds import Kind

SUBJECTS_AT_ONCE = 200


class LikeState(msgspec.Struct, frozen=True, rename="camel"):
    """Whether the actor likes it, and how many do."""

    liked: bool
    like_count: int


def toggle_post_like(actor: Actor, post_id: UUID) -> LikeState:
    """Like a post, or no longer; raises NotFound also for one that the actor may not see."""
    with atomic():
        post = posts.post(post_id, actor)
        at = clock.now()
        liked = _toggle("post", post_id, actor.user_id, at)
        _note(liked, at, actor.user_id, post.author.id, post_id, None)
        return LikeState(liked, _count("post", post_id, liked))


def toggle_comment_like(actor: Actor, comment_id: UUID) -> LikeState:
    """Like a comment, or no longer; raises NotFound also for one that the actor may not see."""
    with atomic():
        comment = comments.visible_comment(comment_id, actor)
        at = clock.now()
        liked = _toggle("comment", comment_id, actor.user_id, at)
        _note(liked, at, actor.user_id, comment.author.id, comment.post_id, comment_id)
        return LikeState(liked, _count("comment", comment_id, liked))


def tell_of_likes() -> int:
    """Tell people of the likes since the last round, one notification a post or comment; returns how many.

    What is told of is forgotten in the same transaction: a crash repeats the whole round or nothing.
    """
    with atomic():
        subjects = query(_GATHER, (SUBJECTS_AT_ONCE,))
        for subject in subjects:
            _tell(subject)
        if len(subjects) == SUBJECTS_AT_ONCE:
            jobs.enqueue(jobs.TELL_OF_LIKES)
    return len(subjects)


def _toggle(thing: str, thing_id: UUID, user_id: UUID, at: datetime) -> bool:
    """Whether it is liked now; raises NotFound for what was deleted meanwhile.

    Whoever toggles waits for whoever toggles the same thing: the count follows.
    """
    parameters = {"thing": thing_id, "user": user_id, "at": at}
    if not query(_HOLD.format(thing=thing), (thing_id,)):
        raise NotFound(f"No such {thing}.", f"{thing}_not_found")
    if query(_LIKE.format(thing=thing), parameters):
        return True
    query(_UNLIKE.format(thing=thing), parameters)
    return False


def _count(thing: str, thing_id: UUID, liked: bool) -> int:
    [(count,)] = query(_COUNT.format(thing=thing), (1 if liked else -1, thing_id))
    return int(count)


@acting_as_system("what the owner is told of")
def _note(liked: bool, at: datetime, liker_id: UUID, owner_id: UUID, post_id: UUID, comment_id: UUID | None) -> None:
    """Put the like among what the owner is to be told of; one taken back in time is never told."""
    if liker_id == owner_id:
        return
    same = (LikeNews.post == post_id) & (LikeNews.liker == liker_id)
    same &= LikeNews.comment.is_null() if comment_id is None else LikeNews.comment == comment_id
    LikeNews.delete().where(same).execute()
    if liked:
        LikeNews.insert(
            id=new_id(), owner=owner_id, liker=liker_id, post=post_id, comment=comment_id, created_at=at
        ).execute()


def _tell(subject: Sequence[Any]) -> None:
    owner_id, post_id, comment_id, since, username = subject
    since = _since_unread(owner_id, comment_id or post_id) or since
    count = _liked_since(post_id, comment_id, owner_id, since)
    others = f" and {count - 1} other{'s' if count > 2 else ''}" if count > 1 else ""
    title = f"{username}{others} liked your {'comment' if comment_id else 'post'}"
    data = {
        "postId": str(post_id),
        "commentId": str(comment_id) if comment_id else None,
        "subjectId": str(comment_id or post_id),
        "count": count,
        "since": since.isoformat(),
    }
    notifications.notify(owner_id, Kind.LIKES, title, data=data)


def _since_unread(owner_id: UUID, subject_id: UUID) -> datetime | None:
    """Take back what was said of the same thing and has not been read; returns since when it counted."""
    rows = query(_TAKE_BACK, (owner_id, Kind.LIKES.value, str(subject_id)))
    return min((row[0] for row in rows), default=None)


def _liked_since(post_id: UUID, comment_id: UUID | None, owner_id: UUID, since: datetime) -> int:
    thing, thing_id = ("comment", comment_id) if comment_id else ("post", post_id)
    [(count,)] = query(_LIKED_SINCE.format(thing=thing), (thing_id, owner_id, since))
    return int(count)


_HOLD = "SELECT 1 FROM {thing}s WHERE id = %s FOR NO KEY UPDATE"
_LIKE = """
INSERT INTO {thing}_likes ({thing}_id, user_id, created_at) VALUES (%(thing)s, %(user)s, %(at)s)
ON CONFLICT DO NOTHING RETURNING 1"""
_UNLIKE = "DELETE FROM {thing}_likes WHERE {thing}_id = %(thing)s AND user_id = %(user)s"
_COUNT = "UPDATE {thing}s SET like_count = like_count + %s WHERE id = %s RETURNING like_count"
_LIKED_SINCE = "SELECT count(*) FROM {thing}_likes WHERE {thing}_id = %s AND user_id <> %s AND created_at >= %s"

_GATHER = """
WITH subject AS MATERIALIZED (
    SELECT post_id, comment_id FROM like_news GROUP BY post_id, comment_id ORDER BY min(created_at) LIMIT %s
), due AS MATERIALIZED (
    SELECT n.id FROM like_news n
    JOIN subject ON n.post_id = subject.post_id AND n.comment_id IS NOT DISTINCT FROM subject.comment_id
    FOR UPDATE OF n SKIP LOCKED
), taken AS (
    DELETE FROM like_news n USING due WHERE n.id = due.id
    RETURNING n.owner_id, n.post_id, n.comment_id, n.liker_id, n.created_at, n.id
)
SELECT taken.owner_id, taken.post_id, taken.comment_id, min(taken.created_at),
       (array_agg(u.username ORDER BY taken.id DESC))[1]
FROM taken JOIN users u ON u.id = taken.liker_id
GROUP BY taken.owner_id, taken.post_id, taken.comment_id"""

_TAKE_BACK = """
DELETE FROM notifications
WHERE user_id = %s AND in_app AND read_at IS NULL AND kind = %s AND data ->> 'subjectId' = %s
RETURNING (data ->> 'since')::timestamptz"""
