"""Messages over HTTP: the same sending as on a socket, and a moderator's marks."""

import falcon

from api.replies import created, ok
from api.requests import Request, actor, parse
from api.schemas.messages import NewMessage
from services import chat, messages, rooms
from services.chat import Draft


class Messages:
    """Messages of all rooms."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        body = parse(req, NewMessage)
        draft = Draft(
            room=rooms.find_room(body.room_name),
            actor=actor(req),
            text=body.text,
            reply_to=body.reply_to,
            client_message_id=body.client_message_id,
        )
        message = chat.send_message(draft)
        created(resp, message, f"/api/messages/{message.id}")


class MessagePin:
    """Whether a message is pinned."""

    def on_patch(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, messages.toggle_pin(actor(req), id))


class Message:
    """One message."""

    def on_delete(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, messages.delete_message(actor(req), id))
