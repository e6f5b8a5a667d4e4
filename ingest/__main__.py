"""`python -m ingest`: the RTMP server, its relay, and what keeps them in touch with the platform."""

import asyncio
import os
import signal
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Final

import msgspec
import structlog
import uvloop

import bootstrap
from db.connection import connection
from ingest.address import own_relay_url
from ingest.control import Control
from ingest.copies import run_copies
from ingest.http import HttpServer
from ingest.leftovers import Leftovers
from ingest.lifecycle import Lifecycle
from ingest.metrics import REGISTRY, BroadcastCollector
from ingest.neighbours import Neighbours
from ingest.relay import Relay
from ingest.seam import Caller
from ingest.server import RtmpServer
from ingest.station import Station
from services import broadcasts, open_streams, relays, tokens
from settings import Settings, SettingsError, load

THREADS: Final = 8
SWEEP_EVERY_S: Final = 60.0

log = structlog.get_logger()


def main() -> int:
    """Run until SIGTERM or SIGINT, in as many processes as are asked for; returns the exit status.

    What is wrong with settings or ports is one line.
    """
    try:
        settings = load(os.environ)
    except SettingsError as error:
        return _refuse(error)
    if settings.ingest_processes == 1:
        return _run(settings, "")
    return run_copies(settings.ingest_processes, lambda number: _run(_nth(settings, number), f"/{number}"))


def _nth(settings: Settings, number: int) -> Settings:
    """The settings of one of several processes: its relay has a port of its own."""
    return msgspec.structs.replace(settings, relay_port=settings.relay_port + number)


def _run(settings: Settings, suffix: str) -> int:
    bootstrap.start("ingest", settings, pool_size=THREADS)
    try:
        uvloop.run(serve(settings, f"{socket.gethostname()}:{settings.rtmp_port}{suffix}"))
    except OSError as error:
        return _refuse(error)
    finally:
        bootstrap.stop()
    return 0


def _refuse(error: Exception) -> int:
    sys.stderr.write(f"ingest: {error}\n")
    return 1


async def serve(settings: Settings, server: str) -> None:
    """Serve under a name until told to stop; raises OSError for a port that is taken."""
    with ThreadPoolExecutor(THREADS, "ingest") as executor:
        station = _station(settings, server, executor)
        lifecycle = Lifecycle(station)
        REGISTRY.register(BroadcastCollector(lambda: lifecycle.broadcasts))
        rtmp = RtmpServer(
            lifecycle, shares_port=settings.ingest_processes > 1, behind_proxy=settings.rtmp_proxy_protocol
        )
        neighbours = Neighbours(station.relay_url, relays.relay_of, station.call)
        relay = HttpServer(Relay(lifecycle, tokens.check_relay_token, open_streams.may_fetch, neighbours, REGISTRY))
        await _listen("RTMP_PORT", rtmp, settings.rtmp_host, settings.rtmp_port)
        await _listen("RELAY_PORT", relay, settings.host, settings.relay_port)
        log.info("ingest is ready", rtmp=settings.public_rtmp_url, relay=station.relay_url)
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


def _station(settings: Settings, server: str, executor: ThreadPoolExecutor) -> Station:
    return Station(
        server=server,
        relay_url=own_relay_url(settings),
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
    sys.exit(main())
