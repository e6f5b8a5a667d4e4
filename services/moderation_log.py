"""The log of who did what to whom: a row for each act of moderation, in the act's own transaction."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from db.models.moderation_log import ModerationEntry
from services.actors import Actor


class Action(StrEnum):
    """What moderators do; the database knows the same list."""

    BAN = "BAN"
    TIMEOUT = "TIMEOUT"
    UNBAN = "UNBAN"
    DELETE_MESSAGE = "DELETE_MESSAGE"
    DELETE_MESSAGES = "DELETE_MESSAGES"
    PIN = "PIN"
    UNPIN = "UNPIN"
    CHANGE_SETTINGS = "CHANGE_SETTINGS"
    ADD_MODERATOR = "ADD_MODERATOR"
    REMOVE_MODERATOR = "REMOVE_MODERATOR"
    RESOLVE_REPORT = "RESOLVE_REPORT"
    REMOVE_MEMBER = "REMOVE_MEMBER"
    ARCHIVE_LOUNGE = "ARCHIVE_LOUNGE"
    SUSPEND = "SUSPEND"
    REINSTATE = "REINSTATE"
    CHANGE_ROLE = "CHANGE_ROLE"


def record(
    actor: Actor,
    action: Action,
    *,
    room_id: UUID | None = None,
    user_id: UUID | None = None,
    target_id: UUID | None = None,
    reason: str = "",
    details: dict[str, Any] | None = None,
) -> None:
    """Write an act down, in the caller's transaction; without a room it was one for the whole platform."""
    ModerationEntry.create(
        actor_id=actor.user_id,
        action=action.value,
        room_id=room_id,
        target_user_id=user_id,
        target_id=target_id,
        reason=reason,
        details=details or {},
    )
