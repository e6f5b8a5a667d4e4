"""The request id that follows one cause through API, jobs and sockets, into every log line."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from services.ids import new_id

ACCEPTABLE = re.compile(r"[A-Za-z0-9._:-]{1,64}")


def current_request_id() -> str:
    """The id of the cause being served; empty outside of any."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


def acceptable_request_id(offered: str | None) -> str:
    """The caller's own id where it is harmless, else a new one."""
    if offered and ACCEPTABLE.fullmatch(offered):
        return offered
    return str(new_id())


@contextmanager
def with_request_id(request_id: str) -> Iterator[None]:
    """Serve under this id inside the block."""
    with structlog.contextvars.bound_contextvars(request_id=request_id or str(new_id())):
        yield
