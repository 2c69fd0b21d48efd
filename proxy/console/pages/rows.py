"""A call as one row: the same on every page and in the live feed (pure)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.ledger.r6 import ms_of
from proxy.ledger.store import Call

_ENDS = {
    "answered": "answered",
    "refused": "refused",
    "errored": "upstream failed",
    "aborted": "aborted",
    "client_gone": "client left",
    "killed": "killed",
    "lost": "lost in a crash",
}
_NOT_ENFORCED = "not enforced"


@dataclass(frozen=True, slots=True)
class State:
    """Where a call stands: `name` chooses its shape, `word` says it."""

    name: str
    word: str


@dataclass(frozen=True, slots=True)
class CallRow:
    """What a row says of a call."""

    id: str
    seq: int
    """Of its decision: pages go by it."""
    last_seq: int
    """Of what was filed last: the live feed goes by it."""
    at_ms: int
    state: State
    code: str | None
    org: str | None
    agent: str | None
    session: str | None
    method: str | None
    host: str | None
    path: str | None
    provider: str | None
    model: str | None
    tokens: int | None
    nanousd: int | None
    """What it cost; None while it is under way, or when it never left."""
    held_nanousd: int | None
    is_estimated: bool
    took_us: int | None
    tools: Sequence[str]
    flags: Sequence[str]


def call_row(call: Call) -> CallRow:
    """The row of a call."""
    decided: Any = call.decision.body
    ended: Any = call.outcome.body if call.outcome is not None else None
    role, request, result = decided["role"], decided["request"], decided["result"]
    bound = decided["resource"]["bound"]
    is_open = ended is None and result["decision"] == "allow"
    return CallRow(
        id=decided["id"],
        seq=call.decision.seq,
        last_seq=call.last_seq,
        at_ms=ms_of(decided["ts"]),
        state=state_of(decided, ended),
        code=result["code"] or (ended["result"]["note"] if ended else None),
        org=role["org"],
        agent=role["agent"],
        session=role["session"],
        method=request["method"],
        host=request["host"],
        path=request["path"],
        provider=request["provider"],
        model=request["model"],
        tokens=ended["resource"]["tokens"] if ended else None,
        nanousd=ended["resource"]["nanousd"] if ended else None,
        held_nanousd=bound["nanousd"] if is_open and bound else None,
        is_estimated=ended["resource"]["estimated"] if ended else False,
        took_us=ended["result"]["duration_us"] if ended else None,
        tools=[tool["name"] for tool in ended["result"]["tool_calls"]] if ended else [],
        flags=list(_flags(decided)),
    )


def state_of(decided: Any, ended: Any) -> State:
    """Where a call stands, from its decision and the outcome that there may be."""
    word = decided["result"]["decision"]
    if word != "allow":
        return State("refused", "refused") if word == "deny" else State("fault", "not governed")
    if ended is None:
        return State("open", "in flight")
    status, http = ended["result"]["status"], ended["result"]["http_status"]
    if status == "answered" and http is not None and http >= 400:
        return State("troubled", f"answered {http}")
    return State(status, _ENDS[status])


def _flags(decided: Any) -> Iterator[str]:
    if any((stamp["note"] or "").endswith(_NOT_ENFORCED) for stamp in decided["result"]["stamps"]):
        yield "dry run"
    repeats = decided["request"]["repeats"]
    if repeats:
        yield f"asked {repeats + 1} times"
    yield from (f"secret: {kind}" for kind in decided["request"].get("secrets") or ())
