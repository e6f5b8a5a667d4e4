"""Taking away everything that a person said in a room, or on the whole platform."""

from uuid import UUID

import msgspec

from db.connection import acting_as_system, query
from db.transactions import atomic
from services import notifications
from services.actors import Actor
from services.chat_rules import cleaned
from services.events import MessagesDeleted, publish
from services.moderation_log import Action, record
from services.moderation_scope import Scope, must_outrank
from services.notification_kinds import Kind
from services.topics import room_topic


class Removal(msgspec.Struct, frozen=True, rename="camel"):
    """How many messages were taken away."""

    user_id: UUID
    deleted: int


@acting_as_system("moderation of another")
def remove_messages(actor: Actor, scope: Scope, user_id: UUID, reason: str = "") -> Removal:
    """Take away all that somebody said in a scope that the actor keeps; raises Forbidden, NotFound.

    The rows stay, without their words, so that the numbering has no hole. Every room concerned is told once.
    """
    reason = cleaned(reason)
    with atomic():
        must_outrank(actor, user_id, scope)
        rows = query(_REMOVE, {"user": user_id, "room": scope.room_id})
        for room_id in sorted({row[0] for row in rows}):
            publish(MessagesDeleted(user_id=user_id), room_topic(room_id))
        details = {"messages": len(rows)}
        record(
            actor,
            Action.DELETE_MESSAGES,
            room_id=scope.room_id,
            user_id=user_id,
            reason=reason,
            details=details,
        )
        if rows:
            title = "Your messages in a chat were deleted" if scope.room else "Your messages were deleted"
            notifications.notify(user_id, Kind.MODERATION, title, reason, {"room": scope.name, **details})
    return Removal(user_id, len(rows))


_REMOVE = """
UPDATE messages SET is_deleted = true, is_pinned = false
WHERE author_id = %(user)s AND (%(room)s::uuid IS NULL OR room_id = %(room)s) AND NOT is_deleted
RETURNING room_id"""
