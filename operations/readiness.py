"""Whether the processes of a stack answer yet: asked from outside, as their users would."""

import time
from collections.abc import Callable

from operations import probe
from settings import Settings

TIMEOUT_S = 0.5
PATIENCE_S = 30.0


class Readiness:
    """Remembers what has answered, and asks the rest again."""

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        """`say` is told, once, what keeps the stack waiting longer than usual."""
        self._say = say
        self._patient_until = time.monotonic() + PATIENCE_S
        self._pages = set(pages(settings).values())

    def reached(self) -> bool:
        """Say whether every process has answered."""
        self._pages = {page for page in self._pages if not probe.answers(page, TIMEOUT_S)}
        if self._pages and time.monotonic() > self._patient_until:
            self._say(f"still no answer from {', '.join(sorted(self._pages))}; the lines above may say why")
            self._patient_until = float("inf")
        return not self._pages


def pages(settings: Settings) -> dict[str, str]:
    """Where each process that listens says that it is ready, by its name in the Procfile."""
    return {
        "api": f"http://{_local(settings.host)}:{settings.port}/health/ready",
        "realtime": f"http://{_local(settings.realtime_host)}:{settings.realtime_port}/health",
        "ingest": f"http://{_local(settings.host)}:{settings.relay_port}/health",
    }


def _local(host: str) -> str:
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 the name, not a bind
    return f"[{reached}]" if ":" in reached else reached
