"""What clients may say: the commands of the realtime contract, and codes that answer them. No I/O."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, get_args
from uuid import UUID

import msgspec

FRAME_LIMIT_BYTES = 16 * 1024

#: No NUL in it: PostgreSQL takes none, and one that reached it would cost the others of its batch their messages.
Name = Annotated[str, msgspec.Meta(max_length=120, pattern=r"\A[^\x00]*\Z")]
SendingId = Annotated[str, msgspec.Meta(max_length=100, pattern=r"\A[^\x00]*\Z")]
Seconds = Annotated[int, msgspec.Meta(ge=1, le=10 * 365 * 86400)]
#: The client's own, given back as it came: bounded by the frame alone.
Reference = str | int
Since = Annotated[str, msgspec.Meta(max_length=128)] | int


class Code:
    """Error codes that the protocol itself gives; the services add theirs."""

    BAD_JSON = "bad_json"
    UNKNOWN_TYPE = "unknown_type"
    INVALID = "invalid"
    BINARY = "binary_not_supported"
    UNAUTHORIZED = "unauthorized"
    NO_ROOM = "room_required"
    TOO_MANY_ROOMS = "too_many_rooms"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal_error"


class Close:
    """Close codes: RFC 6455 section 7.4.1, and our own from 4000."""

    NORMAL = 1000
    INVALID_DATA = 1007
    POLICY = 1008
    RESTART = 1012
    UNAUTHORIZED = 4401
    TOO_SLOW = 4408


class Refused(Exception):
    """A client message that cannot be acted on.

    `ref` is the client's own id of it, `ack_id` the Socket.IO acknowledgement that it waits for.
    """

    def __init__(self, code: str, message: str, ref: str | int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.ref = ref
        self.ack_id: int | None = None


class Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", rename="camel"):
    """One client message; its tag is the `type` on the wire, `id` asks for an answer."""

    id: Reference | None = None
    always_answered: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """Its `type` on the wire."""
        return NAMES[type(self)]


class RoomCommand(Command, frozen=True, kw_only=True):
    """A command about a room, which clients of different origin name differently."""

    room: Name | None = None
    stream_id: Name | None = None
    session_id: Name | None = None
    lounge_id: Name | None = None
    streamer_nickname: Name | None = None

    @property
    def room_name(self) -> str | None:
        """The room as `kind:id`, or None where the client left it out."""
        if self.room is not None:
            return self.room
        for kind, key in (("stream", self.stream_id), ("session", self.session_id), ("lounge", self.lounge_id)):
            if key is not None:
                return f"{kind}:{key}"
        return None


class Authenticate(Command, frozen=True, kw_only=True, tag="authenticate"):
    token: str


class Join(RoomCommand, frozen=True, kw_only=True, tag="join"):
    """`since` is the id or the seq of the last message seen; the answer carries the history."""

    always_answered: ClassVar[bool] = True
    token: str | None = None
    since: Since | None = None


class JoinStream(Join, frozen=True, kw_only=True, tag="join_stream"): ...


class JoinSession(Join, frozen=True, kw_only=True, tag="join_session"): ...


class JoinLounge(Join, frozen=True, kw_only=True, tag="join-lounge"): ...


class Leave(RoomCommand, frozen=True, kw_only=True, tag="leave"): ...


class LeaveStream(Leave, frozen=True, kw_only=True, tag="leave_stream"): ...


class LeaveSession(Leave, frozen=True, kw_only=True, tag="leave_session"): ...


class LeaveLounge(Leave, frozen=True, kw_only=True, tag="leave-lounge"): ...


class SendMessage(RoomCommand, frozen=True, kw_only=True, tag="send_message"):
    """The words are in `text`, or in `message`."""

    text: str | None = None
    message: str | None = None
    reply_to: Name | None = None
    client_message_id: SendingId | None = None

    @property
    def words(self) -> str:
        return self.text if self.text is not None else self.message or ""


class Chat(SendMessage, frozen=True, kw_only=True, tag="chat"): ...


class Message(SendMessage, frozen=True, kw_only=True, tag="message"): ...


class SubscribeNotifications(Command, frozen=True, kw_only=True, tag="subscribe_notifications"): ...


class Typing(RoomCommand, frozen=True, kw_only=True, tag="typing"): ...


class PinMessage(Command, frozen=True, kw_only=True, tag="pin_message"):
    message_id: Name


class DeleteMessage(Command, frozen=True, kw_only=True, tag="delete_message"):
    message_id: Name


class EditMessage(Command, frozen=True, kw_only=True, tag="edit_message"):
    """The words are in `text`, or in `message`."""

    message_id: Name
    text: str | None = None
    message: str | None = None

    @property
    def words(self) -> str:
        return self.text if self.text is not None else self.message or ""


class React(RoomCommand, frozen=True, kw_only=True, tag="react"):
    """The kind is in `kind`, or in `reaction`."""

    kind: Name | None = None
    reaction: Name | None = None


class PersonCommand(RoomCommand, frozen=True, kw_only=True):
    """A moderator's command about a person in a room."""

    user_id: UUID
    reason: Annotated[str, msgspec.Meta(max_length=500)] = ""


class BanUser(PersonCommand, frozen=True, kw_only=True, tag="ban_user"):
    """Without `seconds` for good."""

    seconds: Seconds | None = None
    delete_messages: bool = False


class TimeoutUser(PersonCommand, frozen=True, kw_only=True, tag="timeout_user"):
    """Without `seconds` for ten minutes."""

    seconds: Seconds | None = None
    delete_messages: bool = False


class UnbanUser(PersonCommand, frozen=True, kw_only=True, tag="unban_user"): ...


class DeleteMessages(PersonCommand, frozen=True, kw_only=True, tag="delete_messages"):
    """All that the person said in the room."""


class UpvoteQuestion(Command, frozen=True, kw_only=True, tag="upvote_question"):
    question_id: Name


class VotePoll(Command, frozen=True, kw_only=True, tag="vote_poll"):
    """One option in `optionId`, or several in `optionIds` where the poll lets one choose several."""

    poll_id: Name
    option_id: UUID | None = None
    option_ids: Annotated[list[UUID], msgspec.Meta(max_length=10)] = []

    @property
    def chosen(self) -> list[UUID]:
        return [self.option_id, *self.option_ids] if self.option_id is not None else self.option_ids


class Ping(Command, frozen=True, kw_only=True, tag="ping"): ...


AnyCommand = (
    Authenticate
    | Join
    | JoinStream
    | JoinSession
    | JoinLounge
    | Leave
    | LeaveStream
    | LeaveSession
    | LeaveLounge
    | SendMessage
    | Chat
    | Message
    | SubscribeNotifications
    | Typing
    | PinMessage
    | DeleteMessage
    | EditMessage
    | React
    | BanUser
    | TimeoutUser
    | UnbanUser
    | DeleteMessages
    | UpvoteQuestion
    | VotePoll
    | Ping
)

COMMANDS: Mapping[str, type[Command]] = {str(kind.__struct_config__.tag): kind for kind in get_args(AnyCommand)}

NAMES: Mapping[type[Command], str] = {kind: name for name, kind in COMMANDS.items()}

# What a bare value in place of an object means (`emit("join-lounge", id)` in Socket.IO).
BARE_FIELD: Mapping[str, str] = {
    "authenticate": "token",
    "join": "room",
    "leave": "room",
    "join_stream": "streamId",
    "leave_stream": "streamId",
    "join_session": "sessionId",
    "leave_session": "sessionId",
    "join-lounge": "loungeId",
    "leave-lounge": "loungeId",
    "chat": "text",
    "send_message": "text",
    "message": "text",
    "typing": "room",
    "pin_message": "messageId",
    "delete_message": "messageId",
    "react": "kind",
    "upvote_question": "questionId",
}


class Said(msgspec.Struct, frozen=True):
    """One command as it was heard; `ack_id` is set where a Socket.IO client waits for an acknowledgement."""

    command: Command
    ack_id: int | None = None

    @property
    def is_answered(self) -> bool:
        """Whether success is told, and not only refusal."""
        return self.command.always_answered or self.command.id is not None or self.ack_id is not None


_commands = msgspec.json.Decoder(AnyCommand)
_decoder = msgspec.json.Decoder()


def read_command(text: str) -> Command:
    """The command in one JSON text frame; raises Refused."""
    try:
        return _commands.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return _read_again(text)


def _read_again(text: str) -> Command:
    """Find out what is wrong with a command, and whose answer the sender waits for; raises Refused."""
    try:
        said = _decoder.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Refused(Code.BAD_JSON, "This is not JSON.") from error
    if not isinstance(said, dict):
        raise Refused(Code.BAD_JSON, "A message is a JSON object.")
    return _command(said)


def read_event(name: str, payload: Any) -> Command:
    """The command in a Socket.IO event: its name, and the first argument decoded; raises Refused."""
    if payload is None:
        payload = {}
    elif name in BARE_FIELD and not isinstance(payload, dict):
        payload = {BARE_FIELD[name]: payload}
    if not isinstance(payload, dict):
        raise Refused(Code.INVALID, "The argument of an event is an object.")
    return _command({**payload, "type": name})


def _command(said: dict[str, Any]) -> Command:
    ref = said.get("id")
    known_ref = ref if isinstance(ref, str | int) and not isinstance(ref, bool) else None
    kind = COMMANDS.get(said["type"]) if isinstance(said.get("type"), str) else None
    if kind is None:
        raise Refused(Code.UNKNOWN_TYPE, "This type is not known here.", known_ref)
    try:
        return msgspec.convert(said, kind)
    except msgspec.ValidationError as error:
        raise Refused(Code.INVALID, str(error), known_ref) from error
