"""Commands about what is said."""

from uuid import UUID

import msgspec

from realtime.client import Client
from realtime.hall import Hall
from realtime.handlers.rooms import room_meant
from realtime.protocol import DeleteMessage, PinMessage, SendMessage
from realtime.router import Reply, command
from services import messages
from services.chat import Draft
from services.errors import Invalid, ServiceError
from services.messages import Message


class Stored(msgspec.Struct, frozen=True):
    """The answer to a message that was sent, or marked."""

    message: Message


@command("send_message", "chat", "message")
async def send_message(client: Client, said: SendMessage, hall: Hall) -> Reply:
    """Say something in a room; answered after the commit."""
    actor = await hall.actor_of(client)
    draft = Draft(
        room=await room_meant(client, said.room_name, hall),
        actor=actor,
        text=said.words,
        reply_to=_reply_to(said.reply_to),
        client_message_id=said.client_message_id or None,
    )
    outcome = await hall.writer.send(draft)
    if isinstance(outcome, ServiceError):
        raise outcome
    return Reply(Stored(outcome.message))


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


def _reply_to(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError as error:
        raise Invalid.field("replyTo", "is not a message id", "reply_not_found") from error
