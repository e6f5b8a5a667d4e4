"""The platform's key figures, as administrators see them."""

from datetime import timedelta
from typing import Any

import msgspec

from db.connection import acting_as_system, query
from services import clock
from services.chat_latency import ChatLatency, chat_latency

DAY = timedelta(days=1)
MONTH = timedelta(days=30)


class IngestUptime(msgspec.Struct, frozen=True, rename="camel"):
    """Of the time (seconds) in which streams were live in the last 24 hours, the share in which an encoder sent."""

    rate: float | None
    live_seconds: int
    publishing_seconds: int


class Conversion(msgspec.Struct, frozen=True, rename="camel"):
    """Of the people who were here in the last 30 days, the share who began a subscription in them."""

    rate: float | None
    active_users: int
    new_subscribers: int


class PlatformMetrics(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Viewers and streams at this moment, the most viewers of a minute in 24 hours, and how it all fares."""

    concurrent_viewers: int
    live_streams: int
    peak_concurrent_viewers: int
    active_subscriptions: int
    chat_latency: ChatLatency
    ingest_uptime: IngestUptime
    subscription_conversion: Conversion


@acting_as_system("figures over everybody")
def platform_metrics() -> PlatformMetrics:
    """Every figure, counted now; a rate is None where there is nothing to divide by."""
    at = clock.now()
    [now] = query(_NOW, {"since": at - DAY})
    [(live, publishing)] = query(_UPTIME, {"now": at, "since": at - DAY})
    [(active, subscribed)] = query(_CONVERSION, {"since": at - MONTH})
    return PlatformMetrics(
        **dict(zip(_FIGURES, now, strict=True)),
        chat_latency=chat_latency(),
        ingest_uptime=IngestUptime(_share(publishing, live), int(live), int(publishing)),
        subscription_conversion=Conversion(_share(subscribed, active), active, subscribed),
    )


def _share(part: Any, whole: Any) -> float | None:
    return round(float(part / whole), 4) if whole else None


_FIGURES = ("concurrent_viewers", "live_streams", "peak_concurrent_viewers", "active_subscriptions")
_NOW = """
SELECT (SELECT coalesce(sum(viewer_count), 0)::bigint FROM streams WHERE status = 'LIVE'),
       (SELECT count(*) FROM streams WHERE status = 'LIVE'),
       (SELECT coalesce(max(total), 0)::bigint FROM (
            SELECT sum(viewers) AS total FROM stream_metrics_minute WHERE minute >= %(since)s GROUP BY minute) minutes),
       (SELECT count(*) FROM subscriptions WHERE status IN ('active', 'cancelled'))"""

# Streams that an encoder sends; what is shown from another source has no ingest session.
_UPTIME = """
WITH live AS (
    SELECT s.id, greatest(s.started_at, %(since)s) AS since, least(s.ended_at, %(now)s) AS until
    FROM streams s
    WHERE (s.status = 'LIVE' OR s.ended_at > %(since)s) AND s.started_at < %(now)s
      AND EXISTS (SELECT FROM ingest_sessions WHERE stream_id = s.id)
), published AS (
    SELECT l.id, sum(extract(epoch FROM least(i.ended_at, l.until) - greatest(i.started_at, l.since))) AS seconds
    FROM live l JOIN ingest_sessions i ON i.stream_id = l.id
    WHERE i.started_at < l.until AND (i.ended_at IS NULL OR i.ended_at > l.since) GROUP BY l.id
)
SELECT coalesce(sum(extract(epoch FROM l.until - l.since)), 0), coalesce(sum(p.seconds), 0)
FROM live l LEFT JOIN published p USING (id)"""

_CONVERSION = """
SELECT (SELECT count(DISTINCT user_id) FROM auth_sessions WHERE last_used_at >= %(since)s),
       (SELECT count(DISTINCT subscriber_id) FROM subscriptions WHERE started_at >= %(since)s)"""
