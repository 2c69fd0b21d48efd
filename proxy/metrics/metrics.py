"""Everything that is measured, in one registry of our own: nothing is global."""

from collections.abc import Callable, Mapping
from importlib.metadata import version

from prometheus_client import (
    CollectorRegistry,
    Info,
    ProcessCollector,
    generate_latest,
)

from proxy.metrics.standing import Filing, Standing
from proxy.metrics.tally import Tally
from proxy.slip import Slip


class Metrics:
    """Told of each call that ends; printed when it is asked."""

    def __init__(
        self,
        live: Mapping[str, Slip],
        filing: Filing,
        policies: Callable[[], int],
        stopped: Callable[[], int],
        asked: Callable[[], Mapping[str, int]],
    ) -> None:
        """`asked` counts the questions that wait for a person, by their kinds, of which there are few."""
        self._registry = CollectorRegistry()
        tally = Tally()
        self.ended = tally.ended
        self._registry.register(tally)
        self._registry.register(Standing(live, filing, policies, stopped, asked))
        ProcessCollector(registry=self._registry)
        build = Info("exeat", "What runs here.", registry=self._registry)
        build.info({"version": version("exeat")})

    def text(self) -> str:
        """In Prometheus' text format."""
        return generate_latest(self._registry).decode()
