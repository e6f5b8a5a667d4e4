"""Messages over HTTP: the same sending as on a socket, and a moderator's marks."""

import falcon

from api.replies import created, ok, page
from api.requests import Request, actor, parse, parse_query
from api.schemas.lists import ListQuery
from api.schemas.messages import NewMessage
from api.schemas.moderation import EditedText
from services import chat, message_edits, messages, rooms
from services.chat import Draft
from services.hidden_people import as_read_by


class Messages:
    """Messages of all rooms."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        body = parse(req, NewMessage)
        caller = actor(req)
        draft = Draft(
            room=rooms.find_room(body.room_name, caller),
            actor=caller,
            text=body.text,
            reply_to=body.reply_to,
            client_message_id=body.client_message_id,
        )
        message = chat.send_message(draft)
        created(resp, message, f"/api/messages/{message.id}")


class SessionMessages:
    """What was said in the chat of a session."""

    def on_get(self, req: Request, resp: falcon.Response, sessionId: str) -> None:  # noqa: N803 - the route's own name
        wanted = parse_query(req, ListQuery)
        room = rooms.find_room(f"session:{sessionId}", actor(req))
        said = messages.history(room, wanted.limit, wanted.cursor)
        page(resp, as_read_by(actor(req), said))


class MessagePin:
    """Whether a message is pinned."""

    def on_patch(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, messages.toggle_pin(actor(req), id))


class Message:
    """One message."""

    def on_patch(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, message_edits.edit_message(actor(req), id, parse(req, EditedText).text))

    def on_delete(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, messages.delete_message(actor(req), id))
