"""A market, and somebody to send for it, without a network."""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from proxy.budgets import Accounts, MemoryCounters
from proxy.config import RouteTo, Settings
from proxy.delegate.asked import ChatAsked
from proxy.delegate.delegation import Delegation
from proxy.delegate.health import Health
from proxy.delegate.market import Market
from proxy.delegate.roads import Road, roads_of
from proxy.delegate.sender import Broken, Unreachable
from proxy.pricing.prices import Prices
from proxy.pricing.tokens import TokenCounter
from proxy.slip import Slip
from tests.addons.slips import MemoryLedger
from tests.budgets.diary import Diary
from tests.inside.callers import caller

ROADS = roads_of(Settings().routes | {"mine": RouteTo(to="http://llm.test:8000")})
ALIASES = {
    "exeat/fast": ("openai/gpt-4o", "openai/gpt-4o-mini"),
    "exeat/any": ("groq/llama-3.1-8b-instant", "openai/gpt-4o-mini"),
}
PROMPT = "a prompt that nobody writes down"
OPEN = "egress: {default: allow}"


@cache
def counter() -> TokenCounter:
    """Made once: its tables take long to load."""
    made = TokenCounter()
    made.load()
    return made


@cache
def prices() -> Prices:
    return Prices(at=datetime(2026, 11, 21, tzinfo=UTC))


def asked(model: Any = "exeat/fast", **body: Any) -> ChatAsked:
    told = {"model": model, "messages": [{"role": "user", "content": PROMPT}], "max_tokens": 100}
    return ChatAsked.model_validate_json(json.dumps(told | body), strict=True)


@dataclass
class Said:
    """What one name answers."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)

    breaks: bool = False
    """After its body."""

    async def pieces(self) -> AsyncGenerator[bytes]:
        yield self.body
        if self.breaks:
            raise Broken


@dataclass
class MemorySender:
    """Says what it was told to, in order, by route and model; keeps what it was asked."""

    says: Mapping[str, Sequence[Said | None]] = field(default_factory=dict)
    """None: unreachable. The last one is said again and again."""
    sent: list[tuple[str, dict[str, Any], str]] = field(default_factory=list)

    async def send(self, road: Road, body: bytes, slip: Slip) -> Said:
        told = json.loads(body)
        name = f"{road.route}/{told['model']}"
        self.sent.append((name, told, slip.id))
        lines = self.says.get(name, (Said(),))
        times = sum(each[0] == name for each in self.sent)
        said = lines[min(times, len(lines)) - 1]
        if said is None:
            raise Unreachable
        return said

    @property
    def order(self) -> list[str]:
        return [name for name, _, _ in self.sent]


@dataclass
class Shop:
    """Delegation with everything in memory."""

    sender: MemorySender = field(default_factory=MemorySender)
    rules: str = OPEN
    keys: tuple[str, ...] = ("openai", "groq")
    attempts_max: int = 4
    now_ms: int = 1_795_000_000_000

    def __post_init__(self) -> None:
        self.accounts = Accounts(MemoryCounters(), Diary())
        self.ledger = MemoryLedger()
        self.health = Health()
        self.market = Market(self.keys, prices(), counter(), self.accounts, self.health)
        self.delegation = Delegation(
            ALIASES,
            ROADS,
            self.market,
            self.health,
            self.sender,
            self.ledger,  # type: ignore[arg-type]
            attempts_max=self.attempts_max,
            now_ms=lambda: self.now_ms,
        )

    def caller(self) -> Slip:
        it = caller(self.rules)
        it.wire = "openai.chat"
        return it
