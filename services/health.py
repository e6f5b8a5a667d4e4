"""Whether what a process depends on answers, and how fast."""

from collections.abc import Callable
from time import perf_counter

import msgspec
import peewee
import redis
from playhouse.pool import MaxConnectionsExceeded

from db.connection import query
from services.bus import bus
from services.gateways.storage import StorageError, open_storage

AWAY = (peewee.PeeweeException, MaxConnectionsExceeded, redis.RedisError, StorageError, OSError)


class Part(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One dependency."""

    ok: bool
    latency_ms: float
    error: str = ""


class Readiness(msgspec.Struct, frozen=True):
    """All dependencies."""

    ready: bool
    parts: dict[str, Part]


def readiness() -> Readiness:
    """Ask database, broker and storage."""
    parts = {name: _ask(check) for name, check in CHECKS.items()}
    return Readiness(all(part.ok for part in parts.values()), parts)


def _ask(check: Callable[[], object]) -> Part:
    started = perf_counter()
    try:
        check()
    except AWAY as error:
        return Part(False, _ms_since(started), type(error).__name__)
    return Part(True, _ms_since(started))


def _ms_since(started: float) -> float:
    return round((perf_counter() - started) * 1000, 2)


def _storage() -> None:
    """A tiny file is written: a full or vanished disk must not look ready."""
    open_storage(bus.settings).put_bytes("health/ready", b"ok")


CHECKS: dict[str, Callable[[], object]] = {
    "database": lambda: query("SELECT 1"),
    "broker": lambda: bus.redis.ping(),
    "storage": _storage,
}
