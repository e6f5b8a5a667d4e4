"""The relay: media out to a transcoder, its rungs back in, low-latency HLS to players."""

import re
import socket
import subprocess
import urllib.error
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from ingest.http import Request
from tests.ingest.stage import FFMPEG, KEY, TOKEN, RawEncoder, Stage, decode, moving_picture, wait_for

TRANSCODE = (
    *("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-vf", "scale=-2:90"),
    *("-force_key_frames", "expr:gte(t,n_forced*1)", "-c:a", "aac", "-af", "atrim=start=0.1"),
    *("-avoid_negative_ts", "disabled", "-use_editlist", "0", "-frag_duration", "350000", "-flush_packets", "1"),
    *("-movflags", "empty_moov+default_base_moof+frag_keyframe+frag_discont+skip_trailer", "-f", "mp4"),
)


def refusal(stage: Stage, path: str, method: str = "GET") -> int:
    """The status with which the relay refuses."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        stage.get(path, method)
    refused.value.close()
    return refused.value.code


def shown_at(playlist: str) -> float:
    """When a rendition's first segment was shown, within its second: keyframes come once a second."""
    found = re.search(r"PROGRAM-DATE-TIME:\S+:(\d+\.\d+)Z", playlist)
    assert found is not None
    return float(found[1]) % 1


def test_a_transcoder_reads_flv_and_brings_back_a_rung(stage: Stage) -> None:
    with stage.encoder(options=moving_picture(seconds=6)):
        stream = wait_for(lambda: stage.live_stream)
        base = f"http://127.0.0.1:{stage.relay_port}/live/{stream}"
        reading = ("-copyts", "-analyzeduration", "1000000", "-f", "flv", "-i", f"{base}.flv?token={TOKEN}")
        posting = (*TRANSCODE, "-method", "POST", f"{base}/360p?token={TOKEN}")
        with subprocess.Popen([FFMPEG, "-v", "error", *reading, *posting]) as transcoder:
            wait_for(lambda: "360p/index.m3u8" in stage.text("index.m3u8"))
            assert transcoder.wait(20) == 0
    wait_for(lambda: stage.platform.told_of("end"))
    text = stage.text("360p/index.m3u8")
    assert text.endswith("#EXT-X-ENDLIST\n")
    assert "DISCONTINUITY" not in text
    assert "RESOLUTION=160x90" in stage.text("index.m3u8")
    assert decode(str(stage.file("360p/index.m3u8"))) >= 150
    first, second = (shown_at(stage.text(f"{name}/index.m3u8")) for name in ("source", "360p"))
    assert abs((first - second + 0.5) % 1 - 0.5) < 0.05  # one may be shown at the end of a second, one at the beginning


def test_a_second_upload_of_a_rung_goes_on_after_a_discontinuity(stage: Stage) -> None:
    with RawEncoder(stage) as encoder:
        encoder.send_picture()
        stream = wait_for(lambda: stage.live_stream)
        made = [FFMPEG, "-v", "error", *moving_picture(seconds=2), *TRANSCODE]
        upload = f"http://127.0.0.1:{stage.relay_port}/live/{stream}/360p?token={TOKEN}"
        for later_s in ("0", "8"):
            shifted = [*made, "-output_ts_offset", later_s]
            subprocess.run([*shifted, "-method", "POST", upload], check=True, timeout=20)
        wait_for(lambda: stage.text("360p/index.m3u8").count("#EXTINF") == 4)
        text = stage.text("360p/index.m3u8")
    assert text.count("#EXT-X-DISCONTINUITY\n") == 1
    assert text.count("#EXT-X-MAP") == 2


def test_the_keyframe_can_be_fetched_and_decoded(stage: Stage) -> None:
    with stage.encoder():
        stream = wait_for(lambda: stage.live_stream)
        picture = stage.get(f"/live/{stream}/keyframe?token={TOKEN}")
        stage.hls_folder.mkdir(exist_ok=True)
        (stage.hls_folder / "keyframe.flv").write_bytes(picture)
    assert decode(str(stage.hls_folder / "keyframe.flv")) == 1


def test_the_relay_wants_its_token_and_a_stream(stage: Stage) -> None:
    with RawEncoder(stage) as encoder:
        encoder.send_picture()
        stream = wait_for(lambda: stage.live_stream)
        for path in (".flv", "/keyframe", "/360p"):
            assert refusal(stage, f"/live/{stream}{path}?token=wrong") == 403
        assert refusal(stage, f"/live/{stream}/4k?token={TOKEN}") == 404
        assert refusal(stage, f"/live/{stream}/360p?token={TOKEN}") == 405
        assert refusal(stage, f"/live/{stream}.flv?token={TOKEN}", "POST") == 405
    unknown = "00000000-0000-7000-8000-000000000000"
    for path in (".flv", "/keyframe"):
        assert refusal(stage, f"/live/{unknown}{path}?token={TOKEN}") == 404
    assert refusal(stage, f"/hls/{unknown}/ll.m3u8") == 404


def test_an_upload_that_is_not_mp4_is_refused(stage: Stage) -> None:
    with RawEncoder(stage) as encoder:
        encoder.send_picture()
        stream = wait_for(lambda: stage.live_stream)
        with pytest.raises(urllib.error.HTTPError, match="400"):
            stage.get(f"/live/{stream}/360p?token={TOKEN}", "POST", b"\0" * 100)


def test_a_player_waits_for_the_part_that_it_names(stage: Stage) -> None:
    with RawEncoder(stage) as encoder:
        encoder.send_picture(frames=20)
        stream = wait_for(lambda: stage.live_stream)
        playlist = f"/hls/{stream}/source/ll.m3u8"
        wait_for(lambda: stage.lifecycle.broadcasts[0].packager)
        wait_for(lambda: b"0.0.m4s" in stage.get(f"{playlist}?_HLS_msn=0&_HLS_part=0"))
        with ThreadPoolExecutor(2) as players:
            reload = players.submit(stage.get, f"{playlist}?_HLS_msn=0&_HLS_part=1")
            hinted = players.submit(stage.get, f"/hls/{stream}/source/0.1.m4s")
            wait_for(lambda: reload.running() and hinted.running())
            assert not reload.done()
            encoder.send_picture(start_ms=660, frames=20)
            assert b"0.1.m4s" in reload.result(10)
            assert hinted.result(10)[4:8] == b"moof"
        assert b"ll.m3u8" in wait_for(lambda: stage.get(f"/hls/{stream}/ll.m3u8"))
        assert refusal(stage, f"{playlist}?_HLS_msn=50") == 400
        assert refusal(stage, f"/hls/{stream}/source/7.0.m4s") == 404
        assert refusal(stage, f"/hls/{stream}/source/../../x.m4s") == 404


def test_low_latency_hls_plays(stage: Stage) -> None:
    with stage.encoder():
        stream = wait_for(lambda: stage.live_stream)
        wait_for(lambda: stage.text("source/index.m3u8").count("#EXTINF") >= 2)
        url = f"http://127.0.0.1:{stage.relay_port}/hls/{stream}/ll.m3u8"
        playing = [FFMPEG, "-v", "error", "-xerror", "-i", url, "-t", "1.5", "-f", "null", "-"]
        assert subprocess.run(playing, timeout=30, capture_output=True).stderr == b""


def test_a_stream_that_is_not_public_wants_a_token(stage: Stage) -> None:
    stage.platform.is_public = False
    with stage.encoder():
        stream = wait_for(lambda: stage.live_stream)
        wait_for(lambda: stage.text("index.m3u8"))
        assert refusal(stage, f"/hls/{stream}/ll.m3u8") == 403
        assert refusal(stage, f"/hls/t/another/{stream}/ll.m3u8") == 403
        assert b"source/ll.m3u8" in stage.get(f"/hls/t/{TOKEN}/{stream}/ll.m3u8")
        assert b"#EXT-X-PART" in stage.get(f"/hls/t/{TOKEN}/{stream}/source/ll.m3u8")


def test_health_and_metrics_answer(stage: Stage) -> None:
    assert stage.get("/health") == b'{"status":"ok"}\n'
    with RawEncoder(stage, KEY) as encoder:
        encoder.send_picture()
        wait_for(lambda: b"astrotv_ingest_publishers 1.0" in stage.get("/metrics"))
    assert refusal(stage, "/elsewhere") == 404
    assert refusal(stage, "/health", "DELETE") == 405


def test_nonsense_and_slow_requests_only_end_their_own_connection(stage: Stage) -> None:
    for nonsense in (b"\x16\x03\x01", b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 5000, b"GET http://[ HTTP/1.1\r\n\r\n"):
        with stage.connect_relay() as client:
            client.sendall(nonsense + b"\r\n\r\n")
            wait_for(partial(_is_closed, client))
    assert stage.get("/health")


def _is_closed(client: socket.socket) -> bool:
    try:
        return client.recv(4096) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize(
    ("peer", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("10.1.2.3", {"user-agent": "Prometheus"}, 200),
        ("203.0.114.7", {}, 404),
        ("127.0.0.1", {"x-forwarded-for": "203.0.114.7"}, 404),
        ("127.0.0.1", {"forwarded": "for=203.0.114.7"}, 404),
        ("", {}, 404),
    ],
)
def test_the_metrics_are_for_the_inner_network(stage: Stage, peer: str, headers: dict[str, str], status: int) -> None:
    request = Request("GET", "/metrics", {}, "/metrics", headers, peer)
    assert stage.run(lambda: stage.relay(request, None)).status == status  # type: ignore[arg-type, union-attr]
