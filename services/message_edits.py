"""Giving a message other words, as its author may for a few minutes."""

from datetime import timedelta
from uuid import UUID

from db.connection import query
from db.models.messages import Message as MessageRow
from db.transactions import atomic
from services import chat_rules, clock, throttle
from services.actors import Actor
from services.errors import Conflict, Forbidden, NotFound, RateLimited
from services.events import MessageEdited, publish
from services.ids import known_id
from services.messages import Message, one_message
from services.rooms import read_settings
from services.standing import standing
from services.topics import room_topic

WITHIN = timedelta(minutes=5)
LIMIT = "20/minute"


def edit_message(actor: Actor, message_id: str, text: str) -> Message:
    """Change the words of one's own message; the room's rules hold as for a new one.

    Raises NotFound, Forbidden (not_author, or what forbids to write), Invalid, RateLimited, and
    Conflict (edit_too_late) after WITHIN.
    """
    wanted = known_id(message_id, "message")
    with atomic():
        room_id = _room_of(wanted)
        words = _allowed(actor, room_id, text)
        outcome = query("SELECT edit_message(%s, %s, %s, %s)", (wanted, actor.user_id, words, WITHIN))[0][0]
        _check(outcome)
        message = one_message(wanted, room_id)
        assert message.edited_at is not None
        event = MessageEdited(
            message_id=wanted, author_id=actor.user_id, text=message.text, edited_at=message.edited_at
        )
        publish(event, room_topic(room_id))
    return message


def _room_of(message_id: UUID) -> UUID:
    row = MessageRow.select(MessageRow.room).where(MessageRow.id == message_id).first()
    if row is None:
        raise NotFound("No such message.")
    return row.room_id


def _allowed(actor: Actor, room_id: UUID, text: str) -> str:
    """The text as it may be stored."""
    who, words = standing(actor, room_id), chat_rules.cleaned(text)
    refusal = chat_rules.refusal(who, read_settings(who.room_settings), words, clock.now())
    if refusal is not None:
        raise refusal
    if not throttle.hit(LIMIT, "edits", str(actor.user_id)).allowed:
        raise RateLimited("You edit too often.", retry_after_s=5)
    return words


def _check(outcome: str) -> None:
    if outcome == "not_found":
        raise NotFound("No such message.")
    if outcome == "not_author":
        raise Forbidden("Only its author may change a message.", "not_author")
    if outcome == "too_late":
        raise Conflict("A message may be changed for five minutes.", "edit_too_late")
