"""What the services ask of ingest, heard on Redis: cutting off whoever publishes to a channel."""

import asyncio
from typing import Final

import msgspec
import redis
import structlog
from redis.asyncio import Redis

from ingest.lifecycle import Lifecycle
from services.events import PublishCut
from services.topics import INGEST

RETRY_S: Final = 1.0

log = structlog.get_logger()


class Control:
    """Listens for as long as the process runs; a Redis that is away is asked again."""

    def __init__(self, redis_url: str, lifecycle: Lifecycle) -> None:
        self._redis_url = redis_url
        self._lifecycle = lifecycle
        self.listening = asyncio.Event()

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                await self._listen()
            except (redis.RedisError, OSError) as error:
                self.listening.clear()
                log.warning("Redis is away; listening again soon", error=str(error))
            await asyncio.sleep(RETRY_S)

    async def _listen(self) -> None:
        # A socket timeout would end a subscription on which nothing happens to be said.
        async with Redis.from_url(self._redis_url, socket_timeout=None) as client, client.pubsub() as subscription:
            await subscription.subscribe(INGEST)
            self.listening.set()
            async for message in subscription.listen():
                if message["type"] == "message":
                    self._obey(message["data"])

    def _obey(self, payload: bytes) -> None:
        """Take an event: a line with its sequence number, then JSON."""
        _, _, body = payload.partition(b"\n")
        try:
            command = msgspec.json.decode(body, type=PublishCut)
        except msgspec.MsgspecError as error:
            log.warning("not a command for ingest", error=str(error))
            return
        log.info("cut off", channel_id=str(command.channel_id), reason=command.reason)
        self._lifecycle.cut(command.channel_id, command.reason)
