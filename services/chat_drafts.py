"""A message on its way: what somebody wants to say, what the rules made of it, and what became of it.

Thousands of these are made each second, and none can be part of a cycle: the collector need not look at them.
"""

from uuid import UUID

import msgspec

from services.actors import Actor
from services.errors import ServiceError
from services.messages import Author, Message
from services.rooms import RoomRef
from services.standing import Pair


class Draft(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A message that somebody wants to send; `client_message_id` makes sending it again harmless."""

    room: RoomRef
    actor: Actor
    text: str
    reply_to: UUID | None = None
    client_message_id: str | None = None

    @property
    def pair(self) -> Pair:
        return self.room.id, self.actor.user_id


class Judged(msgspec.Struct, frozen=True, gc=False):
    """A draft that the rules let pass, with what its row and its author's line need; `position` in its batch."""

    position: int
    draft: Draft
    text: str
    author: Author
    slow_mode_s: int


class Sent(msgspec.Struct, frozen=True, gc=False):
    """A message that is in the database; `is_new` unless an earlier sending put it there."""

    room_id: UUID
    message: Message
    is_new: bool


Outcome = Sent | ServiceError
Outcomes = list[Outcome | None]  # one for each draft of a batch; None while it is not known
