"""How things stand, looked at when somebody asks: calls in flight, holds, the ledger, what is stopped."""

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from proxy.slip import Slip


class Filing(Protocol):
    """A ledger, as far as it is looked at here."""

    @property
    def waiting(self) -> int:
        """Records that wait for the disk."""

    @property
    def sync_s(self) -> float:
        """How long the last commit took."""

    @property
    def problem(self) -> str | None:
        """Why nothing could be filed the last time it was tried."""


class Standing(Collector):
    """Gauges without a memory."""

    def __init__(
        self,
        live: Mapping[str, Slip],
        filing: Filing,
        policies: Callable[[], int],
        stopped: Callable[[], int],
        asked: Callable[[], Mapping[str, int]],
    ) -> None:
        """`policies` in force, what is `stopped` and what people are `asked`, by its kind, are counted
        when they are asked for."""
        self._live = live
        self._filing = filing
        self._policies = policies
        self._stopped = stopped
        self._asked = asked

    def collect(self) -> Iterator[GaugeMetricFamily]:
        live = list(self._live.values())
        held = [slip for slip in live if slip.hold is not None]
        bound = sum(slip.quote.bound_nanousd for slip in held if slip.quote is not None)
        filing = self._filing
        for name, text, value in (
            ("calls_in_flight", "Calls that have not ended.", len(live)),
            ("holds", "Calls in flight for which something is held.", len(held)),
            ("held_nanousd", "The most that they can cost, in nano-dollars.", bound),
            ("ledger_waiting", "Records that wait for the disk.", filing.waiting),
            ("ledger_sync_seconds", "How long the last commit took.", filing.sync_s),
            ("ledger_up", "1 while records can be filed.", int(filing.problem is None)),
            ("policies", "Policies in force; with none, all is refused.", self._policies()),
            ("stops", "Orgs, agents and sessions that are stopped.", self._stopped()),
        ):
            yield GaugeMetricFamily(f"exeat_{name}", text, value)
        yield self._waiting()

    def _waiting(self) -> GaugeMetricFamily:
        text = "Questions that wait for a person."
        family = GaugeMetricFamily("exeat_approvals_waiting", text, labels=("kind",))
        for kind, count in self._asked().items():
            family.add_metric((kind,), count)
        return family
