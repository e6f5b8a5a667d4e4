"""The main job, from OBS to viewers, coins and chat, on a stack started as a newcomer starts it."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import websockets

from tests.e2e.stack import FFMPEG, Stack, running, until
from tests.folders import open_folder

Event = dict[str, Any]


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    with open_folder("a b") as folder:
        yield folder / "data"


@pytest.fixture(scope="module")
def stack(data_dir: Path) -> Iterator[Stack]:
    with running(data_dir) as found:
        yield found


@pytest.fixture(scope="module")
def key(stack: Stack) -> str:
    return str(stack.call("GET", "/api/auth/stream-key", stack.sign_in("streamer"))["streamKey"])


def live(stack: Stack) -> list[Event]:
    return list(stack.call("GET", "/api/streams"))


def frames(url: str, seconds: int) -> int:
    """How many frames a player decodes in the next seconds of a playlist."""
    command = [FFMPEG, "-hide_banner", "-nostdin", "-i", url, "-t", str(seconds), "-map", "0:v:0", "-f", "null", "-"]
    run = subprocess.run([*command, "-progress", "pipe:1"], capture_output=True, timeout=60, check=True)
    return int([line for line in run.stdout.decode().splitlines() if line.startswith("frame=")][-1].partition("=")[2])


@asynccontextmanager
async def connected(stack: Stack, token: str = "") -> AsyncIterator[websockets.ClientConnection]:
    query = f"?token={token}" if token else ""
    async with websockets.connect(f"{stack.realtime_url}/ws{query}") as socket:
        yield socket


async def said(socket: websockets.ClientConnection, **command: object) -> Event:
    """Send a command and wait for its acknowledgement."""
    await socket.send(json.dumps(command | {"id": "1"}))
    return await heard(socket, "ack")


async def heard(socket: websockets.ClientConnection, kind: str) -> Event:
    """The next event of a kind."""
    async with asyncio.timeout(15):
        while True:
            event = json.loads(await socket.recv())
            assert event["type"] != "error", event
            if event["type"] == kind:
                return dict(event)


def test_a_broadcast_from_the_encoder_to_its_recording(stack: Stack, key: str) -> None:
    assert stack.refused("live_nonsense")
    with stack.publishing(key):
        (stream,) = until(lambda: live(stack))
        playlist = stream["playback"]["hls"]
        until(lambda: requests.get(playlist, timeout=5).ok)
        assert stack.refused(key), "a second publisher must be turned away"
        assert frames(playlist, 4) >= 100
        until(lambda: "360p" in requests.get(playlist, timeout=5).text)
        picture = until(lambda: live(stack)[0]["thumbnail"], 90)
        assert requests.get(picture, timeout=5).headers["content-type"] == "image/webp"
        status = stack.call("GET", "/api/stream/status", stack.sign_in("streamer"))
        assert (status["height"], status["videoCodec"]) == (480, "h264")
    until(lambda: not live(stack))
    recording = until(lambda: stack.call("GET", f"/api/streams/{stream['id']}")["playback"]["recording"], 90)
    assert frames(recording, 3) == 90


def test_an_encoder_that_drops_and_returns_continues_its_stream(stack: Stack, key: str) -> None:
    with stack.publishing(key) as first:
        (before,) = until(lambda: live(stack))
        until(lambda: requests.get(before["playback"]["hls"], timeout=5).ok)
        first.kill()
        first.wait()
    with stack.publishing(key):
        source = before["playback"]["hls"].replace("index.m3u8", "source/index.m3u8")
        until(lambda: "#EXT-X-DISCONTINUITY" in requests.get(source, timeout=5).text, 90)
        (after,) = live(stack)
        assert after["id"] == before["id"]
    until(lambda: not live(stack))


def test_chat_reaches_everybody_and_tells_when_the_stream_begins_and_ends(stack: Stack, key: str) -> None:
    async def talk() -> None:
        async with connected(stack) as guest, connected(stack, stack.sign_in("viewer")) as viewer:
            for socket in (guest, viewer):
                await said(socket, type="join", streamerNickname=nickname)
            encoder = await asyncio.create_subprocess_exec(*stack.encoder(key, seconds=60))
            began = await heard(guest, "stream_started")
            ack = await said(viewer, type="chat", text="hello")
            message = await heard(guest, "new_message")
            assert message["id"] == ack["message"]["id"]
            history = stack.call("GET", f"/api/chat/{began['streamId']}")
            assert message["id"] in [entry["id"] for entry in history]
            encoder.send_signal(2)
            assert (await heard(guest, "stream_ended"))["streamId"] == began["streamId"]
            await encoder.wait()

    nickname = stack.call("GET", "/api/auth/me", stack.sign_in("streamer"))["username"]
    asyncio.run(talk())


def test_coins_arrive_once_however_often_the_provider_says_so(stack: Stack) -> None:
    viewer = stack.sign_in("viewer")

    async def buy_and_give() -> None:
        async with connected(stack, viewer) as socket:
            await said(socket, type="subscribe_notifications")
            pack = stack.call("GET", "/api/payment/coin-packs")[0]
            before = stack.call("GET", "/api/payment/wallet", viewer)["balance"]
            body = {"coinPackId": pack["id"]}
            checkout = stack.call("POST", "/api/payment/create-checkout-session", viewer, json=body)
            unkind = {"duplicates": "5", "shuffle": "1"}
            assert requests.post(f"{checkout['checkoutUrl']}/pay", data=unkind, timeout=60).ok
            told = await heard(socket, "notification")
            assert told["kind"] == "payment"
            until(lambda: stack.call("GET", "/api/payment/wallet", viewer)["balance"] == before + pack["coins"])
            gift = stack.call("GET", "/api/payment/gifts")[0]
            streamer = stack.call("GET", "/api/auth/me", stack.sign_in("streamer"))["id"]
            given = stack.call("POST", "/api/payment/gift", viewer, json={"giftId": gift["id"], "streamerId": streamer})
            assert given["balance"] == before + pack["coins"] - gift["cost"]

    asyncio.run(buy_and_give())


def test_a_request_can_be_followed_from_the_api_through_the_job_to_the_socket(stack: Stack) -> None:
    viewer = stack.sign_in("viewer")

    async def buy() -> None:
        async with connected(stack, viewer) as socket:
            await said(socket, type="subscribe_notifications")
            pack = stack.call("GET", "/api/payment/coin-packs")[0]
            body = {"coinPackId": pack["id"]}
            checkout = stack.call("POST", "/api/payment/create-checkout-session", viewer, json=body)
            headers = {"X-Request-ID": "follow-me-1"}
            assert requests.post(f"{checkout['checkoutUrl']}/pay", headers=headers, timeout=60).ok
            await heard(socket, "notification")

    def processes() -> set[str]:
        lines = [line for line in stack.printed().splitlines() if "follow-me-1" in line]
        return {line.split("|")[0].split()[-1] for line in lines}

    asyncio.run(buy())
    until(lambda: {"api", "worker-webhooks", "realtime"} <= processes(), 20, processes)


@pytest.fixture
def other_data_dir() -> Iterator[Path]:
    with open_folder("astrotv") as folder:
        yield folder / "stack"


def test_ctrl_c_leaves_nothing_and_a_second_start_remembers(other_data_dir: Path) -> None:
    with running(other_data_dir) as first:
        viewer = first.sign_in("viewer")
        me = first.call("GET", "/api/auth/me", viewer)
        children = first.children()
        assert len(children) > 8
    assert [child for child in children if child.is_running()] == []
    with running(other_data_dir) as second:
        assert second.call("GET", "/api/auth/me", viewer)["id"] == me["id"]
