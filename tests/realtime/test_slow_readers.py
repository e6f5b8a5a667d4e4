"""Sockets that stop reading: what they cost the process, and what they cost the others."""

import asyncio
import socket
from time import monotonic
from typing import Any

from services.bus import bus
from services.topics import room_topic
from tests.realtime.conftest import Show, Start
from tests.realtime.running import Crowd, Person, play

STALLED = 100
MESSAGES = 1500
WORDS = b"x" * 4000
COST_BYTES = 320 * 1024  # what may wait for each in the process, and as much again of what the allocator keeps
LATE_S = 1.0


def test_a_hundred_sockets_that_stop_reading_cost_bounded_memory_and_delay_nobody(start: Start, show: Show) -> None:
    process = start(WS_MAX_CONNECTIONS_PER_ADDRESS="1000")

    async def scene(crowd: Crowd) -> tuple[int, list[float]]:
        quick = await crowd.person(process)
        await quick.ask("join", room=show.room)
        for _ in range(STALLED):
            await _stall(crowd, process, show.room)
        before, delays = process.memory(), []
        for seq in range(1, MESSAGES + 1):
            body = b'%d\n{"type":"new_message","seq":%d,"text":"%b"}' % (seq, seq, WORDS)
            said_at = monotonic()
            await asyncio.to_thread(bus.redis.publish, room_topic(show.room_id), body)
            heard = await quick.hear(lambda event: event["type"] == "new_message")
            assert heard["seq"] == seq
            delays.append(monotonic() - said_at)
        return process.memory() - before, delays

    grown, delays = play(scene)
    assert grown < STALLED * COST_BYTES < STALLED * MESSAGES * len(WORDS) / 10
    assert sorted(delays)[-len(delays) // 100] < LATE_S


async def _stall(crowd: Crowd, process: Any, room: str) -> Person:
    """Join, and let the library read no more: it stops where nobody asks for what it has."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", process.port))
    person = await crowd.person(process, sock=sock, max_queue=1, close_timeout=0.1)
    await person.ask("join", room=room)
    return person
