"""`python -m realtime [--processes N]`: serve sockets until told to stop."""

import argparse
import asyncio
import gc
import os
import resource
import signal
import socket
import sys
import threading

import structlog
import uvloop

import bootstrap
from realtime.listening import PortTaken, listen
from realtime.server import DATABASE_CONNECTIONS, Server
from settings import Settings, SettingsError, load

log = structlog.get_logger("realtime")

STOPPING = (signal.SIGTERM, signal.SIGINT)
LEAVING_S = 9  # within ten seconds a process is gone, whatever else is out of order

#: Most of what lives here are sockets: to look at all of them for a few thousand new objects is a pause for everybody.
COLLECT_AFTER = (1_000, 20, 100)

#: So long the event loop may keep the interpreter from a thread that has a batch to store or to tell of; each batch
#: asks for it several times, and Python's own 5 ms would be added to what everybody waits for.
SWITCH_S = 0.001


def main() -> int:
    """Bind the port, then serve: in this process, or in as many as were asked for."""
    options = _options()
    try:
        settings = load(os.environ)
        sockets = listen(
            settings.realtime_host, settings.realtime_port, options.processes or settings.realtime_processes
        )
    except (SettingsError, PortTaken) as error:
        sys.stderr.write(f"realtime: {error}\n")
        return 1
    if len(sockets) == 1:
        return _serve(settings, sockets[0])
    return _supervise([_fork(settings, sock, sockets) for sock in sockets], sockets)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m realtime", description="Serve the realtime sockets.")
    parser.add_argument("--processes", type=int, help="how many share the port (default: REALTIME_PROCESSES)")
    return parser.parse_args()


def _serve(settings: Settings, sock: socket.socket) -> int:
    bootstrap.start("realtime", settings, pool_size=DATABASE_CONNECTIONS)
    _raise_file_limit()
    sys.setswitchinterval(SWITCH_S)
    status = uvloop.run(_run(settings, sock))
    bootstrap.stop()
    return status


async def _run(settings: Settings, sock: socket.socket) -> int:
    ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def end(status: int) -> None:
        if not ended.done():
            ended.set_result(status)

    for number in STOPPING:
        asyncio.get_running_loop().add_signal_handler(number, end, 0)
    server = Server(settings, crashed=lambda: end(1))
    await server.start([sock])
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
    host, port = sock.getsockname()[:2]
    log.info("realtime_ready", address=f"{host}:{port}", pid=os.getpid())
    status = await ended
    log.info("realtime_stopping")
    _leave_in_any_case(status)
    await server.stop()
    return status


def _leave_in_any_case(status: int) -> None:
    """End with `status` after LEAVING_S, also where a thread waits for a store that does not answer.

    By then everybody has been told and what was acknowledged is stored: only what waits is lost, unanswered.
    """
    leaving = threading.Timer(LEAVING_S, _leave, (status,))
    leaving.daemon = True
    leaving.start()


def _leave(status: int) -> None:
    log.error("realtime_left", reason="a store did not answer")
    os._exit(status)


def _raise_file_limit() -> None:
    """A socket is a file: take as many as the system lets this process have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _fork(settings: Settings, sock: socket.socket, sockets: list[socket.socket]) -> int:
    pid = os.fork()
    if pid:
        return pid
    for other in sockets:
        if other is not sock:
            other.close()
    os._exit(_serve(settings, sock))


def _supervise(pids: list[int], sockets: list[socket.socket]) -> int:
    """Wait for the copies; pass a signal on to all of them, and end them all where one ends."""
    for sock in sockets:
        sock.close()
    for number in STOPPING:
        signal.signal(number, lambda signum, _: _signal(pids, signum))
    status = 0
    while pids:
        pid, code = os.wait()
        pids.remove(pid)
        status = status or os.waitstatus_to_exitcode(code)
        _signal(pids, signal.SIGTERM)
    return abs(status)


def _signal(pids: list[int], number: int) -> None:
    for pid in pids:
        os.kill(pid, number)


if __name__ == "__main__":
    sys.exit(main())
