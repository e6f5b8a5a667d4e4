"""The nginx of the deployment opens what the API opens, and nothing else, without asking it."""

import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from uuid import UUID

import pytest
import requests

from operations.project import ROOT
from services import clock, playback_tokens
from services.bus import bus
from settings import Settings
from tests.front.nginx import free_port, running_nginx

OPEN, CLOSED = UUID("0190a0b0-0000-7000-8000-000000000001"), UUID("0190a0b0-0000-7000-8000-000000000002")


class Behind(BaseHTTPRequestHandler):
    """Whatever is behind nginx: says which path came through to it."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(403)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"behind")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def behind() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Behind) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def site(opened: Settings, behind: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of nginx with deploy/nginx.conf, in front of a media folder with two streams."""
    folder = tmp_path_factory.mktemp("nginx")
    media = folder / "media"
    for stream in (OPEN, CLOSED):
        for name in (f"hls/{stream}/index.m3u8", f"hls/{stream}/source/0.m4s", f"recordings/{stream}/source.mp4"):
            (media / name).parent.mkdir(parents=True, exist_ok=True)
            (media / name).write_bytes(b"media")
        (media / "hls" / str(stream) / "segments.jsonl").write_bytes(b"log")
    (media / "open").mkdir()
    (media / "open" / str(OPEN)).touch()
    (folder / "tls").mkdir()
    port = free_port()
    with running_nginx(configuration(folder, media, port, behind), folder, port):
        yield f"http://127.0.0.1:{port}"


def configuration(folder: Path, media: Path, port: int, behind: int) -> str:
    """The configuration of the deployment, with the addresses, folders and plain HTTP of a test."""
    deploy = ROOT / "deploy"
    secret = (
        (deploy / "playback-secret.conf.template")
        .read_text()
        .replace("${PLAYBACK_SECRET}", bus.settings.playback_secret)
    )
    (folder / "playback-secret.conf").write_text(secret)
    for name in ("by-token.conf", "for-everybody.conf"):
        text = (deploy / name).read_text()
        (folder / name).write_text(text.replace("/var/lib/astrotv/media", str(media)))
    text = (deploy / "nginx.conf").read_text()
    for old, new in (
        (r"listen 8080;", f"listen 127.0.0.1:{free_port()};"),
        (r"listen 8443 ssl;", f"listen 127.0.0.1:{port};"),
        (r"http2 on;", ""),
        (r"ssl_\w+ [^;]+;", ""),
        (r"resolver [^;]+;", ""),
        (r"include mime.types;", "include /etc/nginx/mime.types;"),
        (r"/etc/nginx/(by-token|for-everybody)", rf"{folder}/\1"),
        (r"include /tmp/playback", f"include {folder}/playback"),
        (r"(pid|_path) /tmp/", rf"\1 {folder}/"),
        (r"http://(api|realtime|ingest):\d+", f"http://127.0.0.1:{behind}"),
    ):
        text = re.sub(old, new, text)
    return text


def fetch(site: str, path: str) -> requests.Response:
    Behind.asked.clear()
    return requests.get(site + path, timeout=5)


def test_a_public_stream_is_sent_without_asking(site: str) -> None:
    playlist, segment = fetch(site, f"/hls/{OPEN}/index.m3u8"), fetch(site, f"/hls/{OPEN}/source/0.m4s")
    assert (playlist.content, segment.content) == (b"media", b"media")
    assert playlist.headers["Cache-Control"] == "public, max-age=1"
    assert playlist.headers["Content-Type"] == "application/vnd.apple.mpegurl"
    assert segment.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert fetch(site, f"/media/recordings/{OPEN}/source.mp4").content == b"media"
    assert Behind.asked == []


def test_a_stream_without_its_mark_is_the_apis_to_decide(site: str) -> None:
    for path in (f"/hls/{CLOSED}/source/0.m4s", f"/media/recordings/{CLOSED}/source.mp4"):
        answer = fetch(site, path)
        assert (answer.status_code, answer.content, Behind.asked) == (403, b"behind", [path])


def test_a_token_that_the_api_signed_opens_the_stream_here(site: str) -> None:
    token = playback_tokens.sign(CLOSED).token
    for path in (f"/hls/t/{token}/{CLOSED}/source/0.m4s", f"/media/t/{token}/recordings/{CLOSED}/source.mp4"):
        answer = fetch(site, path)
        assert (answer.status_code, answer.content, Behind.asked) == (200, b"media", [])
        assert answer.headers["Cache-Control"] == "private, max-age=300"


def test_a_dead_forged_or_borrowed_token_opens_nothing(site: str) -> None:
    life = timedelta(seconds=bus.settings.playback_token_expires_in_s + 120)
    with clock.frozen(clock.now() - life):
        dead = playback_tokens.sign(CLOSED).token
    good = playback_tokens.sign(CLOSED).token
    forged = f"{int(good[:10]) + 60}{good[10:]}"
    for token in (dead, forged, playback_tokens.sign(OPEN).token):
        answer = fetch(site, f"/hls/t/{token}/{CLOSED}/source/0.m4s")
        assert (answer.status_code, b"media" in answer.content) == (403, False)


def test_low_latency_goes_to_the_relay_with_its_token(site: str) -> None:
    token = playback_tokens.sign(CLOSED).token
    for path in (f"/hls/t/{token}/{CLOSED}/source/ll.m3u8?_HLS_msn=3", f"/hls/{OPEN}/source/7.0.m4s"):
        fetch(site, path)
        assert Behind.asked == [path]


@pytest.mark.parametrize(
    "path",
    [
        f"/hls/{OPEN}/segments.jsonl",
        f"/hls/{OPEN}/../{CLOSED}/source/0.m4s",
        f"/hls/{OPEN}/source/..%2f..%2f{CLOSED}/source/0.m4s",
        f"/media/open/{OPEN}",
        f"/hls/t/x/{CLOSED}/source/0.m4s",
        f"/hls/{CLOSED}/source/0.m4s?token=x",
    ],
)
def test_nothing_else_is_sent_from_the_folder(site: str, path: str) -> None:
    prepared = requests.Request("GET", site + path).prepare()
    prepared.url = site + path
    with requests.Session() as session:
        answer = session.send(prepared, timeout=5)
    assert answer.content not in (b"media", b"log", b"")
