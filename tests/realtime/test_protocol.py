"""What clients may say, read without any socket; whatever they say, nothing but Refused is raised."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame
from websockets.protocol import State
from websockets.uri import parse_uri

from realtime import socketio
from realtime.answers import ack, event_name, type_first, with_room
from realtime.dialects import JSON, SOCKET_IO
from realtime.frames import text_frame
from realtime.protocol import (
    COMMANDS,
    Chat,
    Code,
    Join,
    JoinLounge,
    Refused,
    Said,
    SendMessage,
    read_command,
    read_event,
)

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


class Body(msgspec.Struct):
    room: str


def test_names_of_different_origin_mean_the_same() -> None:
    assert read_command('{"type":"chat","message":"hi","streamId":"7"}') == Chat(message="hi", stream_id="7")
    chat = read_command('{"type":"send_message","text":"hi","room":"stream:7","id":"a"}')
    assert isinstance(chat, SendMessage)
    assert (chat.words, chat.room_name, chat.id) == ("hi", "stream:7", "a")
    assert read_command('{"type":"join-lounge","loungeId":"9"}') == JoinLounge(lounge_id="9")
    assert read_event("join-lounge", "9") == JoinLounge(lounge_id="9")
    assert read_event("join", {"room": "session:1", "since": 4}) == Join(room="session:1", since=4)


@pytest.mark.parametrize(
    ("text", "code", "ref"),
    [
        ("", Code.BAD_JSON, None),
        ("[1]", Code.BAD_JSON, None),
        ('{"type":"chat"', Code.BAD_JSON, None),
        ("[" * 16000, Code.BAD_JSON, None),
        ('{"type":"dance","id":"a"}', Code.UNKNOWN_TYPE, "a"),
        ('{"id":"a"}', Code.UNKNOWN_TYPE, "a"),
        ('{"type":"chat","text":5,"id":"a"}', Code.INVALID, "a"),
        ('{"type":"pin_message"}', Code.INVALID, None),
    ],
)
def test_what_cannot_be_acted_on_is_refused_with_the_clients_own_id(text: str, code: str, ref: str | None) -> None:
    with pytest.raises(Refused) as refused:
        read_command(text)
    assert (refused.value.code, refused.value.ref) == (code, ref)


@given(st.text() | JSON_VALUES.map(json.dumps))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    for dialect in (JSON, SOCKET_IO):
        try:
            dialect.read(text)
        except Refused as refused:
            assert refused.code


@given(st.sampled_from(["4", "42", "421", "40", "41", "43", "45", "2", ""]), st.text() | JSON_VALUES.map(json.dumps))
def test_no_packet_does_more_than_be_refused(head: str, tail: str) -> None:
    try:
        socketio.read_packet(head + tail)
    except Refused as refused:
        assert refused.code


@given(
    st.sampled_from(sorted(COMMANDS)), st.dictionaries(st.sampled_from(["text", "room", "id", "since"]), JSON_VALUES)
)
def test_both_dialects_read_the_same_command(name: str, fields: dict[str, object]) -> None:
    def outcome(read: object, text: str) -> object:
        try:
            said = read(text)  # type: ignore[operator]
        except Refused as refused:
            return refused.code
        assert isinstance(said, Said)
        return said.command

    plain = outcome(JSON.read, json.dumps({**fields, "type": name}))
    assert plain == outcome(SOCKET_IO.read, "42" + json.dumps([name, fields]))


def test_a_stock_clients_packets_are_understood() -> None:
    assert socketio.read_packet("40") == socketio.Connect(None)
    assert socketio.read_packet('40{"token":"t"}') == socketio.Connect("t")
    assert socketio.read_packet("40/admin,") == socketio.WrongNamespace("/admin")
    assert socketio.read_packet('4213["chat",{"text":"hi"}]') == Said(Chat(text="hi"), 13)
    assert socketio.read_packet("3") == socketio.Pong()
    assert socketio.read_packet("41") == socketio.Goodbye()
    with pytest.raises(Refused) as refused:
        socketio.read_packet('4213["dance"]')
    assert (refused.value.code, refused.value.ack_id) == (Code.UNKNOWN_TYPE, 13)


@given(
    st.from_regex("[a-z_-]{1,20}", fullmatch=True),
    st.dictionaries(st.text().filter(lambda name: name not in ("type", "room")), JSON_VALUES),
    st.text(),
)
def test_events_keep_their_fields_whatever_way_they_go(name: str, fields: dict[str, object], room: str) -> None:
    event = msgspec.json.encode({"type": name, **fields})
    assert json.loads(with_room(event, msgspec.json.encode(room))) == {"type": name, "room": room, **fields}
    assert event_name(event).decode() == name
    packet = socketio.event_packet(event).decode()
    assert packet.startswith("42")
    assert json.loads(packet[2:]) == [name, fields]


def test_the_type_is_put_first_where_it_is_not() -> None:
    assert type_first(b'{"type":"a","b":1}') == b'{"type":"a","b":1}'
    assert type_first(b'{"b":1,"type":"a"}') == b'{"type":"a","b":1}'


def test_an_answer_carries_the_clients_id_and_the_fields_of_its_body() -> None:
    assert ack("a") == b'{"type":"ack","id":"a"}'
    assert ack(None) == b'{"type":"ack"}'
    assert ack(7, Body("b")) == b'{"type":"ack","id":7,"room":"b"}'


@given(st.text(max_size=70000))
def test_a_frame_made_by_hand_is_read_by_the_library(text: str) -> None:
    client = ClientProtocol(parse_uri("ws://example.test/"), state=State.OPEN)
    client.receive_data(text_frame(text.encode()))
    (frame,) = client.events_received()
    assert isinstance(frame, Frame)
    assert bytes(frame.data).decode() == text
    assert frame.fin
