"""What people wait for: the start, the first picture, a message, an answer; on a stack of its own."""

import asyncio
import json
import re
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import requests
import websockets

from bench.figures import Figure, percentiles
from tests.e2e.stack import Stack, running, until

MESSAGES, MESSAGE_EVERY_S = 20, 0.5
REQUESTS = 300
SETTLED_S = 8.0


def figures() -> Iterator[Figure]:
    """Start a stack twice; measure going live, chat and the API in the second."""
    with tempfile.TemporaryDirectory(prefix="astrotv bench ") as folder:
        Path(folder).chmod(0o755)
        data = Path(folder) / "data"
        with running(data) as stack:
            yield Figure("first start", _start_seconds(stack), "s")
        with running(data) as stack:
            yield Figure("second start", _start_seconds(stack), "s", 8)
            yield from _going_live(stack)
            yield from _requests(stack)


def _start_seconds(stack: Stack) -> float:
    found = re.search(r"is up after ([\d.]+) s", stack.printed())
    return float(found[1]) if found else float("nan")


def _going_live(stack: Stack) -> Iterator[Figure]:
    token = stack.sign_in("streamer")
    key = str(stack.call("GET", "/api/auth/stream-key", token)["streamKey"])
    began_at = time.monotonic()
    with stack.publishing(key):
        (stream,) = until(lambda: stack.call("GET", "/api/streams"))
        yield Figure("encoder started, stream listed", time.monotonic() - began_at, "s", 1)
        playlist = stream["playback"]["hls"]
        until(lambda: requests.get(playlist, timeout=5).ok)
        yield Figure("encoder started, playlist playable", time.monotonic() - began_at, "s", 4)
        yield from percentiles("chat: sent, heard by another", _chat(stack, token, stream["id"]), "ms", 50)
        until(lambda: time.monotonic() - began_at > SETTLED_S)
        yield Figure("newest picture on offer is behind by", _behind_s(playlist), "s", 3)


def _behind_s(master: str) -> float:
    """Seconds between now and the end of the newest segment, by EXT-X-PROGRAM-DATE-TIME (RFC 8216, 4.3.2.6)."""
    text = requests.get(master.replace("/index.m3u8", "/source/index.m3u8"), timeout=5).text
    dated, _, rest = text.rpartition("#EXT-X-PROGRAM-DATE-TIME:")
    if not dated:
        return float("nan")
    began = datetime.fromisoformat(rest.splitlines()[0])
    lasts_s = sum(float(length) for length in re.findall(r"#EXTINF:([\d.]+)", rest))
    return (datetime.now(UTC) - began).total_seconds() - lasts_s


def _chat(stack: Stack, token: str, stream_id: str) -> list[float]:
    return asyncio.run(_latencies_ms(stack, token, stream_id))


async def _latencies_ms(stack: Stack, token: str, stream_id: str) -> list[float]:
    address, join = f"{stack.realtime_url}/ws", json.dumps({"type": "join", "room": f"stream:{stream_id}"})
    async with websockets.connect(f"{address}?token={token}") as speaker, websockets.connect(address) as listener:
        await speaker.send(join)
        await listener.send(join)
        await asyncio.sleep(1)
        return [await _latency_ms(speaker, listener, f"message {number}") for number in range(MESSAGES)]


async def _latency_ms(speaker: websockets.ClientConnection, listener: websockets.ClientConnection, text: str) -> float:
    sent_at = time.perf_counter()
    await speaker.send(json.dumps({"type": "chat", "text": text}))
    async with asyncio.timeout(10):
        while json.loads(await listener.recv()).get("text") != text:
            pass
    took_ms = (time.perf_counter() - sent_at) * 1000
    await asyncio.sleep(MESSAGE_EVERY_S)
    return took_ms


def _requests(stack: Stack) -> Iterable[Figure]:
    with requests.Session() as session:
        samples = [session.get(f"{stack.url}/api/streams", timeout=5).elapsed.total_seconds() for _ in range(REQUESTS)]
    return percentiles("GET /api/streams, one client", [sample * 1000 for sample in samples], "ms")
