"""What operators see of this process, for Prometheus."""

from collections import defaultdict
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector


class Commands(Collector):
    """How often each command ended in what: counted on the event loop alone, and so without a lock for each."""

    def __init__(self) -> None:
        self._counts: defaultdict[tuple[str, str], int] = defaultdict(int)

    def count(self, name: str, outcome: str) -> None:
        """One command more has ended."""
        self._counts[name, outcome] += 1

    def collect(self) -> Iterator[CounterMetricFamily]:
        family = CounterMetricFamily("astrotv_realtime_commands", "Client messages", labels=["type", "outcome"])
        for labels, count in self._counts.items():
            family.add_metric(labels, count)
        yield family


class Metrics:
    """The numbers of one realtime process, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.connections = Gauge("astrotv_realtime_connections", "Open sockets", registry=self._registry)
        self.commands = Commands()
        self._registry.register(self.commands)
        self.events = Counter("astrotv_realtime_events", "Events heard from Redis", registry=self._registry)
        self.deliveries = Counter("astrotv_realtime_deliveries", "Events written to sockets", registry=self._registry)
        self.fan_out_s = Histogram(
            "astrotv_realtime_fan_out_seconds",
            "From one read of Redis to the last socket",
            registry=self._registry,
            buckets=(0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1),
        )
        self.batch_size = Histogram(
            "astrotv_realtime_batch_messages",
            "Messages in one commit",
            registry=self._registry,
            buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
        )
        self.mended = Counter(
            "astrotv_realtime_mended_messages", "Messages fetched because they were not heard", registry=self._registry
        )
        self.closed_slow = Counter(
            "astrotv_realtime_closed_slow", "Sockets closed because they read too slowly", registry=self._registry
        )

    def exposition(self) -> bytes:
        """The text format of Prometheus."""
        return generate_latest(self._registry)
