"""/metrics: numbers without names. No label tells a camera, an account or an address."""

from collections.abc import Callable, Iterable
from dataclasses import asdict

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from belvedere.media.delivery.counters import Counters

_HELP = {
    "fragments_in": "Fragments made of what cameras sent.",
    "fragments_out": "Fragments written to viewers.",
    "bytes_out": "Bytes of fragments written to viewers.",
    "skipped": "Fragments not sent to readers that were too slow.",
    "stuck": "Readers dropped because they took nothing.",
    "cuts": "Sessions ended by control.",
    "lapses": "Sessions whose lease ran out.",
    "opened": "Sessions opened.",
    "refused": "Tickets refused.",
    "bad_requests": "Requests that were none.",
}


class MediaMetrics(Collector):
    """Reads the numbers when asked; `gauges` gives those that are counted on the spot."""

    def __init__(self, counters: Counters, gauges: Callable[[], dict[str, int]]) -> None:
        self._counters = counters
        self._gauges = gauges
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """All of them, for prometheus_client."""
        for name, value in asdict(self._counters).items():
            yield CounterMetricFamily(f"belvedere_media_{name}", _HELP[name], value=value)
        for name, number in self._gauges().items():
            yield GaugeMetricFamily(f"belvedere_media_{name}", f"{name.replace('_', ' ').capitalize()} now.", number)

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self._registry)
