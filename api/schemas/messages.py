"""What the message routes take."""

from typing import Annotated
from uuid import UUID

import msgspec

from services.chat_rules import TEXT_LIMIT
from services.errors import Invalid


class NewMessage(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A message to the one room that is named; `clientMessageId` makes sending it again harmless."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=TEXT_LIMIT)]
    stream_id: UUID | None = None
    session_id: UUID | None = None
    lounge_id: UUID | None = None
    reply_to: UUID | None = None
    client_message_id: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None

    @property
    def room_name(self) -> str:
        """The room as `kind:id`; raises Invalid unless exactly one is named."""
        named = {"stream": self.stream_id, "session": self.session_id, "lounge": self.lounge_id}
        given = [f"{kind}:{key}" for kind, key in named.items() if key is not None]
        if len(given) != 1:
            raise Invalid.field("streamId", "or sessionId or loungeId names the room", "room_required")
        return given[0]
