"""What people say whom the one at a socket has blocked: it keeps its place in the room, without its words.

Nearly nobody in a room blocks anybody who speaks there, so everything here begins with a look at whether somebody
does: the others' frames stay the ones that were made once for all.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import msgspec

from realtime.answers import encode

Hidden = frozenset[bytes]  # ids as they are spelled on the wire

#: What begins the id of whoever caused an event, by its type. No text can hold it: its quotes would be escaped.
_MARKS = {
    b'{"type":"new_message"': b'"author":{"id":"',
    b'{"type":"message_edited"': b'"authorId":"',
    b'{"type":"typing"': b'"user":{"id":"',
}
_ID_LENGTH = 36
_AUTHORS = re.compile(rb'"author":\{"id":"([^"]{36})"')


def hidden(people: Iterable[UUID]) -> Hidden:
    """These people, as a socket remembers them."""
    return frozenset(str(user_id).encode() for user_id in people)


def speaker(event: bytes) -> bytes | None:
    """Whose words, or whose typing, an event is; None for everything else."""
    mark = _MARKS.get(event[: event.index(b'"', 9) + 1])
    if mark is None or (at := event.find(mark)) < 0:
        return None
    return event[at + len(mark) : at + len(mark) + _ID_LENGTH]


def without(events: Sequence[bytes], people: Hidden) -> list[bytes]:
    """The events for somebody who blocks these people: messages without words, and no typing."""
    return [shown for event in events if (shown := _shown(event, people)) is not None]


def history_without(messages: msgspec.Raw, people: Hidden) -> msgspec.Raw:
    """A list of messages, encoded, likewise."""
    if not people or people.isdisjoint(_AUTHORS.findall(messages)):
        return messages
    shown = [_wordless(found) if _is_by(found, people) else found for found in msgspec.json.decode(messages)]
    return msgspec.Raw(encode(shown))


def _shown(event: bytes, people: Hidden) -> bytes | None:
    if speaker(event) not in people:
        return event
    if event.startswith(b'{"type":"typing"'):
        return None
    return encode(_wordless(msgspec.json.decode(event)))


def _is_by(message: dict[str, Any], people: Hidden) -> bool:
    return message["author"] is not None and message["author"]["id"].encode() in people


def _wordless(message: dict[str, Any]) -> dict[str, Any]:
    return {**message, "text": "", "isHidden": True}
