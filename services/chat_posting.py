"""From drafts that the rules let pass to numbered rows: one statement and one commit for a whole batch."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from db.connection import query
from services.chat_drafts import Judged, Outcomes, Sent
from services.errors import Invalid, NotFound, RateLimited, ServiceError
from services.ids import id_array, new_id
from services.messages import Message

_POST_NEW = """SELECT room_id, seq_before, posted_at FROM post_new_messages(
    %s::uuid[], %s::uuid[], %s::integer[], %s::uuid[], %s::text[], %s::uuid[], %s::text[])"""
_POST = """SELECT outcome, id, seq, text, reply_to_id, is_pinned, is_deleted, created_at, retry_after_ms
           FROM post_messages(%s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::uuid[], %s::text[], %s::integer[])"""


def post(passed: Sequence[Judged], outcomes: Outcomes) -> None:
    """Store what the rules let pass; what only the database can know may still refuse it.

    Nearly always nothing is left to decide, and a batch is stored as it is. Rooms in slow mode, and a batch
    in which something was sent before, answers nothing or belongs to nobody, are decided by the database
    message by message, which costs it several times as much.
    """
    slow_rooms = {judged.draft.room.id for judged in passed if judged.slow_mode_s}
    slow = [judged for judged in passed if judged.draft.room.id in slow_rooms] if slow_rooms else []
    others = [judged for judged in passed if judged.draft.room.id not in slow_rooms] if slow else passed
    if not _post_new(others, outcomes):
        _decide(others, outcomes)
    _decide(slow, outcomes)


def _post_new(passed: Sequence[Judged], outcomes: Outcomes) -> bool:
    """Store all or, where one needs a decision, none; says which."""
    if not passed:
        return True
    ids, nths = [new_id() for _ in passed], _numbered_by_room(passed)
    columns = (
        id_array(ids),
        id_array(judged.draft.room.id for judged in passed),
        nths,
        id_array(judged.draft.actor.user_id for judged in passed),
        _texts(judged.text for judged in passed),
        id_array(judged.draft.reply_to for judged in passed) if any(j.draft.reply_to for j in passed) else None,
        _texts(judged.draft.client_message_id for judged in passed),
    )
    rooms = {
        room_id.int: (before, posted_at) for room_id, before, posted_at in query(_POST_NEW, columns, prepared=True)
    }
    if not rooms:
        return False
    for judged, message_id, nth in zip(passed, ids, nths, strict=True):
        before, posted_at = rooms[judged.draft.room.id.int]
        message = _new_message(judged, message_id, before + nth, posted_at)
        outcomes[judged.position] = Sent(judged.draft.room.id, message, is_new=True)
    return True


def _decide(passed: Sequence[Judged], outcomes: Outcomes) -> None:
    if not passed:
        return
    columns = (
        id_array(new_id() for _ in passed),
        id_array(judged.draft.room.id for judged in passed),
        id_array(judged.draft.actor.user_id for judged in passed),
        _texts(judged.text for judged in passed),
        id_array(judged.draft.reply_to for judged in passed),
        _texts(judged.draft.client_message_id for judged in passed),
        [judged.slow_mode_s for judged in passed],
    )
    for judged, (outcome, *stored, retry_after_ms) in zip(passed, query(_POST, columns, prepared=True), strict=True):
        if outcome in ("stored", "repeated"):
            message = _message(judged, *stored)
            outcomes[judged.position] = Sent(judged.draft.room.id, message, is_new=outcome == "stored")
        else:
            outcomes[judged.position] = _REFUSALS[outcome](retry_after_ms)


def _numbered_by_room(passed: Iterable[Judged]) -> list[int]:
    """For each message, the so many-th of its room it is, from 1."""
    counts: dict[int, int] = {}
    numbers = []
    for judged in passed:
        room = judged.draft.room.id.int
        counts[room] = number = counts.get(room, 0) + 1
        numbers.append(number)
    return numbers


def _texts(texts: Iterable[str | None]) -> str:
    """An array as PostgreSQL reads it, for the same reason as `id_array`."""
    return "{" + ",".join("NULL" if text is None else _quoted(text) for text in texts) + "}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_REFUSALS: dict[str, Callable[[int | None], ServiceError]] = {
    "slow_mode": lambda wait_ms: RateLimited(
        "This chat is in slow mode.", "slow_mode", retry_after_s=(wait_ms or 0) / 1000
    ),
    "reply_not_found": lambda _: Invalid.field("replyTo", "is not a message of this room", "reply_not_found"),
    "room_not_found": lambda _: NotFound("No such room.", "room_not_found"),
}


def _new_message(judged: Judged, message_id: UUID, seq: int, posted_at: datetime) -> Message:
    return Message(
        id=message_id,
        room=judged.draft.room.alias,
        seq=seq,
        text=judged.text,
        author=judged.author,
        reply_to=judged.draft.reply_to,
        created_at=posted_at,
    )


def _message(
    judged: Judged,
    message_id: UUID,
    seq: int,
    text: str,
    reply_to: UUID | None,
    is_pinned: bool,
    is_deleted: bool,
    created_at: datetime,
) -> Message:
    return Message(
        id=message_id,
        room=judged.draft.room.alias,
        seq=seq,
        text="" if is_deleted else text,
        author=judged.author,
        is_pinned=is_pinned,
        is_deleted=is_deleted,
        reply_to=reply_to,
        created_at=created_at,
    )
