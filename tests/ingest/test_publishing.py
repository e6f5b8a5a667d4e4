"""Real encoders, from the first byte to a playlist that decodes."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from tests.ingest import rtmp_client, samples
from tests.ingest.stage import KEY, RawEncoder, Stage, decode, moving_picture, stop_politely, wait_for


@contextmanager
def stage_with(folder: Path, **limits: float) -> Iterator[Stage]:
    """A server with other limits than usual, in seconds."""
    stage = Stage(folder, None, server="here", behind_proxy=False, **limits)
    try:
        yield stage
    finally:
        stage.close()


def segments(stage: Stage, playlist: str = "source/index.m3u8") -> int:
    return stage.text(playlist).count("#EXTINF")


def test_an_encoder_goes_live_plays_and_ends(stage: Stage) -> None:
    with stage.encoder(options=moving_picture(seconds=4)) as encoder:
        wait_for(lambda: segments(stage) >= 2)
        assert "#EXT-X-ENDLIST" not in stage.text("source/index.m3u8")
        wait_for(lambda: "source/index.m3u8" in stage.text("index.m3u8"))
        encoder.wait(15)
    wait_for(lambda: stage.platform.told_of("end"))
    assert stage.platform.told_of("end") == ["finished"]
    assert stage.text("source/index.m3u8").endswith("#EXT-X-ENDLIST\n")
    assert decode(str(stage.file("index.m3u8"))) == 120
    facts = stage.platform.facts[0]
    assert (facts.video_codec, facts.audio_codec, facts.width, facts.height) == ("h264", "aac", 320, 180)


def test_the_summary_lists_everything_that_was_recorded(stage: Stage) -> None:
    with stage.encoder(options=moving_picture(seconds=2.5)) as encoder:
        encoder.wait(15)
    wait_for(lambda: stage.platform.told_of("end"))
    summary = msgspec.json.decode(stage.file("segments.json").read_bytes())
    (source,) = summary["renditions"]
    assert source["name"] == "source"
    assert source["durationS"] == pytest.approx(2.5, abs=0.05)
    assert [segment["uri"] for segment in source["segments"]] == ["source/0.m4s", "source/1.m4s", "source/2.m4s"]
    assert all(stage.file(segment["uri"]).stat().st_size == segment["size"] for segment in source["segments"])


@pytest.mark.parametrize("tracks", [("-an",), ("-vn",)], ids=["picture alone", "sound alone"])
def test_one_track_is_enough(stage: Stage, tracks: tuple[str, ...]) -> None:
    with stage.encoder(options=(*moving_picture(seconds=3), *tracks)) as encoder:
        encoder.wait(15)
    wait_for(lambda: stage.platform.told_of("end"))
    codecs = "avc1" if tracks == ("-an",) else "mp4a"
    assert f'CODECS="{codecs}' in stage.text("index.m3u8")
    assert sum(segment.stat().st_size > 500 for segment in stage.file("source").glob("*.m4s")) == segments(stage) == 3


def test_a_wrong_key_is_refused_before_any_media(stage: Stage) -> None:
    with RawEncoder(stage, "live_wrong") as stranger:
        stranger.send_picture()
        assert stranger.status_codes_until_closed() == ["NetStream.Publish.BadName"]
    assert [what for what, _ in stage.platform.told] == ["authorize"]
    assert stage.lifecycle.broadcasts == []


def test_ffmpeg_gives_up_on_a_wrong_key(stage: Stage) -> None:
    with stage.encoder(key="live_wrong") as encoder:
        assert encoder.wait(15) != 0
    assert stage.live_stream is None


def test_nothing_is_read_while_the_key_is_checked(stage: Stage) -> None:
    stage.platform.authorizing.clear()
    with RawEncoder(stage) as eager:
        eager.send_picture()
        wait_for(lambda: stage.connections)
        assert stage.lifecycle.broadcasts == []
        stage.platform.authorizing.set()
        wait_for(lambda: stage.live_stream)


def test_a_second_publisher_is_refused_and_the_first_goes_on(stage: Stage) -> None:
    with stage.encoder() as first:
        wait_for(lambda: segments(stage))
        with RawEncoder(stage) as second:
            assert second.status_codes_until_closed() == ["NetStream.Publish.BadName"]
        before = segments(stage)
        wait_for(lambda: segments(stage) > before)
        assert first.poll() is None
    assert len(stage.platform.told_of("go_live")) == 1


def test_a_channel_that_is_published_on_another_server_is_refused(stage: Stage) -> None:
    with RawEncoder(stage) as encoder:
        assert encoder.status_code() == "NetStream.Publish.Start"
        (channel,) = stage.platform.claims
    wait_for(lambda: not stage.platform.claims)
    stage.platform.claims[channel] = "elsewhere"
    with RawEncoder(stage) as late:
        assert late.status_codes_until_closed() == ["NetStream.Publish.BadName"]
    assert stage.platform.claims == {channel: "elsewhere"}


def test_an_encoder_that_returns_within_the_grace_window_goes_on_with_its_stream(stage: Stage) -> None:
    with stage.encoder() as lost:
        wait_for(lambda: segments(stage) >= 2)
        lost.kill()
    wait_for(lambda: stage.platform.told_of("interrupt"))
    assert "#EXT-X-ENDLIST" not in stage.text("source/index.m3u8")
    with stage.encoder(options=moving_picture(seconds=2, size="160x90")) as back:
        back.wait(15)
    wait_for(lambda: stage.platform.told_of("end"))
    assert len(set(stage.platform.told_of("go_live"))) == 1
    text = stage.text("source/index.m3u8")
    assert text.count("#EXT-X-DISCONTINUITY\n") == 1
    assert '#EXT-X-MAP:URI="init-1.mp4"' in text
    assert text.endswith("#EXT-X-ENDLIST\n")


def test_a_stream_ends_when_its_encoder_does_not_return(tmp_path: Path) -> None:
    with stage_with(tmp_path, grace_s=0.2) as stage:
        with RawEncoder(stage) as encoder:
            encoder.send_picture()
            wait_for(lambda: stage.live_stream)
        wait_for(lambda: stage.platform.told_of("end"))
        assert [what for what, _ in stage.platform.told] == ["authorize", "go_live", "interrupt", "end"]
        assert stage.platform.told_of("end") == ["connection_lost"]
        wait_for(lambda: not stage.platform.claims)


def test_a_silent_publisher_is_replaced_on_the_same_stream(tmp_path: Path) -> None:
    with stage_with(tmp_path, takeover_after_s=0.2) as stage, RawEncoder(stage) as silent:
        silent.send_picture()
        wait_for(lambda: stage.live_stream)
        wait_for(lambda: stage.publisher_silent_s > 0.3)
        with RawEncoder(stage) as second:
            assert second.status_code() == "NetStream.Publish.Start"
            second.send_picture()
            wait_for(lambda: len(stage.platform.told_of("go_live")) == 2)
            assert "NetStream.Publish.BadName" in silent.status_codes_until_closed()
        assert len(set(stage.platform.told_of("go_live"))) == 1


def test_a_connection_that_falls_silent_is_given_up(tmp_path: Path) -> None:
    with stage_with(tmp_path, silence_s=0.5) as stage, RawEncoder(stage) as encoder:
        encoder.send_picture()
        wait_for(lambda: stage.platform.told_of("interrupt"))


def test_a_connection_that_does_not_publish_is_dropped(tmp_path: Path) -> None:
    with stage_with(tmp_path, publish_within_s=0.2) as stage, stage.connect() as loiterer:
        loiterer.sendall(rtmp_client.C0_C1)
        assert len(loiterer.recv(1 << 16, socket.MSG_WAITALL)) == rtmp_client.SERVER_HANDSHAKE_BYTES


def test_a_balancer_says_who_publishes_and_nobody_comes_past_it(tmp_path: Path) -> None:
    stage = Stage(tmp_path, behind_proxy=True)
    try:
        with stage.connect() as encoder:
            encoder.sendall(b"PROXY TCP4 203.0.113.7 10.0.0.1 56324 1935\r\n" + rtmp_client.opening())
            (broadcast,) = wait_for(lambda: stage.lifecycle.broadcasts)
            wait_for(lambda: broadcast.publisher and broadcast.publisher.address == "203.0.113.7")
        with stage.connect() as stranger:
            stranger.sendall(rtmp_client.opening())
            assert stranger.recv(1) == b""
    finally:
        stage.close()


def test_a_stream_can_be_cut_off(stage: Stage) -> None:
    with RawEncoder(stage) as encoder:
        encoder.send_picture()
        wait_for(lambda: stage.live_stream)
        (broadcast,) = stage.lifecycle.broadcasts
        stage.soon(lambda: stage.lifecycle.cut(broadcast.grant.channel_id, "key_revoked"))
        assert encoder.status_codes_until_closed()[-1] == "NetStream.Publish.Denied"
    wait_for(lambda: stage.platform.told_of("end"))
    assert stage.platform.told_of("end") == ["key_revoked"]


def test_who_may_not_go_on_is_cut_although_nobody_said_so(tmp_path: Path) -> None:
    with stage_with(tmp_path, update_every_s=0.1) as stage, RawEncoder(stage) as encoder:
        stage.platform.may_go_on = None
        encoder.send_picture()
        wait_for(lambda: len(stage.platform.facts) >= 3)
        assert stage.platform.told_of("end") == []
        stage.platform.may_go_on = False
        assert encoder.status_codes_until_closed()[-1] == "NetStream.Publish.Denied"
        wait_for(lambda: stage.platform.told_of("end"))
        assert stage.platform.told_of("end") == ["key_revoked"]


def test_an_encoder_hears_when_it_cannot_go_live(stage: Stage) -> None:
    stage.platform.broken = True
    with RawEncoder(stage) as encoder:
        encoder.send_picture()
        assert encoder.status_codes_until_closed()[-1] == "NetStream.Publish.Failed"


def test_a_codec_that_is_not_taken_is_named(stage: Stage) -> None:
    with RawEncoder(stage) as encoder:
        encoder.send(rtmp_client.media(9, 0, b"\x90vp09" + samples.AVC_360P))
        assert encoder.status_codes_until_closed() == ["NetStream.Publish.Start", "NetStream.Publish.Rejected"]
    assert stage.live_stream is None


def test_publishing_again_at_once_makes_another_stream(stage: Stage) -> None:
    for _ in range(2):
        with stage.encoder(options=moving_picture(seconds=1)) as encoder:
            encoder.wait(15)
    wait_for(lambda: len(stage.platform.told_of("end")) == 2)
    assert len(set(stage.platform.told_of("go_live"))) == 2


def test_a_restarted_server_goes_on_with_the_stream(tmp_path: Path) -> None:
    first = Stage(tmp_path)
    with first.encoder():
        wait_for(lambda: segments(first) >= 2)
        first.close()
    assert first.platform.told_of("end") == []
    assert len(first.platform.told_of("interrupt")) == 1
    before = segments(first)
    second = Stage(tmp_path, first.platform)
    try:
        with second.encoder(options=moving_picture(seconds=2)) as back:
            back.wait(15)
        wait_for(lambda: second.platform.told_of("end"))
        text = second.text("source/index.m3u8")
    finally:
        second.close()
    assert text.count("#EXTINF") > before
    assert text.count("#EXT-X-DISCONTINUITY\n") == 1
    assert text.endswith("#EXT-X-ENDLIST\n")
    assert decode(str(second.file("source/index.m3u8"))) > 60


def test_a_disk_that_cannot_be_written_ends_the_stream(tmp_path: Path) -> None:
    folder = tmp_path / "hls"
    with stage_with(folder) as stage:
        with RawEncoder(stage) as encoder:
            encoder.send_picture()
            wait_for(lambda: stage.live_stream)
            make_unwritable(folder)
            encoder.send_picture(start_ms=1000)
            assert encoder.status_codes_until_closed()[-1] == "NetStream.Publish.Denied"
        wait_for(lambda: stage.platform.told_of("end"))
        assert stage.platform.told_of("end") == ["storage_full"]


def make_unwritable(folder: Path) -> None:
    """Have every write into a folder fail: there is a file in its place."""
    folder.rename(folder.with_name("was-there"))
    folder.write_text("not a folder")


def test_nobody_goes_live_on_a_disk_that_cannot_be_written(tmp_path: Path) -> None:
    folder = tmp_path / "hls"
    folder.write_text("not a folder")
    with stage_with(folder) as stage:
        with RawEncoder(stage) as refused:
            assert refused.status_codes_until_closed()[-1] == "NetStream.Publish.Failed"
        assert not stage.platform.claims
        assert stage.platform.told_of("go_live") == []
        folder.unlink()
        with RawEncoder(stage) as encoder:
            encoder.send_picture()
            wait_for(lambda: stage.live_stream)


def test_encoders_that_stop_politely_end_at_once(stage: Stage) -> None:
    with stage.encoder() as encoder:
        wait_for(lambda: stage.live_stream)
        stop_politely(encoder)
    wait_for(lambda: stage.platform.told_of("end"), within_s=5)
    assert stage.platform.told_of("interrupt") == []
    assert stage.platform.told[0] == ("authorize", KEY)
