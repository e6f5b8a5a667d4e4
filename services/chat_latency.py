"""How long chat takes: from a message being stored to its room being told, of the last batches."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
import redis
import structlog

from services import clock
from services.bus import bus

log = structlog.get_logger(__name__)

KEY = "chat:latency"
BATCHES_KEPT = 1000
FORGOTTEN_AFTER_S = 3600


class ChatLatency(msgspec.Struct, frozen=True, rename="camel"):
    """Milliseconds that half (`p50`), and all but a twentieth (`p95`), of the batches took; None without any."""

    p50_ms: float | None
    p95_ms: float | None
    batches: int


def waited_ms(stored_at: datetime) -> float:
    """How long ago something was stored; kept in a list at KEY along with what is told, the newest first."""
    return max(0.0, (clock.now() - stored_at).total_seconds() * 1000)


def chat_latency() -> ChatLatency:
    """The latency of the batches of the last hour, a thousand at most; nothing is known where Redis is away."""
    try:
        waited = sorted(float(value) for value in bus.redis.lrange(KEY, 0, BATCHES_KEPT - 1))
    except redis.RedisError as error:
        log.warning("chat_latency_unknown", error=str(error))
        waited = []
    return ChatLatency(_at(waited, 0.5), _at(waited, 0.95), len(waited))


def _at(ordered: Sequence[float], share: float) -> float | None:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None
