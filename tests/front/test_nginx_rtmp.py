"""The real nginx-rtmp in the place of our ingest, with a real encoder."""

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from socketserver import ThreadingMixIn
from uuid import UUID
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import imageio_ffmpeg
import pytest

from api.app import create_app
from db.connection import connection
from db.models.streams import Stream
from services import channels
from services.actors import Role
from services.bus import bus
from settings import Settings
from tests.factories import actor_of, make_user
from tests.front.conftest import RTMP_MODULE
from tests.front.nginx import free_port, running_nginx
from tests.relay import eventually

CONFIGURATION = """
load_module {module};
pid nginx.pid;
events {{ worker_connections 64; }}
rtmp {{
    server {{
        listen 127.0.0.1:{port};
        notify_update_timeout 1s;
        application live {{
            live on;
            on_publish {hooks}/on_publish?secret={secret};
            on_update {hooks}/on_update?secret={secret};
            on_publish_done {hooks}/on_publish_done?secret={secret};
        }}
    }}
}}
"""


class _Server(ThreadingMixIn, WSGIServer):
    """A thread a request, as under gunicorn."""

    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def api(committed_db: Settings) -> Iterator[str]:
    """The API's address."""
    with make_server("127.0.0.1", 0, create_app(bus.settings), _Server, _Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def rtmp_url(api: str, tmp_path: Path) -> Iterator[str]:
    """Where nginx-rtmp takes publishers in."""
    port = free_port()
    hooks = f"{api}/api/ingest/nginx-rtmp"
    configuration = CONFIGURATION.format(module=RTMP_MODULE, port=port, hooks=hooks, secret=bus.settings.ingest_secret)
    with running_nginx(configuration, tmp_path, port):
        yield f"rtmp://127.0.0.1:{port}/live"


def encoder(url: str, seconds: float) -> list[str]:
    source = ["-re", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=15", "-t", str(seconds)]
    video = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "15", "-pix_fmt", "yuv420p"]
    return [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *source, *video, "-f", "flv", url]


def stream_of(channel_id: UUID) -> Stream | None:
    with connection():
        return Stream.get_or_none(Stream.channel == channel_id)


def test_a_real_encoder_goes_live_through_nginx_rtmp_and_ends(rtmp_url: str) -> None:
    with connection():
        streamer = actor_of(make_user(role=Role.STREAMER))
        key, channel = channels.stream_key(streamer).stream_key, channels.own_channel(streamer).id
    with subprocess.Popen(encoder(f"{rtmp_url}/{key}", 20), stderr=subprocess.DEVNULL) as publishing:
        eventually(lambda: (stream := stream_of(channel)) is not None and stream.status == "LIVE")
        second = subprocess.run(encoder(f"{rtmp_url}/{key}", 2), capture_output=True, timeout=30, check=False)
        assert second.returncode != 0
        live = stream_of(channel)
        assert live is not None
        assert (live.status, live.media_server) == ("LIVE", "nginx-rtmp")
        assert publishing.poll() is None
        publishing.terminate()
        publishing.wait(10)
    eventually(lambda: (stream := stream_of(channel)) is not None and stream.status == "ENDED")
    ended = stream_of(channel)
    assert ended is not None
    assert ended.end_reason == "finished"


def test_a_bad_key_is_turned_away_by_nginx_rtmp(rtmp_url: str) -> None:
    refused = subprocess.run(encoder(f"{rtmp_url}/nobodys-key", 2), capture_output=True, timeout=30, check=False)
    assert refused.returncode != 0
    with connection():
        assert not Stream.select().exists()
