"""Two ingest processes over one media folder and one platform: what either is asked, and what becomes of a stream."""

import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest

from tests.ingest.stage import TOKEN, RawEncoder, Stage, wait_for


@contextmanager
def two_stages(folder: Path, **limits: float) -> Iterator[tuple[Stage, Stage]]:
    """Two servers that share everything but their memory."""
    one = Stage(folder, None, server="one", behind_proxy=False, **limits)
    other = Stage(folder, one.platform, server="other", behind_proxy=False, **limits)
    try:
        yield one, other
    finally:
        other.close()
        one.close()


def stream_of(stage: Stage) -> UUID:
    """Wait for the stream to be live."""
    stream = wait_for(lambda: stage.live_stream)
    assert stream is not None
    return stream


def status(stage: Stage, path: str, **headers: str) -> int:
    request = urllib.request.Request(f"http://127.0.0.1:{stage.relay_port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code


def test_low_latency_playlists_and_parts_are_passed_on_from_whoever_has_them(tmp_path: Path) -> None:
    with two_stages(tmp_path) as (one, other), RawEncoder(one) as encoder:
        encoder.send_picture(frames=20)
        stream = stream_of(one)
        wait_for(lambda: one.lifecycle.broadcasts[0].packager)
        playlist = f"/hls/{stream}/source/ll.m3u8"
        assert status(other, playlist) == 404
        other.neighbours[stream] = f"http://127.0.0.1:{one.relay_port}"
        wait_for(lambda: status(other, playlist) == 200)
        assert other.get(f"{playlist}?_HLS_msn=0&_HLS_part=0") == one.get(f"{playlist}?_HLS_msn=0&_HLS_part=0")
        assert other.get(f"/hls/{stream}/source/0.0.m4s")[4:8] == b"moof"
        assert status(other, f"{playlist}?_HLS_msn=50") == 400
        one.platform.is_public = False
        assert status(other, playlist) == 403
        assert status(other, f"/hls/t/{TOKEN}/{stream}/source/ll.m3u8") == 200
        assert status(other, playlist, Via="1.1 astrotv-relay") == 404


def test_a_neighbour_that_is_gone_is_a_clear_answer(tmp_path: Path) -> None:
    with two_stages(tmp_path) as (one, other), RawEncoder(one) as encoder:
        encoder.send_picture()
        stream = stream_of(one)
        with socket.create_server(("127.0.0.1", 0)) as gone:
            port = gone.getsockname()[1]
        other.neighbours[stream] = f"http://127.0.0.1:{port}"
        assert status(other, f"/hls/{stream}/ll.m3u8") == 503


def test_a_process_that_waits_lets_go_of_a_stream_that_went_on_elsewhere(tmp_path: Path) -> None:
    with two_stages(tmp_path) as (one, other):
        with RawEncoder(one) as encoder:
            encoder.send_picture(frames=40)
            stream = stream_of(one)
            wait_for(lambda: one.lifecycle.broadcasts[0].packager)
        wait_for(lambda: not one.platform.claims)
        with RawEncoder(other) as encoder:
            encoder.send_picture(frames=40)
            wait_for(lambda: [live for live in other.lifecycle.broadcasts if live.packager is not None])
            wait_for(lambda: not one.lifecycle.broadcasts)
            assert [broadcast.stream.id for broadcast in other.lifecycle.broadcasts if broadcast.stream] == [stream]
        assert one.platform.told_of("end") == []


@pytest.mark.parametrize("returns", [True, False])
def test_a_process_does_not_go_on_from_what_it_remembers_of_a_stream_that_was_elsewhere(
    tmp_path: Path, returns: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.broadcast.LOOK_EVERY_S", 60.0)  # it does not hear of the other one meanwhile
    with two_stages(tmp_path, grace_s=20.0 if returns else 1.0) as (one, other):
        with RawEncoder(one) as encoder:
            encoder.send_picture(frames=40)
            stream = stream_of(one)
            wait_for(lambda: one.lifecycle.broadcasts[0].packager)
        wait_for(lambda: not one.platform.claims)
        with RawEncoder(other) as encoder:
            encoder.send_picture(frames=40)
            wait_for(lambda: [live for live in other.lifecycle.broadcasts if live.packager is not None])
            if not returns:
                wait_for(lambda: not one.lifecycle.broadcasts)
                assert one.platform.told_of("end") == []
        if returns:
            wait_for(lambda: not one.platform.claims)
            with RawEncoder(one) as encoder:
                encoder.send_picture(frames=40)
                wait_for(lambda: len(one.platform.told_of("go_live")) == 3)
                wait_for(lambda: one.lifecycle.broadcasts[0].packager)
            wait_for(lambda: one.text("source/index.m3u8").count("#EXT-X-DISCONTINUITY\n") == 2)
            text = one.text("source/index.m3u8")
            assert [line for line in text.splitlines() if line.endswith(".m4s")] == [
                f"{number}.m4s" for number in range(text.count("#EXTINF"))
            ]
    assert set(one.platform.told_of("go_live")) == {stream}
