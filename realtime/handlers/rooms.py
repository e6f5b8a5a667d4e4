"""Commands about being in a room."""

import msgspec

from realtime.client import Client
from realtime.hall import Hall
from realtime.hiding import history_without
from realtime.protocol import Code, Join, Leave, RoomCommand, Typing
from realtime.router import Reply, command
from services import chat_signs, rooms
from services.errors import Conflict, Invalid, ServiceError
from services.rooms import RoomRef

ROOMS_A_CLIENT = 50
TYPING_PAUSE_S = 3


class Joined(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The answer to `join`; `messages` are oldest first."""

    room: str
    viewer_count: int
    settings: msgspec.Raw
    pinned: msgspec.Raw
    messages: msgspec.Raw
    recovered: bool
    truncated: bool


@command("join", "join_stream", "join_session", "join-lounge")
async def join(client: Client, said: Join, hall: Hall) -> Reply:
    """Hear a room from its history on: what flows meanwhile is held until the answer is sent."""
    if said.token:
        await hall.sign_in(client, said.token)
    ref = await _room_named(client, said, hall)
    if len(client.joined) >= ROOMS_A_CLIENT and ref.id not in client.joined:
        raise Conflict(f"No more than {ROOMS_A_CLIENT} rooms at once.", Code.TOO_MANY_ROOMS)
    _enter(client, ref, hall)
    room = await hall.rooms.arrive(client.connection, ref)
    try:
        opening = await hall.openings.of(ref, said.since)
    except ServiceError:
        hall.put_out(client, ref.id)
        raise
    answer = Joined(
        room=ref.alias,
        viewer_count=await hall.presence.count(ref.id),
        settings=opening.settings,
        pinned=history_without(opening.pinned, client.connection.hidden),
        messages=history_without(opening.messages, client.connection.hidden),
        recovered=opening.recovered,
        truncated=opening.truncated,
    )
    return Reply(answer, then=lambda: room.settle(client.connection, opening.last_seq))


@command("leave", "leave_stream", "leave_session", "leave-lounge")
async def leave(client: Client, said: Leave, hall: Hall) -> Reply:
    """Hear a room no longer."""
    ref = await room_meant(client, said, hall)
    hall.put_out(client, ref.id)
    return Reply()


@command("typing")
async def typing(client: Client, said: Typing, hall: Hall) -> Reply:
    """Tell the room that this person is writing; at most once in TYPING_PAUSE_S."""
    actor = await hall.actor_of(client)
    ref = await room_meant(client, said, hall)
    now = client.connection.last_heard_at
    if now - client.typed_at >= TYPING_PAUSE_S:
        client.typed_at = now
        await hall.threads.query(chat_signs.tell_typing, actor, ref.id, hall.standings)
    return Reply()


async def room_meant(client: Client, said: RoomCommand, hall: Hall) -> RoomRef:
    """The room that a command names, or the only one joined; raises Invalid, NotFound."""
    return room_joined(client, said) or await _room_named(client, said, hall)


def room_joined(client: Client, said: RoomCommand) -> RoomRef | None:
    """The same where the client is in it; raises Invalid where none is named and there is not just one."""
    if said.room_name is None and said.streamer_nickname is None:
        if len(client.joined) != 1:
            raise Invalid.field("room", "says which room is meant", Code.NO_ROOM)
        return RoomRef(*next(iter(client.joined.items())))
    for room_id, alias in client.joined.items():
        if alias == said.room_name:
            return RoomRef(room_id, alias)
    return None


async def _room_named(client: Client, said: RoomCommand, hall: Hall) -> RoomRef:
    if said.room_name is not None:
        return await hall.threads.query(rooms.find_room, said.room_name, client.actor)
    if said.streamer_nickname is not None:
        return await hall.threads.query(rooms.room_of_streamer, said.streamer_nickname)
    raise Invalid.field("room", "says which room to join", Code.NO_ROOM)


def _enter(client: Client, ref: RoomRef, hall: Hall) -> None:
    if not client.connection.is_open:
        raise Conflict("The connection is closing.")
    if ref.id not in client.joined:
        hall.enter(client, ref.id)
    client.joined[ref.id] = ref.alias
    client.has_joined = True
