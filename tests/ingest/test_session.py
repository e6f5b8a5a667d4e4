import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import ProtocolError
from ingest.flv import MediaKind
from ingest.rtmp import amf0
from ingest.rtmp.chunks import write_message
from ingest.rtmp.messages import Message, MessageType
from ingest.rtmp.session import Connected, Media, Metadata, PublishRequested, Session, Unpublished
from tests.ingest.rtmp_client import C0_C1, C2, command, media, opening, replies, status_codes


def publishing() -> Session:
    session = Session()
    session.receive(opening())
    session.accept()
    session.outgoing()
    return session


def test_an_encoder_asks_to_publish_and_is_let_in() -> None:
    session = Session()
    assert session.receive(opening("live_abc?x=1")) == [
        Connected("live", "FMLE/3.0"),
        PublishRequested("live", "live_abc"),
    ]
    session.accept()
    sent = session.outgoing()
    assert [reply[0] for reply in replies(sent)] == ["_result"] * 4 + ["onStatus"]
    assert status_codes(sent) == ["NetStream.Publish.Start"]


def test_a_refused_encoder_hears_why() -> None:
    session = Session()
    session.receive(opening())
    session.refuse("NetStream.Publish.BadName", "The stream key is wrong.")
    assert status_codes(session.outgoing()) == ["NetStream.Publish.BadName"]
    assert session.closed
    assert session.receive(media(9, 0, b"\x17\x01\0\0\0x")) == []


def test_media_sent_too_early_wait_for_the_answer() -> None:
    session = Session()
    early = media(MediaKind.AUDIO, 20, b"\xaf\x01x")
    assert not any(isinstance(event, Media) for event in session.receive(opening() + early))
    assert session.accept() == [Media(MediaKind.AUDIO, 20, b"\xaf\x01x")]


def test_an_encoder_that_does_not_wait_is_cut_off() -> None:
    session = Session()
    session.receive(opening())
    with pytest.raises(ProtocolError):
        for _ in range(20):
            session.receive(bytes(100_000))


def test_media_before_publish_are_ignored() -> None:
    session = Session()
    assert session.receive(C0_C1 + C2 + media(8, 0, b"\xaf\x01x")) == []


def test_large_messages_are_allowed_only_after_the_key() -> None:
    with pytest.raises(ProtocolError):
        Session().receive(C0_C1 + C2 + media(9, 0, bytes(100_000)))
    assert len(publishing().receive(media(9, 0, bytes(100_000)))) == 1


def test_metadata_come_with_and_without_set_data_frame() -> None:
    fields: dict[str, amf0.Value] = {"width": 1280.0, "encoder": "obs"}
    plain = amf0.encode("onMetaData", fields)
    for payload in (plain, amf0.encode("@setDataFrame") + plain):
        wire = write_message(Message(MessageType.DATA, 0, 1, payload), 4, 128)
        assert publishing().receive(wire) == [Metadata(fields, plain)]


def test_an_aggregate_is_taken_apart() -> None:
    tag = bytes((8, 0, 0, 3, 0, 0, 100, 0, 0, 0, 0)) + b"\xaf\x01x" + bytes(4)
    later = bytes((9, 0, 0, 2, 0, 0, 140, 0, 0, 0, 0)) + b"\x17\x01" + bytes(4)
    events = publishing().receive(media(MessageType.AGGREGATE, 5000, tag + later))
    assert events == [Media(MediaKind.AUDIO, 5000, b"\xaf\x01x"), Media(MediaKind.VIDEO, 5040, b"\x17\x01")]


@pytest.mark.parametrize("name", ["FCUnpublish", "deleteStream", "closeStream"])
def test_every_good_bye_ends_the_broadcast(name: str) -> None:
    session = publishing()
    assert session.receive(command(name, 6, None, "live_abc")) == [Unpublished(name)]
    assert session.closed


def test_bytes_are_acknowledged_and_pings_answered() -> None:
    session = publishing()
    ping = write_message(Message(MessageType.USER_CONTROL, 0, 0, b"\x00\x06\x00\x00\x00\x07"), 2, 128)
    session.receive(ping)
    assert b"\x00\x07\x00\x00\x00\x07" in session.outgoing()
    session.receive(media(9, 0, bytes(3_000_000)))
    assert session.outgoing()[7:8] == bytes((MessageType.ACKNOWLEDGEMENT,))


def test_nothing_is_played_here() -> None:
    session = Session()
    session.receive(C0_C1 + C2 + command("play", 2, None, "live_abc", stream_id=1))
    assert status_codes(session.outgoing()) == ["NetStream.Play.StreamNotFound"]
    assert session.closed


@pytest.mark.parametrize(
    "hostile",
    [
        command("publish", 5, None),
        command("publish", 5, None, "a") + command("publish", 5, None, "b"),
        b"".join(command("createStream", n, None) for n in range(1, 20)),
        write_message(Message(MessageType.COMMAND, 0, 0, amf0.encode(7)), 3, 128),
        write_message(Message(MessageType.WINDOW_SIZE, 0, 0, b"\0"), 2, 128),
    ],
    ids=["no name", "twice", "many streams", "no command", "short control"],
)
def test_nonsense_is_a_protocol_error(hostile: bytes) -> None:
    session = Session()
    with pytest.raises(ProtocolError):
        session.receive(C0_C1 + C2 + hostile)
        session.accept()


@given(st.lists(st.binary(max_size=400), max_size=8), st.booleans())
def test_garbage_never_raises_anything_but_a_protocol_error(pieces: list[bytes], accepted: bool) -> None:
    session = publishing() if accepted else Session()
    try:
        if not accepted:
            session.receive(C0_C1 + C2)
        for piece in pieces:
            session.receive(piece)
    except ProtocolError:
        pass


@given(st.lists(st.integers(0, 4000), max_size=20))
def test_the_opening_may_arrive_in_any_pieces(cuts: list[int]) -> None:
    wire = opening()
    ends = sorted({cut % len(wire) for cut in cuts} | {len(wire)})
    session = Session()
    events = [event for start, end in zip([0, *ends], ends, strict=False) for event in session.receive(wire[start:end])]
    assert events[-1] == PublishRequested("live", "live_abc")
