"""`python -m ingest`: the RTMP server, its relay, and what keeps them in touch with the platform."""

import asyncio
import os
import signal
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Final

import structlog
import uvloop

import bootstrap
from db.connection import connection
from ingest.control import Control
from ingest.http import HttpServer
from ingest.leftovers import Leftovers
from ingest.lifecycle import Lifecycle
from ingest.metrics import REGISTRY, BroadcastCollector
from ingest.relay import Relay
from ingest.seam import Caller
from ingest.server import RtmpServer
from ingest.station import Station
from services import broadcasts, open_streams, tokens
from settings import Settings, SettingsError

THREADS: Final = 8
SWEEP_EVERY_S: Final = 60.0

log = structlog.get_logger()


def main() -> None:
    """Run until SIGTERM or SIGINT; exits with one line on what is wrong with settings or ports."""
    try:
        settings = bootstrap.start("ingest", pool_size=THREADS)
    except SettingsError as error:
        sys.exit(f"ingest: {error}")
    try:
        uvloop.run(serve(settings))
    except OSError as error:
        sys.exit(f"ingest: {error}")
    finally:
        bootstrap.stop()


async def serve(settings: Settings) -> None:
    """Serve until told to stop; raises OSError for a port that is taken."""
    with ThreadPoolExecutor(THREADS, "ingest") as executor:
        lifecycle = Lifecycle(_station(settings, executor))
        REGISTRY.register(BroadcastCollector(lambda: lifecycle.broadcasts))
        rtmp = RtmpServer(lifecycle)
        relay = HttpServer(Relay(lifecycle, tokens.check_relay_token, open_streams.may_fetch, REGISTRY))
        await _listen("RTMP_PORT", rtmp, settings.rtmp_host, settings.rtmp_port)
        await _listen("RELAY_PORT", relay, settings.host, settings.relay_port)
        log.info("ingest is ready", rtmp=settings.public_rtmp_url, relay=settings.relay_url)
        background = [
            asyncio.create_task(Control(settings.redis_url, lifecycle).run()),
            asyncio.create_task(_sweep(settings)),
        ]
        await _told_to_stop()
        log.info("ingest stops")
        rtmp.stop_listening()
        await lifecycle.close()
        await rtmp.close()
        await relay.close()
        for task in background:
            task.cancel()


def _station(settings: Settings, executor: ThreadPoolExecutor) -> Station:
    return Station(
        server=f"{socket.gethostname()}:{settings.rtmp_port}",
        hls_folder=settings.hls_path / "hls",
        window_s=settings.dvr_window_s,
        grace_s=settings.grace_window_s,
        broadcasts=broadcasts,
        call=Caller(executor, connection),
    )


async def _listen(setting: str, server: RtmpServer | HttpServer, host: str, port: int) -> None:
    try:
        await server.start(host, port)
    except OSError as error:
        why = os.strerror(error.errno).lower() if error.errno else str(error)
        raise OSError(f"{host}:{port} cannot be listened on ({why}); set {setting} to another port") from error


async def _sweep(settings: Settings) -> None:
    """End, now and then, what crashed processes left behind."""
    leftovers = Leftovers(settings.hls_path / "hls", settings.grace_window_s)
    while True:
        try:
            await asyncio.to_thread(leftovers.end, monotonic())
        except OSError as error:
            log.error("what was left behind waits for the disk", error=str(error))
        await asyncio.sleep(SWEEP_EVERY_S)


async def _told_to_stop() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


if __name__ == "__main__":
    main()
