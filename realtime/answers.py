"""What the server says: events and answers as JSON, and what is spliced into them without decoding."""

from typing import Any

import msgspec

from services.errors import FieldError


class ErrorEvent(
    msgspec.Struct, frozen=True, kw_only=True, tag="error", tag_field="type", rename="camel", omit_defaults=True
):
    """A refusal; the optional fields say when it ends."""

    id: str | int | None = None
    code: str
    message: str
    retry_after_ms: int | None = None
    until: str | None = None
    details: list[FieldError] | None = None


class Pong(msgspec.Struct, frozen=True, kw_only=True, tag="pong", tag_field="type", omit_defaults=True):
    id: str | int | None = None
    time: str


class Lagging(msgspec.Struct, frozen=True, tag="lagging", tag_field="type"):
    """So many chat messages were not sent to this socket, because it reads too slowly."""

    dropped: int


class GoingAway(msgspec.Struct, frozen=True, tag="server_going_away", tag_field="type", rename="camel"):
    retry_in_ms: int


encode = msgspec.json.encode


def ack(ref: str | int | None, body: msgspec.Struct | None = None) -> bytes:
    """`{"type":"ack","id":…}` with the fields of `body` beside them."""
    head = encode({"type": "ack", "id": ref} if ref is not None else {"type": "ack"})
    fields = encode(body) if body is not None else b"{}"
    return head if fields == b"{}" else head[:-1] + b"," + fields[1:]


def type_first(event: bytes) -> bytes:
    """The same event object with `type` as its first field, as the functions below need it."""
    if event.startswith(b'{"type":"'):
        return event
    fields = msgspec.json.decode(event, type=dict[str, Any])
    return encode({"type": fields.pop("type"), **fields})


def event_name(event: bytes) -> bytes:
    """The `type` of an event object that begins with it."""
    return event[9 : event.index(b'"', 9)]


def with_room(event: bytes, room: bytes) -> bytes:
    """The event with `"room":room` after its type; `room` is a JSON string."""
    after_type = event.index(b'"', 9) + 1
    return event[:after_type] + b',"room":' + room + event[after_type:]
