"""Several ingest processes over one database, one Redis and one media folder, and encoders that come to them."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import imageio_ffmpeg
import requests

from settings import Settings
from tests.e2e.stack import until
from tests.ingest import hls_rules

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
GRACE_S = 60


class Ingest:
    """One process, with ports of its own."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.rtmp_port, self.relay_port = _free_ports(2)
        self._environment = environment | {"RTMP_PORT": str(self.rtmp_port), "RELAY_PORT": str(self.relay_port)}
        self._log = log
        self.url = f"http://127.0.0.1:{self.relay_port}"
        self.process = self._started()

    def restart(self) -> None:
        """Start it again, as its supervisor would."""
        self.process.wait(15)
        self.process = self._started()

    def is_ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/health", timeout=5).ok
        except requests.ConnectionError:
            assert self.process.poll() is None, self._log.read_text()
            return False

    def kill(self) -> None:
        """End it as a machine that loses its power."""
        self.process.kill()
        self.process.wait(15)

    def counted(self, metric: str) -> float:
        """What it says of itself."""
        lines = requests.get(f"{self.url}/metrics", timeout=5).text.splitlines()
        return float(next(line.split()[-1] for line in lines if line.startswith(f"{metric} ")))

    def _started(self) -> "subprocess.Popen[bytes]":
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "ingest"], env=self._environment, stdout=log, stderr=subprocess.STDOUT
            )


@contextmanager
def ingests(settings: Settings, folder: Path, count: int = 2) -> Iterator[list[Ingest]]:
    """Run so many processes until the block ends."""
    environment = stores(settings) | {"GRACE_WINDOW": str(GRACE_S), "LOG_LEVEL": "info"}
    started = [Ingest(environment, folder / f"ingest-{number}.log") for number in range(count)]
    try:
        for one in started:
            until(one.is_ready)
        yield started
    finally:
        for one in started:
            one.process.terminate()
        for one in started:
            one.process.wait(30)


def stores(settings: Settings) -> dict[str, str]:
    """The environment of a process that shares these stores."""
    address = urlsplit(settings.redis_url)
    number = parse_qs(address.query).get("db", ["0"])[0]
    return dict(os.environ) | {
        "DATABASE_URL": settings.database_url,
        "DATABASE_OWNER_URL": settings.database_owner_url,
        "REDIS_URL": settings.redis_url,
        "CELERY_BROKER_URL": f"redis+socket://{address.path}?virtual_host={number}",
        "DATA_DIR": str(settings.data_dir),
        "HLS_PATH": str(settings.hls_path),
        "MEDIA_STORAGE": settings.media_storage,
    }


@contextmanager
def publishing(ingest: Ingest, key: str) -> Iterator["subprocess.Popen[bytes]"]:
    """ffmpeg as OBS sends, a keyframe a second; it ends its broadcast on `stop_politely`, and is killed otherwise."""
    picture, sound = "testsrc2=size=320x180:rate=30", "sine=frequency=440:sample_rate=48000"
    command = [
        *(FFMPEG, "-v", "error", "-re", "-f", "lavfi", "-i", picture, "-re", "-f", "lavfi", "-i", sound, "-t", "120"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-g", "30"),
        *("-c:a", "aac", "-f", "flv", f"rtmp://127.0.0.1:{ingest.rtmp_port}/live/{key}"),
    ]
    with ExitStack() as stack:
        process = stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL))
        stack.callback(process.kill)
        yield process


@contextmanager
def coming_back(ingest: Ingest, key: str, is_live: Callable[[], bool]) -> Iterator["subprocess.Popen[bytes]"]:
    """The same, tried again until `is_live`, as OBS does when it is turned away."""
    with ExitStack() as tries:

        def let_in() -> "subprocess.Popen[bytes] | None":
            tries.close()
            process = tries.enter_context(publishing(ingest, key))
            until(lambda: process.poll() is not None or is_live())
            return process if process.poll() is None else None

        encoder = until(let_in, 30)
        assert encoder is not None
        yield encoder


def stop_politely(encoder: "subprocess.Popen[bytes]") -> None:
    """End a broadcast as OBS does."""
    encoder.send_signal(signal.SIGINT)
    encoder.wait(15)


class Viewer:
    """Reads a playlist again and again, as a player does, and notes whatever breaks the rules."""

    def __init__(self, playlist: Path) -> None:
        self.playlist = playlist
        self.breaches: list[str] = []
        self.text = ""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> "Viewer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def seen(self) -> hls_rules.MediaPlaylist:
        """The playlist as it was last."""
        return hls_rules.read(self.text)

    def _read(self) -> None:
        while not self._over.wait(0.05):
            before, self.text = self.text, self.playlist.read_text()
            if before != self.text:
                self.breaches += hls_rules.breaches(self.text)
                self.breaches += hls_rules.breaches_between(before, self.text) if before else []


@contextmanager
def play(source: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """ffmpeg as a player, from the oldest segment on; it prints a line a picture, and ends with the playlist."""
    oldest = ["-live_start_index", "0"] if source.suffix == ".m3u8" else []
    command = [FFMPEG, "-v", "error", *oldest, "-i", str(source), "-map", "0:v"]
    output = ["-fps_mode", "passthrough", "-f", "framemd5", "-"]
    with subprocess.Popen([*command, *output], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as player:
        try:
            yield player
        finally:
            player.kill()


def pictures(player: "subprocess.Popen[bytes]") -> list[str]:
    """What each picture shown looked like; fails on any complaint of the player."""
    shown, complaints = player.communicate(timeout=60)
    assert not complaints, complaints.decode()
    return [line.split(b",")[-1].strip().decode() for line in shown.splitlines() if not line.startswith(b"#")]


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(each.getsockname()[1]) for each in sockets]
