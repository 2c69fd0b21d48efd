"""C1: no billable path of any provider goes round the meter, on the running system.

Every row of the table of billable paths is called with a budget of dollars in force: it is metered (its
hold is on file, its outcome follows), or it is refused in its provider's own error shape and the
provider never hears of it.
"""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from proxy.providers.hosts import _EXACT
from proxy.providers.paths import RULES
from proxy.providers.recognise import recognise
from proxy.providers.wires import wire_of
from tests.house import policy
from tests.providers.billable import BILLABLE, Billable
from tests.replay.exchanges import Exchange, exchanges_in
from tests.replay.judge import judge
from tests.replay.running import Passed, Record, drive

OWN = Path(__file__).parent.parent / "replay" / "exchanges"
BUDGET = policy('name: cap, usd: "100000.00"')
ROWS = [row for row in BILLABLE if not row.is_socket and row.content_type != "application/grpc"]
"""Sockets have journeys of their own, and gRPC is HTTP/2."""

UNKNOWN = [
    Billable(
        provider=provider,
        host=host,
        method="POST",
        path="/v9/new/thing",
        outcome=f"no:{'path' if provider in RULES else 'provider'}_unsupported",
        content_type="application/json",
        body=b"{}",
    )
    for host, provider in sorted(_EXACT.items())
]
"""What a provider's host may sell next year."""

UNPRICED = ("price_unknown", "format_unsupported")
"""Why a call that is understood is refused while a budget applies: its worst case is not known in
dollars. Which are, is for the price tables and the formats' own tests."""

METERED_MIN = 40
"""So many rows are metered, or this test shows nothing."""


def _answers() -> Mapping[str, Exchange]:
    """By format, an answer of ours that says its usage."""
    found: dict[str, Exchange] = {}
    for exchange in exchanges_in(OWN):
        verdict = judge(exchange)
        if exchange.status == 200 and verdict.has_usage:
            found.setdefault(verdict.wire, exchange)
    return found


ANSWERS = _answers()


def _exchange(row: Billable) -> Exchange:
    """The call that this row is about, and what the provider would answer."""
    answer = ANSWERS.get(row.outcome)
    return Exchange(
        where=f"{row.method} {row.host}{row.path}",
        host=row.host,
        port=443,
        is_plain=False,
        method=row.method,
        path=row.path,
        status=200,
        sent=(("Content-Type", row.content_type),),
        request=row.body if row.method == "POST" else b"",
        content_type=row.content_type,
        received=answer.received if answer else (("Content-Type", "application/json"),),
        coding="",
        streams=False,
        answer=answer.answer if answer else b"{}",
    )


type Driven = dict[str, tuple[Passed, dict[str, Record]]]
EVERY = {f"{row.method} {row.host}{row.path}": row for row in (*ROWS, *UNKNOWN)}


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> Driven:
    """Every row through one Exeat with a budget, once."""
    exchanges = [_exchange(row) for row in EVERY.values()]
    directory = tmp_path_factory.mktemp("billable")
    return dict(zip(EVERY, asyncio.run(drive(exchanges, directory, BUDGET)), strict=True))


@pytest.mark.parametrize("name", EVERY)
def test_c1_a_billable_path_is_metered_or_refused_in_its_providers_shape(
    name: str, driven: Driven
) -> None:
    row = EVERY[name]
    passed, records = driven[name]
    assert not passed.problem
    result = records["decision"]["result"]
    if row.outcome.startswith("no:"):
        reason = row.outcome.removeprefix("no:")
        _is_refused(passed, records, ("format_unsupported",), row, reason)
    elif row.outcome.startswith("free:"):
        assert result["decision"] == "allow"
        assert records["outcome"]["resource"]["nanousd"] == 0
        assert len(passed.seen) == 1
    elif result["decision"] == "allow":
        _is_metered(passed, records, row.outcome)
    else:
        _is_refused(passed, records, UNPRICED, row)


def test_c1_the_table_is_metered_where_prices_are_known(driven: Driven) -> None:
    metered = [
        name
        for name, (_, records) in driven.items()
        if EVERY[name].outcome in ANSWERS and records["decision"]["result"]["decision"] == "allow"
    ]
    assert len(metered) >= METERED_MIN
    formats = {EVERY[name].outcome for name in metered}
    assert {"openai.chat", "anthropic.messages", "gemini.generate", "bedrock.converse"} <= formats


def _is_metered(passed: Passed, records: dict[str, Record], wire: str) -> None:
    decided, outcome = records["decision"], records["outcome"]["resource"]
    assert decided["request"]["format"] == wire
    held = decided["resource"]["hold"]["amounts"]
    bound = decided["resource"]["bound"]["nanousd"]
    assert [each["unit"] for each in held] == ["usd"]
    assert held[0]["amount"] == bound
    assert len(passed.seen) == 1
    if wire.endswith("count_tokens"):
        assert (bound, outcome["nanousd"], outcome["estimated"]) == (0, 0, False)
    else:
        assert bound > 0
        assert outcome["nanousd"] > 0 or wire not in ANSWERS


def _is_refused(
    passed: Passed,
    records: dict[str, Record],
    codes: tuple[str, ...],
    row: Billable,
    reason: str | None = None,
) -> None:
    result = records["decision"]["result"]
    assert result["decision"] == "deny"
    assert result["code"] in codes, result["reason"]
    assert "outcome" not in records
    assert passed.seen == ()
    assert passed.connections == 0
    answer = passed.answer
    assert answer is not None
    assert answer.get(b"x-exeat-decision") == result["code"].encode()
    assert answer.get(b"x-should-retry") == b"false"
    seen = recognise(row.host, 443, row.method, row.path, row.headers)
    wire = wire_of(seen, row.path, row.headers)
    machine = _machine_part(json.loads(answer.body), wire)
    assert machine["code"] == result["code"]
    if reason is not None:
        assert machine["reason"] == reason


FIELDS = {
    "openai": {"message", "type", "code", "param"},
    "anthropic": {"type", "message"},
    "gemini": {"code", "message", "status"},
}
"""What each family's clients look for in its `error`."""


def _machine_part(body: Any, wire: str) -> Any:
    """Our own facts, from where each provider's clients look for an error."""
    family = wire.partition(".")[0]
    if wire == "gemini.array":
        [body] = body
    if family in FIELDS:
        assert FIELDS[family] <= set(body["error"])
    error = body.get("error")
    if isinstance(error, dict):
        return error.get("exeat") or error.get("metadata", {}).get("exeat") or body["exeat"]
    return body["exeat"]
