"""The ways in which real encoders differ: chunk sizes, keyframes, timestamps, B-frames, codecs, good-byes."""

import re
import subprocess
from collections.abc import Iterator

import pytest

from ingest.flv import MediaKind
from ingest.rtmp import amf0
from ingest.rtmp.chunks import write_message
from ingest.rtmp.messages import Message, MessageType, set_chunk_size
from services.ladder import Source, ladder, transcode_command
from tests.ingest import hls_rules, rtmp_client, samples
from tests.ingest.samples import VIDEO, Tag, broadcast
from tests.ingest.stage import FFMPEG, KEY, TOKEN, RawEncoder, Stage, decode, moving_picture, stop_politely, wait_for

WRAP_24_MS, WRAP_32_MS = 1 << 24, 1 << 32


def message(tag: Tag, chunk_size: int, *, time_ms: int | None = None) -> bytes:
    """A tag as an encoder sends it, in chunks of a size of its own."""
    kind, own_ms, body = tag
    stamp = (own_ms if time_ms is None else time_ms) % WRAP_32_MS
    return write_message(Message(MessageType(kind), stamp, 1, body), 6 if kind is VIDEO else 4, chunk_size)


def big(tags: list[Tag]) -> Iterator[Tag]:
    """Frames large enough to need many chunks."""
    for kind, time_ms, body in tags:
        is_frame = kind is VIDEO and body[1:2] == b"\x01"
        yield kind, time_ms, body + bytes(3000) if is_frame else body


def source(stage: Stage) -> hls_rules.MediaPlaylist:
    return hls_rules.read(stage.text("source/index.m3u8"))


def play(stage: Stage, encoder: RawEncoder, tags: list[Tag], chunk_size: int = 128, start_ms: int = 0) -> None:
    """Send a few tags, the others once the stream is live, and say good-bye."""
    first, rest = tags[:8], tags[8:]
    encoder.send(b"".join(message(tag, chunk_size, time_ms=start_ms + tag[1]) for tag in first))
    wait_for(lambda: [live for live in stage.lifecycle.broadcasts if live.packager is not None])
    encoder.send(b"".join(message(tag, chunk_size, time_ms=start_ms + tag[1]) for tag in rest))
    goodbye = write_message(
        Message(MessageType.COMMAND, 0, 0, amf0.encode("deleteStream", 6, None, 1.0)), 3, chunk_size
    )
    encoder.send(goodbye)


def ended(stage: Stage) -> str:
    """The source's playlist once the stream is over; sent faster than time passes, it has no dates to speak of."""
    wait_for(lambda: stage.platform.told_of("end"))
    text = stage.text("source/index.m3u8")
    assert [breach for breach in hls_rules.breaches(text) if "4.3.2.6" not in breach] == []
    return text


@pytest.mark.parametrize("chunk_size", [128, 4096, 65536])
def test_chunks_of_any_size_carry_the_same_stream(stage: Stage, chunk_size: int) -> None:
    with RawEncoder(stage) as encoder:
        encoder.send(write_message(set_chunk_size(chunk_size), 2, 128))
        play(stage, encoder, list(big(broadcast(4))), chunk_size)
        text = ended(stage)
    assert [round(segment.duration_s) for segment in hls_rules.read(text).segments] == [1, 1, 1, 1]
    assert stage.file("source/0.m4s").stat().st_size > 90_000


@pytest.mark.parametrize("start_ms", [WRAP_24_MS - 2000, WRAP_32_MS - 2000], ids=["24 bits", "32 bits"])
def test_timestamps_that_wrap_are_no_break(stage: Stage, start_ms: int) -> None:
    with RawEncoder(stage) as encoder:
        play(stage, encoder, broadcast(5), start_ms=start_ms)
        text = ended(stage)
    assert "DISCONTINUITY" not in text
    assert sum(segment.duration_s for segment in hls_rules.read(text).segments) == pytest.approx(5, abs=0.1)


@pytest.mark.parametrize("jump_ms", [600_000, -2_000_000])
def test_timestamps_that_jump_are_closed_up(stage: Stage, jump_ms: int) -> None:
    jumping = [(kind, time + (jump_ms if time >= 3000 else 0), body) for kind, time, body in broadcast(6)]
    with RawEncoder(stage) as encoder:
        play(stage, encoder, jumping, start_ms=3_000_000)
        text = ended(stage)
    assert sum(segment.duration_s for segment in hls_rules.read(text).segments) == pytest.approx(6, abs=0.2)


def test_keyframes_too_far_apart_are_measured_before_the_second_comes(stage: Stage) -> None:
    with RawEncoder(stage) as encoder:
        tags = broadcast(12, gop=300)
        encoder.send(b"".join(message(tag, 128) for tag in tags if tag[1] < 9500))
        (live,) = wait_for(lambda: [live for live in stage.lifecycle.broadcasts if live.packager is not None])
        wait_for(lambda: (live.hub.facts().keyframe_interval_s or 0) > 4)
        play(stage, encoder, [tag for tag in tags if tag[1] >= 9500])
        text = ended(stage)
        assert live.hub.facts().keyframe_interval_s == pytest.approx(10, abs=0.1)
    assert hls_rules.read(text).target_s == 10


def test_b_frames_keep_their_order(stage: Stage) -> None:
    options = list(moving_picture(seconds=3))
    tune = options.index("-tune")
    options[tune : tune + 2] = ["-bf", "3", "-b_strategy", "0"]
    options[options.index("ultrafast")] = "veryfast"
    with stage.encoder(options=tuple(options)) as encoder:
        encoder.wait(20)
    ended(stage)
    assert decode(str(stage.file("index.m3u8"))) == 90


def test_a_picture_of_ten_bits_is_taken_and_named(stage: Stage) -> None:
    options = list(moving_picture(seconds=2))
    options[options.index("yuv420p")] = "yuv422p10le"
    with stage.encoder(options=tuple(options)) as encoder:
        encoder.wait(20)
    ended(stage)
    assert stage.platform.facts[0].video_codec == "h264 High 4:2:2"
    assert decode(str(stage.file("index.m3u8"))) == 60


@pytest.mark.parametrize(
    ("encoder", "name", "codec"),
    [
        (("libx265", "-preset", "ultrafast", "-x265-params", "log-level=error"), "hevc", "hvc1.1.6.L"),
        (("libsvtav1", "-preset", "12"), "av1", "av01.0.0"),
    ],
    ids=["HEVC", "AV1"],
)
def test_a_picture_for_few_players_is_recorded_and_offered_as_a_transcode(
    stage: Stage, encoder: tuple[str, ...], name: str, codec: str
) -> None:
    options = list(moving_picture(seconds=6))
    x264 = options.index("libx264")
    options[x264 : options.index("-pix_fmt")] = encoder
    with stage.encoder(options=tuple(options)):
        stream = wait_for(lambda: stage.live_stream)
        assert stage.platform.facts[0].video_codec == name
        base = f"http://127.0.0.1:{stage.relay_port}/live/{stream}"
        seen = Source(width=320, height=180, video_codec=name, audio_codec="aac")
        rungs = ladder(seen)
        command = transcode_command(
            f"{base}.flv?token={TOKEN}", seen, rungs, lambda rung: f"{base}/{rung.name}?token={TOKEN}", "libx264"
        )
        with subprocess.Popen([FFMPEG, "-v", "error", *command]):
            wait_for(lambda: "360p/index.m3u8" in stage.text("index.m3u8"))
            ended(stage)
    assert "source/" not in stage.text("index.m3u8")
    assert codec in stage.file("segments.jsonl").read_text()
    assert decode(str(stage.file("source/index.m3u8"))) == 180
    assert decode(str(stage.file("360p/index.m3u8"))) >= 150


@pytest.mark.parametrize(
    ("body", "codec"),
    [(b"\x90vp09", "VP9"), (b"\x90vvc1", "VVC"), (b"\x1c\x00", "HEVC"), (b"\x12\x00", "H.263")],
    ids=["enhanced VP9", "enhanced VVC", "HEVC in no standard's way", "H.263"],
)
def test_a_picture_that_is_not_taken_is_refused_by_its_name(stage: Stage, body: bytes, codec: str) -> None:
    with RawEncoder(stage) as encoder:
        encoder.send(rtmp_client.media(MediaKind.VIDEO, 0, body + samples.AVC_360P))
        heard = encoder.everything_until_closed()
    assert rtmp_client.status_codes(heard)[-1] == "NetStream.Publish.Rejected"
    assert re.search(codec, rtmp_client.descriptions(heard)[-1])
    assert stage.live_stream is None


def test_an_encoder_without_the_usual_preliminaries_is_welcome(stage: Stage) -> None:
    """Hardware encoders leave FCPublish and releaseStream out."""
    with stage.connect() as encoder:
        commands = (
            rtmp_client.command("connect", 1, {"app": "live"}),
            rtmp_client.command("createStream", 2, None),
            rtmp_client.command("publish", 3, None, KEY, "live", stream_id=1),
        )
        encoder.sendall(b"".join((rtmp_client.C0_C1, rtmp_client.C2, *commands)))
        encoder.sendall(b"".join(message(tag, 128) for tag in broadcast(2)))
        wait_for(lambda: stage.live_stream)


def test_a_close_without_a_word_interrupts_and_a_good_bye_ends(stage: Stage) -> None:
    with stage.encoder() as encoder:
        wait_for(lambda: stage.live_stream)
        encoder.kill()
        wait_for(lambda: stage.platform.told_of("interrupt"))
    assert stage.platform.told_of("end") == []
    with stage.encoder() as back:
        wait_for(lambda: len(stage.platform.told_of("go_live")) == 2)
        stop_politely(back)
    wait_for(lambda: stage.platform.told_of("end"))
    assert stage.platform.told_of("end") == ["finished"]


def test_a_picture_that_stands_still_does_not_hold_the_sound_up(stage: Stage) -> None:
    with RawEncoder(stage) as encoder:
        tags = [tag for tag in broadcast(8) if tag[0] is not VIDEO or tag[1] < 2000]
        play(stage, encoder, tags)
        ended(stage)
    total_s = sum(segment.duration_s for segment in source(stage).segments)
    assert total_s == pytest.approx(8, abs=0.5)
