"""A call opened as its slip: every stamp in order, the money, the tools, its place in the chain (pure)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from markupsafe import Markup

from proxy.actions import commands_of
from proxy.console import said
from proxy.console.pages.rows import CallRow, call_row
from proxy.console.plots import Part, bar
from proxy.ledger.r6 import ms_of
from proxy.ledger.store import Call, Entry
from proxy.money import format_usd

type Questions = Sequence[tuple[str, str]]
"""The corridor's addons in order, each with what it asks."""

Mark = Literal["stamped", "refused", "unasked"]
GATE = "gate"
_UNREADABLE = ("bad_request", "body_too_large", "headers_too_large")
"""Refusals of what could not be read: nobody was asked anything about it."""


@dataclass(frozen=True, slots=True)
class StampView:
    """One question, and what came of it."""

    number: int
    name: str
    question: str
    mark: Mark
    note: str
    took_us: int | None


@dataclass(frozen=True, slots=True)
class HeldView:
    """What one limit held for the call."""

    scope: str
    unit: str
    window: str
    amount: int


@dataclass(frozen=True, slots=True)
class MoneyView:
    """What was said before, and what it came to, in nano-dollars."""

    estimate: int | None
    bound: int | None
    is_dearest: bool
    held: Sequence[HeldView]
    cost: int | None
    is_estimated: bool
    price_version: str | None

    @property
    def released(self) -> int | None:
        """Held, and not used."""
        if self.cost is None or self.bound is None or not self.held:
            return None
        return max(0, self.bound - self.cost)


@dataclass(frozen=True, slots=True)
class TokensView:
    """What the provider says it used, or what was counted."""

    input: int
    output: int
    cache_read: int
    cache_write: int
    reasoning: int
    source: str


@dataclass(frozen=True, slots=True)
class ToolView:
    """A tool that was asked for, and what was decided."""

    tool: str
    category: str | None
    targets: Sequence[str]
    commands: Sequence[str]
    intent_bytes: int
    intent_sha256: str | None
    decision: str | None
    """None: no rule of this caller's is about tools."""
    rule: str | None
    is_enforced: bool
    record: str | None


@dataclass(frozen=True, slots=True)
class LinkView:
    """A record's place in the chain."""

    seq: int
    kind: str
    leaf: str
    prev: str | None
    session_prev: str | None
    at_ms: int


@dataclass(frozen=True, slots=True)
class EventView:
    """Something else that was filed about the call."""

    seq: int
    kind: str
    status: str | None
    at_ms: int
    facts: Sequence[tuple[str, object]]


@dataclass(frozen=True, slots=True)
class SlipView:
    """Everything that is known of a call."""

    row: CallRow
    stamps: Sequence[StampView]
    decided: Any
    """The decision's body."""
    ended: Any
    """The outcome's body; None while there is none."""
    reason: str | None
    rule: str | None
    policies: Sequence[tuple[str, str, str]]
    """Name, version, hash."""
    deciding_us: int
    money: MoneyView
    tokens: TokensView | None
    tools: Sequence[ToolView]
    events: Sequence[EventView]
    links: Sequence[LinkView]

    @property
    def money_bar(self) -> Markup:
        """Cost beside what was held, with the estimate as a tick."""
        money = self.money
        cost, bound = money.cost or 0, money.bound or 0
        parts = [Part(cost, "cost", f"cost {format_usd(cost)}")]
        if money.cost is None:
            parts = [Part(bound, "held", f"held {format_usd(bound)}")]
        ticks = []
        if money.estimate is not None:
            ticks = [Part(money.estimate, "estimate", f"estimate {format_usd(money.estimate)}")]
        return bar(parts, bound, "cost, estimate and what was held", ticks=ticks)

    @property
    def time_bar(self) -> Markup:
        """Deciding, waiting for the first byte, answering."""
        result = self.ended["result"]
        whole = result["duration_us"] or 0
        first = min(result["ttfb_us"] if result["ttfb_us"] is not None else whole, whole)
        deciding = min(self.deciding_us, first)
        parts = [
            Part(deciding, "deciding", f"deciding: {said.duration(deciding)}"),
            Part(first - deciding, "waiting", f"waiting: {said.duration(first - deciding)}"),
            Part(whole - first, "answering", f"answering: {said.duration(whole - first)}"),
        ]
        return bar(parts, whole, "how long it took")


def slip_view(entries: Sequence[Entry], questions: Questions) -> SlipView | None:
    """From all records of one call; None when its decision is not among them."""
    decision = _of_kind(entries, "decision")
    if decision is None:
        return None
    outcome = _of_kind(entries, "outcome")
    decided: Any = decision.body
    ended: Any = outcome.body if outcome is not None else None
    return SlipView(
        row=call_row(Call(decision, outcome)),
        stamps=list(_stamps(decided, questions)),
        decided=decided,
        ended=ended,
        reason=decided["result"]["reason"],
        rule=decided["rules"]["rule"],
        policies=[_policy(each) for each in decided["rules"]["policies"]],
        deciding_us=sum(stamp["took_us"] for stamp in decided["result"]["stamps"]),
        money=_money(decided, ended),
        tokens=_tokens(ended),
        tools=list(_tools(entries, ended)),
        events=list(_events(entries)),
        links=[_link(entry) for entry in (decision, outcome) if entry is not None],
    )


def _of_kind(entries: Sequence[Entry], kind: str) -> Entry | None:
    return next((entry for entry in entries if entry.body["kind"] == kind), None)


def _stamps(decided: Any, questions: Questions) -> Iterator[StampView]:
    """Up to the gate, which files the decision. The first that said nothing is the one that refused."""
    result = decided["result"]
    given = {stamp["name"]: stamp for stamp in result["stamps"]}
    is_refused = result["decision"] != "allow"
    number = 0
    if is_refused and not given and result["code"] in _UNREADABLE:
        number = 1
        yield StampView(1, "reader", "can it be read?", "refused", result["code"], None)
        is_refused = False
    for name, question in _decides(questions):
        number += 1
        stamp = given.pop(name, None)
        if stamp is not None:
            note, took_us = stamp["note"] or "", stamp["took_us"]
            yield StampView(number, name, question, "stamped", note, took_us)
        elif is_refused:
            is_refused = False
            yield StampView(number, name, question, "refused", result["code"] or "", None)
        elif name == GATE and result["decision"] == "allow":
            note = f"record {decided['seq']}"
            yield StampView(number, name, question, "stamped", note, None)
        else:
            yield StampView(number, name, question, "unasked", "", None)
    for name, stamp in given.items():  # Of an addon that this Exeat does not have.
        number += 1
        yield StampView(number, name, "", "stamped", stamp["note"] or "", stamp["took_us"])


def _decides(questions: Questions) -> Iterator[tuple[str, str]]:
    for name, question in questions:
        yield name, question
        if name == GATE:
            return


def _policy(named: str) -> tuple[str, str, str]:
    """Of `policy:<name>:<version>:<sha256>`."""
    _, name, version, digest = [*named.split(":", 3), "", "", ""][:4]
    return name, version, digest


def _money(decided: Any, ended: Any) -> MoneyView:
    resource = decided["resource"]
    estimate, bound, hold = resource["estimate"], resource["bound"], resource["hold"]
    amounts = hold["amounts"] if hold else ()
    return MoneyView(
        estimate=estimate["nanousd"] if estimate else None,
        bound=bound["nanousd"] if bound else None,
        is_dearest=bound["dearest"] if bound else False,
        held=[
            HeldView(each["scope"], each["unit"], each["window"], each["amount"])
            for each in amounts
        ],
        cost=ended["resource"]["nanousd"] if ended else None,
        is_estimated=ended["resource"]["estimated"] if ended else False,
        price_version=(ended or decided)["rules"]["price_version"],
    )


def _tokens(ended: Any) -> TokensView | None:
    usage = ended["resource"]["usage"] if ended else None
    return TokensView(**usage) if usage else None


def _tools(entries: Sequence[Entry], ended: Any) -> Iterator[ToolView]:
    """What was decided about each; and what was asked for where nothing had to be decided."""
    decided = set()
    for entry in entries:
        body: Any = entry.body
        if body["kind"] == "tool_call":
            decided.add(body["result"]["facts"].get("call_id"))
            yield _tool(body)
    for asked in ended["result"]["tool_calls"] if ended else ():
        if asked["id"] not in decided:
            yield ToolView(asked["name"], None, (), (), 0, None, None, None, True, None)


def _tool(body: Any) -> ToolView:
    facts = body["result"]["facts"]
    return ToolView(
        tool=str(facts.get("tool") or ""),
        category=facts.get("category"),
        targets=_lines(facts.get("targets")),
        commands=commands_of(facts),
        intent_bytes=facts.get("intent_bytes") or 0,
        intent_sha256=facts.get("intent_sha256"),
        decision=body["result"]["status"],
        rule=facts.get("rule"),
        is_enforced=facts.get("enforced") is not False,
        record=body["id"],
    )


def _lines(text: object) -> list[str]:
    return [line for line in str(text or "").split("\n") if line]


def _events(entries: Sequence[Entry]) -> Iterator[EventView]:
    for entry in entries:
        body: Any = entry.body
        if body["kind"] not in ("decision", "outcome", "tool_call"):
            facts = sorted(body["result"]["facts"].items())
            yield EventView(
                entry.seq, body["kind"], body["result"]["status"], ms_of(body["ts"]), facts
            )


def _link(entry: Entry) -> LinkView:
    body: Any = entry.body
    reference = body["reference"]
    return LinkView(
        entry.seq,
        body["kind"],
        entry.leaf_hash.hex(),
        reference["prev"],
        reference["session_prev"],
        ms_of(body["ts"]),
    )
