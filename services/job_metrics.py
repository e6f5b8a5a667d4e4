"""How many jobs ran, how they ended and how long they took, over all workers.

Workers serve no port that Prometheus could read; they count in Redis, and the API shows the sums.
Without Redis nothing is counted, and no job fails for it.
"""

import msgspec
import redis
import structlog

from services import jobs
from services.bus import bus

log = structlog.get_logger(__name__)

KEY = "metrics:jobs"
DRIFT_KEY = "metrics:ledger_drift"
CHECKED_AT = "checked_at"
OUTCOMES = ("done", "retried", "failed")
_NAMES = frozenset(job.name for job in vars(jobs).values() if isinstance(job, jobs.Job))
BUCKETS_S = (0.01, 0.05, 0.25, 1.0, 5.0, 30.0, 120.0, 600.0)


class JobTotals(msgspec.Struct, frozen=True):
    """One kind of job: how often each outcome was, and how long attempts took (cumulative, in seconds).

    What never happened is there as 0: of a counter that begins with its first failure Prometheus sees no increase.
    """

    job: str
    outcomes: dict[str, int]
    within: list[int]
    sum_s: float

    @property
    def attempts(self) -> int:
        """How many there were."""
        return sum(self.outcomes.values())


class DriftTotals(msgspec.Struct, frozen=True):
    """What the last comparison of the books found, check by check, and when (Unix seconds)."""

    findings: dict[str, int]
    checked_at: float


def record(job: str, outcome: str, took_s: float) -> None:
    """Count one attempt; `outcome` is `done`, `retried` or `failed`."""
    pipeline = bus.redis.pipeline(transaction=False)
    pipeline.hincrby(KEY, f"{job}|{outcome}", 1)
    pipeline.hincrbyfloat(KEY, f"{job}|sum", round(took_s, 4))
    bucket = next((str(bound) for bound in BUCKETS_S if took_s <= bound), None)
    if bucket is not None:
        pipeline.hincrby(KEY, f"{job}|le{bucket}", 1)
    _send(pipeline)


def totals() -> list[JobTotals]:
    """What was counted so far, of every job that there is; empty where Redis is away."""
    stored = _stored(KEY)
    counted: dict[str, dict[str, float]] = {name: {} for name in _NAMES} if stored else {}
    for name, value in stored.items():
        job, _, field = name.partition("|")
        counted.setdefault(job, {})[field] = value
    return [_totals(job, fields) for job, fields in sorted(counted.items())]


def record_drift(findings: dict[str, int], at: float) -> None:
    """Remember how much each of these comparisons of the books found, and when that was (Unix seconds)."""
    pipeline = bus.redis.pipeline(transaction=True)
    for check, found in findings.items():
        pipeline.hset(DRIFT_KEY, check, found)
    pipeline.hset(DRIFT_KEY, CHECKED_AT, str(at))
    _send(pipeline)


def drift() -> DriftTotals | None:
    """What the last comparison found; None before the first."""
    stored = _stored(DRIFT_KEY)
    if CHECKED_AT not in stored:
        return None
    checked_at = stored.pop(CHECKED_AT)
    return DriftTotals({check: int(found) for check, found in stored.items()}, checked_at)


def _totals(job: str, fields: dict[str, float]) -> JobTotals:
    within, sofar = [], 0
    for bound in BUCKETS_S:
        sofar += int(fields.get(f"le{bound}", 0))
        within.append(sofar)
    outcomes = {name: int(fields.get(name, 0)) for name in OUTCOMES}
    return JobTotals(job, outcomes, within, fields.get("sum", 0.0))


def _stored(key: str) -> dict[str, float]:
    try:
        found = bus.redis.hgetall(key)
    except redis.RedisError:
        return {}
    return {_text(name): float(value) for name, value in found.items()}


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name


def _send(pipeline: "redis.client.Pipeline") -> None:
    try:
        pipeline.execute()
    except redis.RedisError as error:
        log.debug("not_counted", error=str(error))
