"""Budgets as gauges: what is settled, what calls in flight hold, and where the pace leads."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from proxy.budgets import Limit
from proxy.budgets.results import Balance
from proxy.budgets.windows import Window, window_end_ms, window_start_ms
from proxy.console import said
from proxy.console.plots import Part, bar
from proxy.console.ports import Ports
from proxy.identity.claims import is_value
from proxy.ledger.store import Filter

FORECAST_RULE = (
    "The mark is a forecast: what is settled so far, at the same pace to the window's end. "
    "It is shown once a tenth of the window has passed."
)
_DIMENSIONS = ("org", "agent", "session", "task", "model")
_CALLERS_MAX = 300
_LATELY_MS = 31 * 86_400_000
"""Whose budgets are looked at: whoever called within the longest window."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """Where one budget stands."""

    org: str
    name: str
    scope: Sequence[tuple[str, str]]
    unit: str
    window: str
    cap: int
    settled: int
    held: int
    remaining: int
    resets_at_ms: int | None
    forecast: int | None

    @property
    def share(self) -> int:
        """Of the cap, what is settled and held; in thousandths, to sort by."""
        return (self.settled + self.held) * 1000 // self.cap if self.cap else 1000

    @property
    def is_full(self) -> bool:
        """Nothing is left."""
        return self.remaining <= 0

    @property
    def bar(self) -> Markup:
        """Settled and held beside the cap, with the forecast as a tick."""
        kind = "full" if self.is_full else "settled"
        parts = [
            Part(self.settled, kind, f"settled: {said.amount(self.settled, self.unit)}"),
            Part(self.held, "held", f"held: {said.amount(self.held, self.unit)}"),
        ]
        ticks = []
        if self.forecast is not None and self.forecast <= self.cap:
            ticks = [
                Part(
                    self.forecast, "forecast", f"forecast: {said.amount(self.forecast, self.unit)}"
                )
            ]
        label = f"{self.name}: {said.percent(self.settled + self.held, self.cap)} used"
        return bar(parts, self.cap, label, ticks=ticks)


def forecast(window: Window, settled: int, now_ms: int) -> int | None:
    """What the window will come to, by FORECAST_RULE; None where that says nothing."""
    end_ms = window_end_ms(window, now_ms)
    if end_ms is None or window == "minute":
        return None
    start_ms = window_start_ms(window, now_ms)
    elapsed_ms, whole_ms = now_ms - start_ms, end_ms - start_ms
    return settled * whole_ms // elapsed_ms if elapsed_ms * 10 >= whole_ms else None


def gauge(org: str, balance: Balance, now_ms: int) -> Gauge:
    """The gauge of a balance."""
    limit = balance.limit
    return Gauge(
        org=org,
        name=limit.name,
        scope=sorted(limit.scope),
        unit=limit.unit,
        window=limit.window,
        cap=limit.cap,
        settled=balance.settled,
        held=balance.held,
        remaining=balance.remaining,
        resets_at_ms=balance.resets_at_ms,
        forecast=forecast(limit.window, balance.settled, now_ms),
    )


async def gauges(ports: Ports, wanted: Filter) -> list[Gauge]:
    """The budgets of whoever called lately that count something, the fullest first. Raises
    CountersUnavailable."""
    now_ms = ports.now_ms()
    found: list[Gauge] = []
    for org, limits in _limits(ports, await _callers(ports, wanted, now_ms)).items():
        balances = await ports.accounts.balances(org, limits, now_ms)
        found += [gauge(org, each, now_ms) for each in balances if each.settled or each.held]
    return sorted(found, key=lambda each: (-each.share, each.name, each.scope))


async def _callers(ports: Ports, wanted: Filter, now_ms: int) -> list[tuple[str | None, ...]]:
    lately = Filter(
        org=wanted.org,
        agent=wanted.agent,
        session=wanted.session,
        since_ms=now_ms - _LATELY_MS,
    )
    return [each.group for each in await ports.ledger.spenders(_DIMENSIONS, lately, _CALLERS_MAX)]


def _limits(ports: Ports, callers: Iterable[tuple[str | None, ...]]) -> dict[str, list[Limit]]:
    found: dict[str, dict[str, Limit]] = {}
    for org, agent, session, task, model in callers:
        if org is None or agent is None or not is_value(org):
            continue  # Nobody has such a name today, so nothing is counted for it.
        terms = ports.policies.terms(org, agent)
        for each in terms.limits_for(org, agent, session, task, model, ports.now_ms()):
            found.setdefault(org, {})[f"{each.limit.name} {each.limit.key}"] = each.limit
    return {org: list(limits.values()) for org, limits in found.items()}
