"""The ports of a stack, checked before anything starts, so that a taken one is a line and no riddle."""

import errno
import socket

import psutil

from settings import Settings, SettingsError


def refuse_taken(settings: Settings) -> None:
    """Raise SettingsError naming every port that cannot be listened on."""
    wanted = _wanted(settings)
    _refuse_twins(wanted)
    taken = [(name, port, reason) for name, host, port in wanted if (reason := _refusal(host, port))]
    if taken:
        rest = "".join(f"; {name} ({port}): {reason}" for name, port, reason in taken[1:])
        name, port, reason = taken[0]
        raise SettingsError(name, f"port {port} {reason}{rest}. Free it, or set {name} to another port")


def _wanted(settings: Settings) -> list[tuple[str, str, int]]:
    return [
        ("PORT", settings.host, settings.port),
        ("REALTIME_PORT", settings.realtime_host, settings.realtime_port),
        ("RTMP_PORT", settings.rtmp_host, settings.rtmp_port),
        *(("RELAY_PORT", settings.host, settings.relay_port + nth) for nth in range(settings.ingest_processes)),
        ("FLOWER_PORT", "127.0.0.1", settings.flower_port),
    ]


def _refuse_twins(wanted: list[tuple[str, str, int]]) -> None:
    seen: dict[int, str] = {}
    for name, _, port in wanted:
        if port in seen:
            raise SettingsError(name, f"is {port}, which {seen[port]} is as well")
        seen[port] = name


def _refusal(host: str, port: int) -> str:
    """Why the port cannot be listened on; empty when it can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            return "needs root"
        except OSError as error:
            return f"is taken{_holder(port)}" if _in_use(error) else f"cannot be opened on {host}: {error.strerror}"
    return ""


def _in_use(error: OSError) -> bool:
    return error.errno == errno.EADDRINUSE


def _holder(port: int) -> str:
    """Name the process that listens there, where the system lets us see it."""
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr
            if listens and listens.port == port and connection.pid:
                return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
    except psutil.Error:
        pass
    return ""
