"""What the moderation and lounge routes take."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from api.schemas.lists import Cursor, Limit, ListQuery
from services.chat_rules import TEXT_LIMIT
from services.errors import Invalid
from services.moderation import BanDraft, Reason, Seconds
from services.moderation_history import LogFilter
from services.moderation_log import Action
from services.pages import DEFAULT_LIMIT
from services.report_queue import ReportStatus

RoomName = Annotated[str, msgspec.Meta(min_length=3, max_length=120)]


class InRoom(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A room as `kind:id`, or by the id of a stream, session or lounge."""

    room: RoomName | None = None
    stream_id: UUID | None = None
    session_id: UUID | None = None
    lounge_id: UUID | None = None

    @property
    def room_name(self) -> str | None:
        """The room as `kind:id`; raises Invalid where several are named."""
        named = {"stream": self.stream_id, "session": self.session_id, "lounge": self.lounge_id}
        given = [f"{kind}:{key}" for kind, key in named.items() if key is not None]
        given += [self.room] if self.room is not None else []
        if len(given) > 1:
            raise Invalid.field("room", "names one room only", "room_ambiguous")
        return given[0] if given else None


class NewBan(InRoom, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Without a room: everywhere for the platform's staff, in one's own chat for a streamer."""

    user_id: UUID
    seconds: Seconds | None = None
    until: datetime | None = None
    reason: Reason = ""
    delete_messages: bool = False

    @property
    def draft(self) -> BanDraft:
        """The ban itself, without its room."""
        return BanDraft(
            user_id=self.user_id,
            seconds=self.seconds,
            until=self.until,
            reason=self.reason,
            delete_messages=self.delete_messages,
        )


class NewRemoval(InRoom, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Whose messages to take away, and where."""

    user_id: UUID
    reason: Reason = ""


class NewModerator(InRoom, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Whom to trust; without a room, with one's own chat."""

    user_id: UUID


class LoungeModeratorDraft(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Whom to trust with a lounge."""

    user_id: UUID


class EditedText(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The new words of a message."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=TEXT_LIMIT)]


class RoomQuery(InRoom, frozen=True, kw_only=True, rename="camel"):
    """Which room is meant."""


class RoomListQuery(InRoom, frozen=True, kw_only=True, rename="camel"):
    """Which page of the list of which room."""

    limit: Limit = DEFAULT_LIMIT
    cursor: Cursor | None = None


class LogQuery(RoomListQuery, frozen=True, kw_only=True, rename="camel"):
    """Which page of which entries of the log."""

    user_id: UUID | None = None
    actor_id: UUID | None = None
    action: Action | None = None

    @property
    def filter(self) -> LogFilter:
        """Which entries are wanted."""
        return LogFilter(room=self.room_name, user_id=self.user_id, actor_id=self.actor_id, action=self.action)


class ReportQuery(RoomListQuery, frozen=True, kw_only=True, rename="camel"):
    """Which page of the reports in which state."""

    status: ReportStatus = ReportStatus.OPEN


class LoungeQuery(ListQuery, frozen=True, kw_only=True):
    """Which page of the lounges; `mine` are those that one was asked into."""

    mine: bool = False
