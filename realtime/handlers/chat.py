"""Commands about what is said."""

from uuid import UUID

import msgspec

from realtime.client import Client
from realtime.hall import Hall
from realtime.handlers.rooms import room_joined, room_meant
from realtime.protocol import DeleteMessage, EditMessage, PinMessage, React, SendMessage
from realtime.router import End, Reply, at_once, command
from services import chat_signs, message_edits, messages
from services.actors import Actor
from services.chat import Draft, Outcome
from services.chat_signs import Reaction
from services.errors import Invalid, RateLimited, ServiceError
from services.messages import Message
from services.rooms import RoomRef

REACTION_PAUSE_S = 0.1


class Stored(msgspec.Struct, frozen=True):
    """The answer to a message that was sent, or marked."""

    message: Message


def _stored(outcome: Outcome) -> Reply:
    if isinstance(outcome, ServiceError):
        raise outcome
    return Reply(Stored(outcome.message))


@command("send_message", "chat", "message")
async def send_message(client: Client, said: SendMessage, hall: Hall) -> Reply:
    """Say something in a room; answered after the commit."""
    actor = await hall.actor_of(client)
    return _stored(await hall.writer.send(_draft(said, actor, await room_meant(client, said, hall))))


@at_once("send_message", "chat", "message", reply=_stored)
def send_at_once(client: Client, said: SendMessage, hall: Hall, end: End) -> bool:
    """The same for somebody known in a room that they are in."""
    actor = hall.known_actor(client)
    room = room_joined(client, said) if actor is not None else None
    if actor is None or room is None:
        return False
    hall.writer.take(_draft(said, actor, room), end)
    return True


@command("pin_message")
async def pin_message(client: Client, said: PinMessage, hall: Hall) -> Reply:
    """Pin a message, or unpin it."""
    actor = await hall.actor_of(client)
    return Reply(Stored(await hall.threads.query(messages.toggle_pin, actor, said.message_id)))


@command("delete_message")
async def delete_message(client: Client, said: DeleteMessage, hall: Hall) -> Reply:
    """Take a message's words away."""
    actor = await hall.actor_of(client)
    return Reply(Stored(await hall.threads.query(messages.delete_message, actor, said.message_id)))


@command("edit_message")
async def edit_message(client: Client, said: EditMessage, hall: Hall) -> Reply:
    """Give one's own message other words."""
    actor = await hall.actor_of(client)
    return Reply(Stored(await hall.threads.query(message_edits.edit_message, actor, said.message_id, said.words)))


@command("react")
async def react(client: Client, said: React, hall: Hall) -> Reply:
    """React without words; the room is told sums."""
    actor = await hall.actor_of(client)
    ref = await room_meant(client, said, hall)
    kind = _reaction(said.kind or said.reaction or "")
    _pace(client)
    await hall.threads.query(chat_signs.may_be_heard, actor, ref.id, hall.standings)
    hall.reactions.add(ref.id, kind)
    return Reply()


def _draft(said: SendMessage, actor: Actor, room: RoomRef) -> Draft:
    return Draft(
        room=room,
        actor=actor,
        text=said.words,
        reply_to=_reply_to(said.reply_to),
        client_message_id=said.client_message_id or None,
    )


def _reaction(name: str) -> Reaction:
    try:
        return Reaction(name)
    except ValueError as error:
        raise Invalid.field("kind", f"is one of {', '.join(Reaction)}", "unknown_reaction") from error


def _pace(client: Client) -> None:
    """Let one reaction of a socket pass every REACTION_PAUSE_S; raises RateLimited."""
    now = client.connection.last_heard_at
    if now - client.reacted_at < REACTION_PAUSE_S:
        raise RateLimited("That is a lot of reactions.", retry_after_s=REACTION_PAUSE_S)
    client.reacted_at = now


def _reply_to(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError as error:
        raise Invalid.field("replyTo", "is not a message id", "reply_not_found") from error
