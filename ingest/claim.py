"""A channel's claim: of all ingest servers, this one publishes it."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from ingest.seam import Broadcasts, Caller
from services.broadcasts import Grant
from services.errors import Unavailable

RENEW_EVERY_S: Final = 1.0
#: The name under which a server holds its claims: the same after a restart, so that it can take them up.
HOLDER: Final = "ingest"

log = structlog.get_logger()


class Claim:
    """Takes, keeps and gives back the claim on one channel."""

    def __init__(
        self, grant: Grant, server: str, broadcasts: Broadcasts, call: Caller, silent_s: Callable[[], float]
    ) -> None:
        """`silent_s` tells for how long the publisher has been silent: then another server may have the channel."""
        self._grant = grant
        self._server = server
        self._broadcasts = broadcasts
        self._call = call
        self._silent_s = silent_s

    async def take(self) -> None:
        """Be the only server; raises Conflict, Unavailable."""
        silent_s = self._silent_s()
        await self._call(self._broadcasts.claim, self._grant, server=self._server, publisher=HOLDER, silent_s=silent_s)

    async def keep(self) -> None:
        """Renew for as long as nobody else has it, taking it again where Redis forgot it; raises Conflict."""
        channel_id = self._grant.channel_id
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            try:
                if not await self._renew():
                    await self.take()
            except Unavailable as error:
                log.warning("a claim could not be renewed", channel_id=str(channel_id), error=str(error))

    async def _renew(self) -> bool:
        silent_s, channel_id = self._silent_s(), self._grant.channel_id
        return await self._call(
            self._broadcasts.renew, channel_id, server=self._server, publisher=HOLDER, silent_s=silent_s
        )

    async def release(self) -> None:
        """Let another server publish the channel."""
        channel_id = self._grant.channel_id
        try:
            await self._call(self._broadcasts.release, channel_id, server=self._server, publisher=HOLDER)
        except Unavailable as error:
            log.warning("a claim is left to lapse", channel_id=str(channel_id), error=str(error))
