"""Following: who wants to hear of whom."""

from uuid import UUID

import msgspec

from db.connection import query
from db.models.follows import Block, Follow
from db.models.users import User
from db.transactions import atomic
from services import clock
from services.actors import Actor
from services.errors import Forbidden, Invalid, NotFound
from services.events import UserChanged, publish
from services.topics import CONTROL


class FollowState(msgspec.Struct, frozen=True, rename="camel"):
    """Whether the actor follows, and how many do."""

    following: bool
    follower_count: int


def follow(actor: Actor, user_id: UUID) -> FollowState:
    """Follow somebody; again changes nothing. Raises Invalid for oneself, Forbidden where one blocks the other."""
    with atomic():
        _lock_pair(actor.user_id, user_id)
        if _blocked(actor.user_id, user_id):
            raise Forbidden("You cannot follow this person.", "blocked")
        added = query(
            """INSERT INTO follows (follower_id, following_id, created_at) VALUES (%s, %s, %s)
               ON CONFLICT DO NOTHING RETURNING 1""",
            (actor.user_id, user_id, clock.now()),
        )
        if added:
            _count(actor.user_id, user_id, 1)
    return _state(actor, user_id)


def unfollow(actor: Actor, user_id: UUID) -> FollowState:
    """Stop following somebody; again changes nothing."""
    with atomic():
        _lock_pair(actor.user_id, user_id)
        if Follow.delete().where(Follow.follower == actor.user_id, Follow.following == user_id).execute():
            _count(actor.user_id, user_id, -1)
    return _state(actor, user_id)


def followed_by(user_id: UUID) -> list[UUID]:
    """Whom a person follows."""
    return [row[0] for row in query("SELECT following_id FROM follows WHERE follower_id = %s", (user_id,))]


def _lock_pair(follower_id: UUID, user_id: UUID) -> None:
    """Lock both rows in the order of their ids, so that mutual follows never deadlock."""
    if follower_id == user_id:
        raise Invalid.field("id", "must not be your own", "self_follow")
    found = User.select(User.id).where(User.id.in_((follower_id, user_id))).order_by(User.id).for_update()
    if len(list(found)) < 2:
        raise NotFound("No such user.")


def _blocked(one: UUID, other: UUID) -> bool:
    either = ((Block.blocker == one) & (Block.blocked == other)) | ((Block.blocker == other) & (Block.blocked == one))
    return bool(Block.select().where(either).exists())


def _count(follower_id: UUID, user_id: UUID, change: int) -> None:
    User.update(follower_count=User.follower_count + change).where(User.id == user_id).execute()
    User.update(following_count=User.following_count + change).where(User.id == follower_id).execute()
    publish(UserChanged(user_id=follower_id), CONTROL)


def _state(actor: Actor, user_id: UUID) -> FollowState:
    follows = Follow.select().where(Follow.follower == actor.user_id, Follow.following == user_id).exists()
    count = User.select(User.follower_count).where(User.id == user_id).get().follower_count
    return FollowState(bool(follows), count)
