"""What Prometheus reads from the API: its own requests, and what stands in the stores for everybody.

Workers serve no port; what they count lies in Redis and is shown here.
"""

import os
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from services import backlogs, job_metrics, queues
from services.transcode_register import transcode_statuses

REQUESTS = Counter("astrotv_http_requests_total", "Requests by method, route and status", ["method", "route", "status"])
SECONDS = Histogram(
    "astrotv_http_request_seconds",
    "Time to answer, by route",
    ["route"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)


class StoredCollector(Collector):
    """What the stores say when they are asked: jobs of all workers, backlogs, the last look at the books."""

    def collect(self) -> Iterable[Metric]:
        """Return the families; those of a store that is away are empty."""
        yield from _jobs()
        yield from _backlogs()
        yield from _drift()


def exposition() -> bytes:
    """Every metric in Prometheus' text format, over all processes of the API, with the queues' depths."""
    registry = CollectorRegistry()
    depth = Gauge("astrotv_queue_depth", "Jobs that wait, by queue", ["queue"], registry=registry)
    for name, waiting in queues.depths().items():
        depth.labels(name).set(waiting)
    _add_ladders(registry)
    registry.register(StoredCollector())
    return _processes() + generate_latest(registry)


def _add_ladders(registry: CollectorRegistry) -> None:
    speed = Gauge("astrotv_transcode_speed", "Speed of a live ladder; 1 is real time", ["stream"], registry=registry)
    shed = Gauge("astrotv_transcode_rungs_shed", "Rungs left out for want of room", ["stream"], registry=registry)
    for stream_id, ladder in transcode_statuses().items():
        speed.labels(str(stream_id)).set(ladder.speed or 0)
        shed.labels(str(stream_id)).set(len(ladder.shed))


def _jobs() -> Iterable[Metric]:
    ended = CounterMetricFamily("astrotv_jobs", "Attempts at jobs, by outcome", labels=["job", "outcome"])
    took = HistogramMetricFamily("astrotv_job_seconds", "Time that an attempt at a job took", labels=["job"])
    for total in job_metrics.totals():
        for outcome, count in total.outcomes.items():
            ended.add_metric([total.job, outcome], count)
        if not total.attempts:
            continue
        bounds = [str(bound) for bound in job_metrics.BUCKETS_S]
        buckets = [*zip(bounds, total.within, strict=True), ("+Inf", total.attempts)]
        took.add_metric([total.job], buckets, total.sum_s)
    yield ended
    yield took


def _backlogs() -> Iterable[Metric]:
    waiting = GaugeMetricFamily("astrotv_backlog", "What waits or was given up, by kind", labels=["kind"])
    oldest = GaugeMetricFamily("astrotv_backlog_oldest_seconds", "Age of the oldest of them", labels=["kind"])
    for backlog in backlogs.backlogs():
        waiting.add_metric([backlog.name], backlog.waiting)
        oldest.add_metric([backlog.name], backlog.oldest_s)
        if backlog.name == "webhooks":
            yield GaugeMetricFamily("astrotv_webhook_lag_seconds", "Age of the oldest open webhook", backlog.oldest_s)
    yield waiting
    yield oldest


def _drift() -> Iterable[Metric]:
    found = job_metrics.drift()
    if found is None:
        return
    drift = GaugeMetricFamily("astrotv_ledger_drift", "Findings of the last reconciliation", labels=["check"])
    for check, findings in found.findings.items():
        drift.add_metric([check], findings)
    yield drift
    yield GaugeMetricFamily("astrotv_ledger_checked_at_seconds", "When the books were last compared", found.checked_at)


def _processes() -> bytes:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest()
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return generate_latest(registry)
