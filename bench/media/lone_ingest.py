"""`python -m bench.media.lone_ingest <folder>`: the ingest server with everything but the platform behind it.

Whoever comes with any key is let in; pictures are remuxed, packaged and written as always. Prints its ports.
"""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import uvloop
from prometheus_client import CollectorRegistry

from ingest.http import HttpServer
from ingest.lifecycle import Lifecycle
from ingest.neighbours import Neighbours
from ingest.relay import Relay
from ingest.seam import Caller
from ingest.server import RtmpServer
from ingest.station import Station
from tests.ingest.fakes import FakeBroadcasts, no_connection

MOST_KEYS = 1000


async def serve(folder: Path) -> None:
    """Serve until killed."""
    with ThreadPoolExecutor(8) as executor:
        platform = FakeBroadcasts(*(f"key{number}" for number in range(MOST_KEYS)))
        call = Caller(executor, no_connection)
        lifecycle = Lifecycle(
            Station(
                server="alone",
                relay_url="",
                hls_folder=folder,
                window_s=30,
                grace_s=1,
                broadcasts=platform,
                call=call,
            )
        )
        rtmp = RtmpServer(lifecycle)
        neighbours = Neighbours("", lambda _: None, call)
        relay = HttpServer(Relay(lifecycle, lambda *_: True, lambda *_: True, neighbours, CollectorRegistry()))
        print(await rtmp.start("127.0.0.1", 0), await relay.start("127.0.0.1", 0), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1])))
