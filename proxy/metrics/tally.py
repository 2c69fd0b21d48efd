"""Calls, counted as they end.

No label has a value that a caller could choose: not an org, an agent, a session, a host or a model. What
is asked about those stands in the ledger.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence

from prometheus_client.core import (
    CounterMetricFamily,
    HistogramMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector

from proxy.providers.paths import RULES
from proxy.providers.usage import Usage
from proxy.slip import Slip

_DECIDED_US = (500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
               1_000_000, 5_000_000, 30_000_000, 120_000_000)  # fmt: skip
_WAITED_US = (10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
              10_000_000, 30_000_000, 60_000_000, 120_000_000, 300_000_000)  # fmt: skip


class Tally(Collector):
    """Sums of one process: plain integers, since only the loop's thread adds to them. The library's
    own counters, with a lock for each sum, took ten times as long for a call."""

    def __init__(self) -> None:
        self._calls: Counter[tuple[str, str]] = Counter()
        self._refusals: Counter[tuple[str]] = Counter()
        self._addons: Counter[str] = Counter()
        self._addons_us: Counter[str] = Counter()
        self._tokens: Counter[tuple[str, str]] = Counter()
        self._nanousd: Counter[tuple[str]] = Counter()
        self._attempts: Counter[tuple[str]] = Counter()
        self._estimated = 0
        self._added = _Times(_DECIDED_US)
        self._first_bytes = _Times(_WAITED_US)
        self._people = _Times(_WAITED_US)

    def ended(self, slip: Slip) -> None:
        """A call is over, and what it cost is settled."""
        kind = _kind(slip)
        self._calls[kind, slip.status or "aborted"] += 1
        if slip.refusal is not None:
            self._refusals[slip.refusal.code.value,] += 1
        took_us = 0
        for stamp in slip.stamps:
            self._addons[stamp.name] += 1
            own_us = stamp.took_us - stamp.waited_us
            self._addons_us[stamp.name] += own_us
            took_us += own_us
        if slip.stamps:
            self._added.add(kind, took_us)
        waited_us = slip.bells.waited_us
        if waited_us:
            self._people.add(kind, waited_us)
        if slip.first_byte_ns:
            first_us = (slip.first_byte_ns - slip.opened_ns) // 1000
            self._first_bytes.add(kind, max(0, first_us - waited_us))
        if slip.call is not None and slip.left:
            self._spend(slip, _bounded(slip.call.provider))
        if slip.serves is not None:
            self._attempts[_outcome(slip),] += 1

    def _spend(self, slip: Slip, provider: str) -> None:
        self._nanousd[provider,] += slip.cost_nanousd
        self._estimated += slip.usage_is_estimated
        for kind, tokens in _parts(slip.usage):
            if tokens:
                self._tokens[provider, kind] += tokens

    def collect(self) -> Iterator[Metric]:
        """As families, when somebody asks."""
        for name, text, labels, sums in (
            (
                "calls",
                "Calls that have ended, by what they were and what became of them.",
                ("kind", "status"),
                self._calls,
            ),
            ("refusals", "Calls refused, by code.", ("code",), self._refusals),
            ("tokens", "Tokens used, as charged.", ("provider", "kind"), self._tokens),
            ("cost_nanousd", "Nano-dollars charged.", ("provider",), self._nanousd),
            (
                "attempts",
                "Attempts at what was delegated, by how they ended.",
                ("outcome",),
                self._attempts,
            ),
            (
                "estimated_calls",
                "Calls charged an upper bound, because the provider did not say.",
                (),
                {(): self._estimated},
            ),
        ):
            family = CounterMetricFamily(f"exeat_{name}", text, labels=labels)
            for values, total in sums.items():
                family.add_metric(values, total)
            yield family
        yield self._added.family(
            "exeat_added_seconds", "What the corridor took to decide on a call, without people."
        )
        yield self._people.family(
            "exeat_approval_wait_seconds", "How long a call waited for a person, of those that did."
        )
        yield self._first_bytes.family(
            "exeat_first_byte_seconds", "From a call's headers to the first byte, without people."
        )
        yield self._of_addons()

    def _of_addons(self) -> Metric:
        text = "Of what the corridor took, what each addon took."
        family = SummaryMetricFamily("exeat_addon_seconds", text, labels=("addon",))
        for name, count in self._addons.items():
            family.add_metric((name,), count, self._addons_us[name] / 1e6)
        return family


class _Times:
    """A histogram for each kind of call."""

    def __init__(self, bounds_us: Sequence[int]) -> None:
        self._bounds_us = bounds_us
        self._counts: dict[str, list[int]] = {}
        self._sums_us: Counter[str] = Counter()

    def add(self, kind: str, time_us: int) -> None:
        counts = self._counts.setdefault(kind, [0] * (len(self._bounds_us) + 1))
        counts[bisect_left(self._bounds_us, time_us)] += 1
        self._sums_us[kind] += time_us

    def family(self, name: str, text: str) -> Metric:
        found = HistogramMetricFamily(name, text, labels=("kind",))
        bounds = [*(str(bound / 1e6) for bound in self._bounds_us), "+Inf"]
        for kind, counts in self._counts.items():
            so_far, buckets = 0, []
            for bound, count in zip(bounds, counts, strict=True):
                so_far += count
                buckets.append((bound, so_far))
            found.add_metric((kind,), buckets, self._sums_us[kind] / 1e6)
        return found


def _kind(slip: Slip) -> str:
    if slip.door == "internal":
        return "internal"
    return "llm" if slip.call is not None else "http"


def _bounded(provider: str) -> str:
    """A server that no table lists is its own provider, by an authority that anybody may make up."""
    return provider if provider in RULES else "other"


def _parts(usage: Usage | None) -> list[tuple[str, int]]:
    if usage is None:
        return []
    return [
        ("input", usage.input_tokens),
        ("output", usage.output_tokens),
        ("cache_read", usage.cache_read_tokens),
        ("cache_write", usage.cache_write_5m_tokens + usage.cache_write_1h_tokens),
        ("reasoning", usage.reasoning_tokens),
    ]


def _outcome(slip: Slip) -> str:
    if slip.status == "refused":
        return "refused"
    is_good = slip.status == "answered" and slip.http_status < 500 and slip.http_status != 429
    return "answered" if is_good else "failed"
