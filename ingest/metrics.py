"""What operators watch of ingest, as Prometheus metrics."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from ingest.broadcast import Broadcast

REGISTRY: Final = CollectorRegistry()
REFUSALS: Final = Counter(
    "astrotv_ingest_refusals_total", "Publishers refused, by RTMP status code", ["code"], registry=REGISTRY
)
STORAGE_FAILURES: Final = Counter(
    "astrotv_ingest_storage_failures_total",
    "Broadcasts ended, and publishers refused, because the media folder takes nothing",
    registry=REGISTRY,
)


class BroadcastCollector(Collector):
    """Reads the broadcasts when it is asked, so that nothing is counted on the way of the media."""

    def __init__(self, broadcasts: Callable[[], "list[Broadcast]"]) -> None:
        self._broadcasts = broadcasts

    def collect(self) -> Iterable[Metric]:
        """Return one value a live stream, and the totals."""
        broadcasts = self._broadcasts()
        publishing = sum(broadcast.publisher is not None for broadcast in broadcasts)
        yield GaugeMetricFamily("astrotv_ingest_publishers", "Encoders that publish", publishing)
        yield GaugeMetricFamily(
            "astrotv_ingest_interrupted", "Streams that wait for their encoder", len(broadcasts) - publishing
        )
        readers = sum(broadcast.hub.readers for broadcast in broadcasts)
        yield GaugeMetricFamily("astrotv_ingest_relay_readers", "Readers of the relay", readers)
        bitrate = GaugeMetricFamily("astrotv_ingest_bitrate_kbps", "Bitrate of each stream", labels=["stream"])
        for broadcast in broadcasts:
            if broadcast.stream is not None:
                bitrate.add_metric([str(broadcast.stream.id)], broadcast.hub.meter.bitrate_kbps or 0)
        yield bitrate
