"""Routes of chat: history, and messages."""

from api.resources import chat, messages
from api.route_tables.access import MODERATOR, OPTIONAL, USER
from api.routing import Area, Route
from api.schemas.lists import ListQuery
from api.schemas.messages import NewMessage
from api.schemas.moderation import EditedText
from services.messages import Message

chat_area = Area("chat")
messages_area = Area("messages")

CHAT: tuple[Route, ...] = (
    chat_area.get(
        "/api/chat/{streamId}",
        chat.StreamChat,
        OPTIONAL,
        "Chat history of a stream; newest page first; cursor back",
        query=ListQuery,
        reply=Message,
        paged=True,
    ),
    messages_area.get(
        "/api/messages/session/{sessionId}",
        messages.SessionMessages,
        USER,
        "Messages of a session; newest page first; cursor back",
        query=ListQuery,
        reply=Message,
        paged=True,
    ),
    messages_area.post(
        "/api/messages",
        messages.Messages,
        USER,
        "Send a message to a session, stream or lounge",
        body=NewMessage,
        reply=Message,
        status=201,
        once=True,
    ),
    messages_area.patch("/api/messages/{id}/pin", messages.MessagePin, MODERATOR, "Toggle the pin", reply=Message),
    messages_area.patch(
        "/api/messages/{id}",
        messages.Message,
        USER,
        "Change one's own words, for five minutes",
        body=EditedText,
        reply=Message,
    ),
    messages_area.delete("/api/messages/{id}", messages.Message, MODERATOR, "Soft-delete a message", reply=Message),
)
