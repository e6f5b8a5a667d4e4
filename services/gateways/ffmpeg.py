"""ffmpeg behind a small interface: found, started on a leash, listened to, and stopped for good."""

import contextlib
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

import imageio_ffmpeg
import msgspec

LEASH = Path(__file__).with_name("leash.py")
PATIENCE_S = 5.0
COMPLAINTS_KEPT = 40
PIECE_BYTES = 1 << 20

_DURATION = re.compile(r"^  Duration: (?:N/A|(\d+):(\d\d):(\d\d\.\d+))", re.MULTILINE)
_VIDEO = re.compile(r"^ +Stream #0:\d+.*?: Video: (\w+).*?, (\d{2,5})x(\d{2,5})(?:[ ,].*?)?$", re.MULTILINE)
_FPS = re.compile(r"(\d+(?:\.\d+)?) fps")
_AUDIO = re.compile(r"^ +Stream #0:\d+.*?: Audio: (\w+)", re.MULTILINE)


class FfmpegError(Exception):
    """ffmpeg could not be found, refused its work or took too long; carries its last complaints."""


class Progress(msgspec.Struct, frozen=True):
    """One report of `-progress`: frames written, frames a second, and media time in seconds."""

    frame: int = 0
    fps: float = 0.0
    out_time_s: float | None = None
    speed: float | None = None


class MediaProbe(msgspec.Struct, frozen=True):
    """What ffmpeg says a file holds; `duration_s` is None where it cannot tell."""

    duration_s: float | None
    video_codec: str | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    audio_codec: str | None = None


def find_binary(configured: str = "") -> str:
    """Path of the ffmpeg to use: the configured one, else the one from the wheel."""
    if configured:
        if not os.access(configured, os.X_OK):
            raise FfmpegError(f"{configured} is not a program that can be run")
        return configured
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def run(
    binary: str, arguments: Sequence[str], *, timeout_s: float, stdin: bytes = b"", most_bytes: int | None = None
) -> bytes:
    """Run ffmpeg to its end and return what it wrote to standard output.

    Raises FfmpegError if it fails, takes longer than `timeout_s`, or writes more than `most_bytes`.
    """
    command = [binary, "-hide_banner", "-nostdin", "-loglevel", "error", *arguments]
    code, output, complaints = _run_to_end(command, stdin, timeout_s)
    if code != 0:
        raise FfmpegError(_last_words(complaints))
    if most_bytes is not None and len(output) > most_bytes:
        raise FfmpegError(f"ffmpeg wrote {len(output)} bytes, more than {most_bytes}")
    return output


def run_on_pieces(binary: str, arguments: Sequence[str], pieces: Iterable[Path], *, timeout_s: float) -> None:
    """Run ffmpeg with files, end to end, as its standard input, and let it write where `arguments` say.

    Raises FfmpegError if it fails or takes longer than `timeout_s`, OSError if a piece cannot be read.
    """
    command = [binary, "-hide_banner", "-nostdin", "-loglevel", "error", *arguments]
    with tempfile.TemporaryFile() as complaints, _spawn(command, subprocess.PIPE, complaints.fileno()) as process:
        limit = threading.Timer(timeout_s, _kill_group, (process,))
        limit.start()
        try:
            _feed(process, pieces)
            code = process.wait()
        finally:
            limit.cancel()
            _kill_group(process)
        complaints.seek(0)
        if code != 0:
            raise FfmpegError(_last_words(complaints.read()))


def probe(binary: str, path: str | Path, *, timeout_s: float = 30.0) -> MediaProbe:
    """Ask ffmpeg (the wheels carry no ffprobe) what a local file or playlist holds."""
    _, _, said = _run_to_end([binary, "-hide_banner", "-nostdin", "-i", str(path)], b"", timeout_s)
    text = said.decode("utf-8", "replace")
    if "Input #0" not in text:
        raise FfmpegError(_last_words(said))
    return parse_probe(text)


def parse_probe(text: str) -> MediaProbe:
    """Read the banner that `ffmpeg -i` prints for its input."""
    duration, video, audio = _DURATION.search(text), _VIDEO.search(text), _AUDIO.search(text)
    fps = _FPS.search(video[0]) if video else None
    return MediaProbe(
        duration_s=_seconds(duration) if duration else None,
        video_codec=video[1] if video else None,
        width=int(video[2]) if video else None,
        height=int(video[3]) if video else None,
        fps=float(fps[1]) if fps else None,
        audio_codec=audio[1] if audio else None,
    )


class LiveProcess:
    """An ffmpeg that runs until its input ends; `listen` returns what it reports.

    Use as a context manager, in one thread: leaving the block ends ffmpeg whatever happened.
    """

    def __init__(self, binary: str, arguments: Sequence[str]) -> None:
        self._command = [binary, "-hide_banner", "-nostdin", "-loglevel", "warning", "-nostats"]
        self._command += ["-progress", "pipe:1", "-stats_period", "0.5", *arguments]
        self._selector = selectors.DefaultSelector()
        self._reports = ProgressReader()
        self._complaints: deque[str] = deque(maxlen=COMPLAINTS_KEPT)

    def __enter__(self) -> "LiveProcess":
        self._process = _spawn(self._command, subprocess.DEVNULL)
        for stream in self._streams():
            os.set_blocking(stream.fileno(), False)
            self._selector.register(stream, selectors.EVENT_READ)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._selector.close()
        for stream in self._streams():
            stream.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative when it was ended by a signal."""
        return self._process.poll()

    @property
    def complaints(self) -> str:
        """The last lines of standard error, newest last."""
        return "\n".join(self._complaints)

    def listen(self, timeout_s: float) -> list[Progress]:
        """Wait up to `timeout_s` for something to be said, and return the reports in it."""
        found: list[Progress] = []
        if not self._selector.get_map():
            self._await_end(timeout_s)
        for key, _ in self._selector.select(timeout_s) if self._selector.get_map() else ():
            found += self._hear(key.fileobj)  # type: ignore[arg-type]  # only streams are registered
        return found

    def stop(self, patience_s: float = PATIENCE_S) -> None:
        """Ask ffmpeg to finish, and kill its whole group if it has not within `patience_s`.

        The first SIGTERM lets it finish what it reads; the second ends a read that waits.
        """
        for _ in range(2):
            if self._process.poll() is None:
                _signal_group(self._process, signal.SIGTERM)
                self._drain_until_dead(time.monotonic() + patience_s / 2)
        _kill_group(self._process)

    def _streams(self) -> tuple[IO[bytes], IO[bytes]]:
        assert self._process.stdout is not None and self._process.stderr is not None
        return self._process.stdout, self._process.stderr

    def _hear(self, stream: IO[bytes]) -> list[Progress]:
        said = stream.read(65536)
        if said == b"":
            self._selector.unregister(stream)
        if stream is self._process.stdout:
            return list(self._reports.feed(said or b""))
        self._complaints.extend((said or b"").decode("utf-8", "replace").splitlines())
        return []

    def _await_end(self, timeout_s: float) -> None:
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return

    def _drain_until_dead(self, deadline: float) -> None:
        while self._process.poll() is None and (left := deadline - time.monotonic()) > 0:
            self.listen(min(left, 0.05))


class ProgressReader:
    """Bytes of `-progress` in, reports out; a report ends with the line `progress=…`."""

    def __init__(self) -> None:
        self._rest = b""
        self._fields: dict[str, str] = {}

    def feed(self, data: bytes) -> Iterator[Progress]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            name, _, value = line.decode("ascii", "replace").partition("=")
            self._fields[name.strip()] = value.strip()
            if name == "progress":
                fields, self._fields = self._fields, {}
                yield _progress(fields)


def _progress(fields: dict[str, str]) -> Progress:
    out_time_us = _number(fields.get("out_time_us"))
    return Progress(
        frame=int(_number(fields.get("frame")) or 0),
        fps=_number(fields.get("fps")) or 0.0,
        out_time_s=None if out_time_us is None else out_time_us / 1e6,
        speed=_number(fields.get("speed", "").rstrip("x")),
    )


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None  # ffmpeg says N/A until it knows


def _run_to_end(command: list[str], stdin: bytes, timeout_s: float) -> tuple[int, bytes, bytes]:
    """Exit code, standard output and standard error of a command that must end in time."""
    with _spawn(command, subprocess.PIPE) as process:
        try:
            output, complaints = process.communicate(stdin, timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            raise FfmpegError(f"ffmpeg took longer than {timeout_s} s") from error
        finally:
            _kill_group(process)
        return process.returncode, output, complaints


def _feed(process: subprocess.Popen[bytes], pieces: Iterable[Path]) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # it has given up: its exit code says so
        for piece in pieces:
            with piece.open("rb") as file:
                shutil.copyfileobj(file, process.stdin, PIECE_BYTES)
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()


def _spawn(command: list[str], stdin: int, stderr: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    leashed = [sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), *command]
    try:
        return subprocess.Popen(leashed, stdin=stdin, stdout=subprocess.PIPE, stderr=stderr, process_group=0)
    except OSError as error:
        raise FfmpegError(f"ffmpeg could not be started: {error}") from error


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        _signal_group(process, signal.SIGKILL)
        process.wait()


def _seconds(found: re.Match[str]) -> float | None:
    if found[1] is None:
        return None
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3])


def _last_words(complaints: bytes) -> str:
    lines = complaints.decode("utf-8", "replace").strip().splitlines()
    return " | ".join(lines[-4:]) or "ffmpeg failed without a word"
