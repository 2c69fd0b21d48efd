"""Slips and flows for addons' tests, filled in as far as the addons before would have done; a ledger."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from mitmproxy import http
from mitmproxy.test import tflow, tutils

from proxy.anew import Anew
from proxy.approvals.approvals import Approvals
from proxy.approvals.memory import MemoryApprovals
from proxy.approving import ApprovalsSection
from proxy.budgets import Accounts, MemoryCounters
from proxy.counting import RateCounts
from proxy.kill.memory import MemoryStops
from proxy.kill.switch import KillSwitch
from proxy.kill.triggers import Triggers
from proxy.ledger.r6 import r6
from proxy.ledger.records import Decision, Event, Outcome, Record
from proxy.ledger.store import Entry, Filed, LedgerUnavailable, RecordConflict
from proxy.policy import PolicyBook
from proxy.policy.terms import BudgetedLimit
from proxy.providers.formats import format_named
from proxy.providers.recognise import Known
from proxy.slip import Destination, Identity, Slip
from tests.budgets.diary import Diary
from tests.policy.texts import policy

ME = Identity("acme", "coder", "s1", sources={"org": "headers"})
OPENAI = Destination("https", "api.openai.com", 443)
ANTHROPIC = Destination("https", "api.anthropic.com", 443)
ELSEWHERE = Destination("https", "a.test", 443)

OPEN = "egress: {default: allow}"


def terms(text: str = OPEN) -> Any:
    return PolicyBook([policy(text)]).terms("acme", "coder")


def slip(to: Destination | None = ELSEWHERE, rules: str = OPEN, **facts: Any) -> Slip:
    """A call to somewhere by somebody."""
    made = Slip("call-1", 0, 0, "tunnel", "GET", "/x?token=1", destination=to, identity=ME)
    made.terms = terms(rules)
    for name, value in facts.items():
        setattr(made, name, value)
    return made


def chat(**body: Any) -> dict[str, Any]:
    return {
        "model": "gpt-4o-mini",
        "messages": [{"role": "user", "content": "hi"}],
        "max_tokens": 100,
    } | body


def flow(body: Any = b"", method: str = "POST", **headers: str) -> http.HTTPFlow:
    """Its request alone; `user_agent=` is the header `user-agent`."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    request = tutils.treq(
        method=method.encode(), content=b"", headers=http.Headers(fields), path=b"/x"
    )
    request.raw_content = content
    return tflow.tflow(req=request)


def model_slip(body: dict[str, Any], rules: str = OPEN, **facts: Any) -> Slip:
    """A chat call to OpenAI whose body was read."""
    seen = Known("openai", "openai.chat")
    call = format_named(seen.format, seen.provider).read_request(json.dumps(body).encode())
    path = "/v1/chat/completions"
    return slip(
        OPENAI,
        rules,
        method="POST",
        path=path,
        recognised=seen,
        call=call,
        wire=seen.format,
        **facts,
    )


class NoAllowances:
    """No task has an allowance."""

    async def of(self, who: Identity) -> tuple[BudgetedLimit, ...]:
        return ()


def switch(ledger: "MemoryLedger | None" = None) -> KillSwitch:
    """A kill switch of one process, as it is before anybody pulls it."""
    return KillSwitch(MemoryStops(), ledger or MemoryLedger())  # type: ignore[arg-type]


def triggers() -> Triggers:
    """What pulls a switch that nobody looks at."""
    return Triggers(switch())


def anew(policies: PolicyBook | None = None) -> Anew:
    """Decides again what waited, by a switch that nobody pulled."""
    return Anew(switch(), policies or PolicyBook())


def approvals(ledger: "MemoryLedger | None" = None, **terms: Any) -> Approvals:
    """Approvals of one process, before anybody asked."""
    section = ApprovalsSection(**terms)
    return Approvals(MemoryApprovals(), ledger or MemoryLedger(), section)  # type: ignore[arg-type]


class MemoryLedger:
    """What was filed, in order; `is_down` fails as a full disk does. As with any other, an event that is
    filed again is the one that is there, and says the same."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.hurried: list[bool] = []
        self.is_down = False

    def submit(self, record: Record, *, is_urgent: bool = True) -> "asyncio.Future[Filed]":
        if self.is_down:
            raise LedgerUnavailable("disk full")
        future: asyncio.Future[Filed] = asyncio.get_running_loop().create_future()
        if isinstance(record, Event):
            earlier = next(
                (seq for seq, each in enumerate(self.records) if _same(each, record)), None
            )
            if earlier is not None:
                if self.records[earlier] != record:
                    raise RecordConflict(f"{record.kind} {record.id} says something else")
                future.set_result(Filed(earlier, b"", is_new=False))
                return future
        self.records.append(record)
        self.hurried.append(is_urgent)
        future.set_result(Filed(len(self.records) - 1, b""))
        return future

    async def append(self, record: Record) -> Filed:
        return await self.submit(record)

    async def events(self, kinds: Sequence[str], since_ms: int | None = None) -> list[Entry]:
        found = [each for each in self.filed if each.kind in kinds]
        return [
            Entry(seq, b"", r6(each, seq, None, None, None))
            for seq, each in enumerate(found)
            if since_ms is None or each.ts_ms >= since_ms
        ]

    @property
    def filed(self) -> list[Event]:
        return [each for each in self.records if isinstance(each, Event)]

    @property
    def decisions(self) -> list[Decision]:
        return [each for each in self.records if isinstance(each, Decision)]

    @property
    def outcomes(self) -> list[Outcome]:
        return [each for each in self.records if isinstance(each, Outcome)]


def _same(record: Record, event: Event) -> bool:
    return isinstance(record, Event) and (record.kind, record.id) == (event.kind, event.id)


def rate_counts() -> RateCounts:
    """Rules' rates, over counters of their own."""
    return RateCounts(Accounts(MemoryCounters(), Diary()), 60_000)
