"""Blocking: two people who are to hear nothing of each other."""

from uuid import UUID

import msgspec

from db.models.follows import Block
from db.transactions import atomic
from services import follows, users
from services.actors import Actor
from services.errors import Invalid
from services.events import UserChanged, publish
from services.topics import CONTROL


class BlockState(msgspec.Struct, frozen=True):
    """Whether the actor blocks somebody."""

    blocked: bool


def block(actor: Actor, user_id: UUID) -> BlockState:
    """Block somebody; both stop following. Again changes nothing. Raises Invalid for oneself, NotFound."""
    if actor.user_id == user_id:
        raise Invalid.field("userId", "must not be your own", "self_block")
    with atomic():
        follows.part(actor.user_id, user_id)
        Block.insert(blocker=actor.user_id, blocked=user_id).on_conflict_ignore().execute()
        _changed(actor.user_id, user_id)
    return BlockState(True)


def unblock(actor: Actor, user_id: UUID) -> BlockState:
    """Block somebody no longer; who followed whom before does not come back. Raises NotFound for nobody."""
    with atomic():
        users.user(str(user_id))
        Block.delete().where(Block.blocker == actor.user_id, Block.blocked == user_id).execute()
        _changed(actor.user_id, user_id)
    return BlockState(False)


def _changed(*user_ids: UUID) -> None:
    for user_id in user_ids:
        publish(UserChanged(user_id=user_id), CONTROL)
