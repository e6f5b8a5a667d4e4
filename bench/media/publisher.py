"""An encoder with true timestamps: every frame is sent at the moment that its timestamp names.

ffmpeg's `-re` sends its first half second at once and stays ahead of its clock from then on, so
that no latency can be measured by it. Here a recording made beforehand is sent frame by frame,
as often as it takes, to as many servers and keys as wanted.
"""

import asyncio
import contextlib
import socket
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import imageio_ffmpeg

from ingest.rtmp import amf0
from ingest.rtmp.chunks import write_message
from ingest.rtmp.messages import Message, MessageType, set_chunk_size

CHUNK_BYTES: Final = 4096
C0_C1: Final = b"\x03" + bytes(1536)
C2: Final = bytes(1536)
LONGEST_HANDSHAKE_S: Final = 20.0

_TAG = struct.Struct(">B3s3sB3s")


class Frame(NamedTuple):
    """One FLV tag body and its time in milliseconds."""

    kind: int
    time_ms: int
    body: bytes


class Recording(NamedTuple):
    """What a publisher sends again and again; `lasts_ms` is when it begins anew."""

    opening: list[Frame]
    frames: list[Frame]
    lasts_ms: int


def record(size: str, kbps: int, *, seconds: int = 10, gop_s: float = 2.0, fps: int = 30) -> Recording:
    """Encode a moving test picture with a tone, as OBS would, and keep it in memory."""
    gop = str(round(gop_s * fps))
    with tempfile.TemporaryDirectory(prefix="astrotv-bench-") as folder:
        path = Path(folder) / "source.flv"
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error"]
        command += ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate={fps},noise=alls=24:allf=t"]
        command += ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-t", str(seconds)]
        command += ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", "0"]
        command += ["-g", gop, "-keyint_min", gop, "-sc_threshold", "0", "-b:v", f"{kbps}k"]
        command += [
            "-minrate",
            f"{kbps}k",
            "-maxrate",
            f"{kbps}k",
            "-bufsize",
            f"{kbps}k",
            "-x264-params",
            "nal-hrd=cbr",
        ]
        command += ["-c:a", "aac", "-b:a", "128k", "-ac", "2", str(path)]
        subprocess.run(command, check=True)
        return _recording(list(_frames(path.read_bytes())), 1000 * seconds)


def _recording(frames: list[Frame], lasts_ms: int) -> Recording:
    def is_opening(frame: Frame) -> bool:
        return frame.kind == MessageType.DATA or frame.body[1:2] == b"\x00"

    opening = [frame._replace(time_ms=0) for frame in frames if is_opening(frame)]
    media = sorted((frame for frame in frames if not is_opening(frame)), key=lambda frame: frame.time_ms)
    return Recording(opening, [frame for frame in media if frame.time_ms < lasts_ms], lasts_ms)


def _frames(flv: bytes) -> Iterator[Frame]:
    position = 13
    while position + 11 <= len(flv):
        kind, size, low, high, _ = _TAG.unpack_from(flv, position)
        length = int.from_bytes(size, "big")
        body = flv[position + 11 : position + 11 + length]
        if kind in (MessageType.AUDIO, MessageType.VIDEO) or body[:13] == b"\x02\x00\nonMetaData":
            prefix = amf0.encode("@setDataFrame") if kind == MessageType.DATA else b""
            yield Frame(kind, high << 24 | int.from_bytes(low, "big"), prefix + body)
        position += 11 + length + 4


def _command(name: str, transaction: float, *arguments: amf0.Encodable, stream_id: int = 0) -> bytes:
    return write_message(Message(MessageType.COMMAND, 0, stream_id, amf0.encode(name, transaction, *arguments)), 3, 128)


def _greeting(url: str) -> bytes:
    """Everything up to publish, in one go."""
    path = urlsplit(url).path.strip("/")
    app, _, key = path.partition("/")
    return b"".join(
        (
            _command("connect", 1, {"app": app, "type": "nonprivate", "tcUrl": url.rpartition("/")[0]}),
            _command("releaseStream", 2, None, key),
            _command("FCPublish", 3, None, key),
            _command("createStream", 4, None),
            _command("publish", 5, None, key, "live", stream_id=1),
            write_message(set_chunk_size(CHUNK_BYTES), 2, 128),
        )
    )


def _chunks(frame: Frame, time_ms: int) -> bytes:
    stream = {MessageType.VIDEO: 6, MessageType.AUDIO: 4}.get(MessageType(frame.kind), 5)
    return write_message(Message(MessageType(frame.kind), time_ms & 0xFFFFFFFF, 1, frame.body), stream, CHUNK_BYTES)


class Publisher:
    """One connection that publishes until told to stop; `began_at` is the time of day of timestamp 0."""

    def __init__(self, recording: Recording, url: str) -> None:
        self.began_at = 0.0
        self.ended: str | None = None
        self.says_goodbye = True
        self._recording, self._url = recording, url

    async def run(self, stop: asyncio.Event) -> None:
        """Connect, publish, and say good-bye; `ended` tells why it stopped."""
        address = urlsplit(self._url)
        try:
            reader, writer = await asyncio.open_connection(address.hostname, address.port or 1935)
        except OSError as error:
            self.ended = str(error)
            return
        writer.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            writer.write(C0_C1)
            async with asyncio.timeout(LONGEST_HANDSHAKE_S):
                await reader.readexactly(1 + 2 * 1536)
                writer.write(C2 + _greeting(self._url))
                await _accepted(reader)
            listening = asyncio.ensure_future(_drain(reader))
            await self._send(writer, stop, listening)
            self.ended = "the server closed the connection" if listening.done() else "stopped"
            listening.cancel()
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            self.ended = str(error) or type(error).__name__
        finally:
            writer.close()

    async def _send(self, writer: asyncio.StreamWriter, stop: asyncio.Event, listening: asyncio.Future[None]) -> None:
        for frame in self._recording.opening:
            writer.write(_chunks(frame, 0))
        self.began_at = time.time()
        began = asyncio.get_running_loop().time()
        for frame, time_ms in self._endlessly():
            ahead_s = began + time_ms / 1000 - asyncio.get_running_loop().time()
            if ahead_s > 0:
                await asyncio.sleep(ahead_s)
            if stop.is_set() or listening.done():
                break
            writer.write(_chunks(frame, time_ms))
        if self.says_goodbye:
            writer.write(_command("FCUnpublish", 6, None) + _command("deleteStream", 7, None, 1.0))
            await writer.drain()
        else:
            writer.transport.abort()

    def _endlessly(self) -> Iterator[tuple[Frame, int]]:
        offset_ms = 0
        while True:
            for frame in self._recording.frames:
                yield frame, offset_ms + frame.time_ms
            offset_ms += self._recording.lasts_ms


class Choir:
    """Many connections that send the same frames at the same time, each chunked once for all of them.

    `lost` of them were closed by the server; `late_s` is how far the choir itself ever fell behind.
    """

    def __init__(self, recording: Recording) -> None:
        self.lost = 0
        self.late_s = 0.0
        self._hushed = False
        self._recording = recording
        self._writers: list[asyncio.StreamWriter] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "Choir":
        self._thread.start()
        self._singing = asyncio.run_coroutine_threadsafe(self._sing_until_hushed(), self._loop)
        return self

    def __exit__(self, *_: object) -> None:
        self._hushed = True
        self._singing.result(15)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(15)

    def grow_to(self, urls: Sequence[str]) -> None:
        """Let those of the addresses join that are not there yet."""
        joining = asyncio.run_coroutine_threadsafe(self._join_all(urls[len(self._writers) :]), self._loop)
        joining.result(6 * LONGEST_HANDSHAKE_S)

    async def _join_all(self, urls: Sequence[str]) -> None:
        await asyncio.gather(*(self._join(url) for url in urls))

    async def _join(self, url: str) -> None:
        address = urlsplit(url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(C0_C1)
        async with asyncio.timeout(LONGEST_HANDSHAKE_S):
            await reader.readexactly(1 + 2 * 1536)
            writer.write(C2 + _greeting(url))
            await _accepted(reader)
        writer.write(b"".join(_chunks(frame, 0) for frame in self._recording.opening))
        self._writers.append(writer)

    async def _sing_until_hushed(self) -> None:
        began, offset_ms = self._loop.time(), 0
        while not self._hushed:
            for frame in self._recording.frames:
                time_ms = offset_ms + frame.time_ms
                await asyncio.sleep(max(0.0, began + time_ms / 1000 - self._loop.time()))
                chunks = _chunks(frame, time_ms)
                if self._hushed:
                    break
                singing = [writer for writer in self._writers if not writer.transport.is_closing()]
                for writer in singing:
                    writer.write(chunks)
                self.lost = len(self._writers) - len(singing)
                self.late_s = max(self.late_s, self._loop.time() - began - time_ms / 1000)
            offset_ms += self._recording.lasts_ms


async def _accepted(reader: asyncio.StreamReader) -> None:
    heard = b""
    while b"NetStream.Publish.Start" not in heard:
        data = await reader.read(65536)
        if not data:
            raise ConnectionError("the server refused to take the stream")
        heard += data


async def _drain(reader: asyncio.StreamReader) -> None:
    while await reader.read(65536):
        pass


class PublishingThread:
    """Publishers at work in a thread of their own, begun and ended with a `with` block."""

    def __init__(self, recording: Recording, urls: Sequence[str]) -> None:
        self.publishers = [Publisher(recording, url) for url in urls]
        self._stop: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> "PublishingThread":
        self._thread.start()
        return self

    def drop(self) -> None:
        """Break the connections off without a word."""
        for publisher in self.publishers:
            publisher.says_goodbye = False
        self._end()

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        if self._loop is not None and self._stop is not None:
            with contextlib.suppress(RuntimeError):  # the thread may have ended by itself
                self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(15)

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        await asyncio.gather(*(publisher.run(self._stop) for publisher in self.publishers))
