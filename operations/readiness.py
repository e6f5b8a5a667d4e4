"""Whether the processes of a stack answer yet: asked from outside, as their users would."""

import socket
import urllib.error
import urllib.request

from settings import Settings

TIMEOUT_S = 0.5


class Readiness:
    """Remembers what has answered, and asks the rest again."""

    def __init__(self, settings: Settings) -> None:
        self._pages = {
            f"http://{_local(settings.host)}:{settings.port}/health/ready",
            f"http://127.0.0.1:{settings.relay_port}/health",
        }
        self._ports = {
            (_local(settings.realtime_host), settings.realtime_port),
            (_local(settings.rtmp_host), settings.rtmp_port),
        }

    def reached(self) -> bool:
        """Say whether every process has answered."""
        self._ports = {address for address in self._ports if not _listens(address)}
        self._pages = {page for page in self._pages if not _answers(page)}
        return not self._ports and not self._pages


def _local(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 the name, not a bind


def _listens(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, TIMEOUT_S).close()
    except OSError:
        return False
    return True


def _answers(page: str) -> bool:
    try:
        with urllib.request.urlopen(page, timeout=TIMEOUT_S) as reply:  # noqa: S310 our own address
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False
