"""What Prometheus reads from the API's processes."""

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from services import queues
from services.transcode_register import transcode_statuses

REQUESTS = Counter("astrotv_http_requests_total", "Requests by method, route and status", ["method", "route", "status"])
SECONDS = Histogram(
    "astrotv_http_request_seconds",
    "Time to answer, by route",
    ["route"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)


def exposition() -> bytes:
    """Every metric in Prometheus' text format, over all processes of the API, with the queues' depths."""
    registry = CollectorRegistry()
    depth = Gauge("astrotv_queue_depth", "Jobs that wait, by queue", ["queue"], registry=registry)
    for name, waiting in queues.depths().items():
        depth.labels(name).set(waiting)
    _add_ladders(registry)
    return _processes() + generate_latest(registry)


def _add_ladders(registry: CollectorRegistry) -> None:
    speed = Gauge("astrotv_transcode_speed", "Speed of a live ladder; 1 is real time", ["stream"], registry=registry)
    shed = Gauge("astrotv_transcode_rungs_shed", "Rungs left out for want of room", ["stream"], registry=registry)
    for stream_id, ladder in transcode_statuses().items():
        speed.labels(str(stream_id)).set(ladder.speed or 0)
        shed.labels(str(stream_id)).set(len(ladder.shed))


def _processes() -> bytes:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest()
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return generate_latest(registry)
