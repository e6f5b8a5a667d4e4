"""What is kept for a while only: chat, minutes of viewership, notifications, the words of webhooks, dead letters.

Hours and days of analytics are sums and stay. They are counted from messages and minutes, so these go only when
their day has been counted, and what is gone is remembered: no day is counted anew from what is left of it.
Pinned messages stay for as long as they are pinned.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import msgspec
import structlog

from db.connection import query
from services import batches, clock, jobs
from services.bus import bus
from services.ids import first_id_of
from services.jobs import enqueue
from settings import Settings

log = structlog.get_logger(__name__)

DEAD_LETTERS_KEPT_DAYS = 90
DAY = timedelta(days=1)


class Rule(msgspec.Struct, frozen=True):
    """What goes after how many days (0: never); `is_counted` where analytics are counted from it."""

    name: str
    days: Callable[[Settings], int]
    sql: str
    is_counted: bool = False


def apply() -> Mapping[str, int]:
    """Delete what is old enough, in small batches; returns how many rows by rule.

    Can be run twice and by two at once. Where there is more than one run may take, the next is asked for.
    """
    done = {rule.name: _apply(rule) for rule in RULES}
    if any(count >= batches.ROWS * batches.MOST_BATCHES for count in done.values()):
        enqueue(jobs.APPLY_RETENTION)
    return done


def gone_before() -> datetime | None:
    """The beginning of the first day of which every message and minute is still there; None: they all are."""
    rows = query("SELECT gone_before FROM retention_progress WHERE name = 'raw'")
    return rows[0][0] if rows else None


def _apply(rule: Rule) -> int:
    before = _before(rule)
    if before is None:
        return 0
    if rule.is_counted:
        query(_REMEMBER, {"at": _next_day(before)})
    count = batches.run(rule.sql, {"before": before, "first_id": first_id_of(before)})
    if count:
        log.info("old_rows_deleted", what=rule.name, rows=count)
    return count


def _before(rule: Rule) -> datetime | None:
    """What is older than this goes; None: nothing does."""
    days = rule.days(bus.settings)
    if not days:
        return None
    before = clock.now() - timedelta(days=days)
    if not rule.is_counted:
        return before
    counted = query("SELECT until FROM analytics_progress WHERE name = 'daily'")
    return min(before, counted[0][0]) if counted else None


def _next_day(at: datetime) -> datetime:
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return day if day == at else day + DAY


_REMEMBER = """
INSERT INTO retention_progress AS p (name, gone_before) VALUES ('raw', %(at)s)
ON CONFLICT (name) DO UPDATE SET gone_before = excluded.gone_before WHERE p.gone_before < excluded.gone_before"""


def _deleting(table: str, key: str, old: str) -> str:
    return batches.deleting(table, key, f"{old} ORDER BY {key}")


# An id begins with its time: the primary key finds what is old.
RULES = (
    Rule(
        "messages",
        lambda settings: settings.chat_retention_days,
        _deleting("messages", "id", "id < %(first_id)s AND created_at < %(before)s AND NOT is_pinned"),
        is_counted=True,
    ),
    Rule(
        "stream_metrics_minute",
        lambda settings: settings.metrics_retention_days,
        _deleting("stream_metrics_minute", "minute, stream_id", "minute < %(before)s"),
        is_counted=True,
    ),
    Rule(
        "notifications",
        lambda settings: settings.notification_retention_days,
        _deleting("notifications", "id", "id < %(first_id)s AND created_at < %(before)s"),
    ),
    Rule(
        "webhook_bodies",
        lambda settings: settings.webhook_retention_days,
        """
WITH due AS MATERIALIZED (
    SELECT id FROM webhook_events
    WHERE payload <> '' AND state IN ('PROCESSED', 'IGNORED') AND id < %(first_id)s
    ORDER BY id LIMIT %(rows)s FOR UPDATE SKIP LOCKED
)
UPDATE webhook_events e SET payload = '' FROM due WHERE e.id = due.id RETURNING 1""",
    ),
    Rule(
        "dead_letters",
        lambda _settings: DEAD_LETTERS_KEPT_DAYS,
        _deleting("dead_letters", "created_at, id", "created_at < %(before)s"),
    ),
)
