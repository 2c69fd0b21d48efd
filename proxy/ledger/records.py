"""What the ledger files: flat facts about a call's decision, its outcome, and other events (pure).

No field may hold prompt text, a credential or a query string: bodies and queries come as hashes.
Money is nano-dollars; every number is an integer.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

type ActionClass = Literal["llm.call", "egress.http", "internal", "egress.connect"]
type Verdict = Literal["allow", "deny", "fault"]
type Status = Literal["answered", "refused", "errored", "aborted", "client_gone", "killed", "lost"]
type Unit = Literal["usd", "tokens", "requests", "tool_calls", "times"]
type Fact = str | int | bool | None

_event_kind = re.compile(r"[a-z][a-z0-9_.]{0,63}").fullmatch


@dataclass(frozen=True, slots=True)
class Forecast:
    """Tokens and nano-dollars said before the call: as an estimate, or as a bound."""

    input_tokens: int
    output_tokens: int
    nanousd: int
    dearest: bool = False
    """The model has no known price: this is at the dearest rate that is known."""


@dataclass(frozen=True, slots=True)
class HoldAmount:
    """What one limit holds for one call."""

    scope: str
    """The limit's key, as the budgets name it."""
    unit: str
    window: str
    window_start_ms: int
    amount: int


@dataclass(frozen=True, slots=True)
class Hold:
    id: str
    seq: int
    """The counters' own number of this hold, rising within an org; see `last_seq`."""
    amounts: tuple[HoldAmount, ...]
    lease_until_ms: int


@dataclass(frozen=True, slots=True)
class Stamp:
    name: str
    took_us: int
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Client:
    user_agent: str | None = None
    """The product token only ("openai-python/1.2"), never the whole header."""
    request_id: str | None = None
    retry_count: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    input: int
    output: int
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0
    source: Literal["provider", "estimated"] = "provider"


@dataclass(frozen=True, slots=True)
class ToolCall:
    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Filed, and durable, before a call leaves or is refused. `id` is the slip's (UUIDv7)."""

    id: str
    ts_ms: int
    decision: Verdict
    action: ActionClass
    org: str | None = None
    agent: str | None = None
    session: str | None = None
    task: str | None = None
    parent: str | None = None
    identity_sources: tuple[tuple[str, str], ...] = ()
    """(part, where it came from), such as ("agent", "proxy_credentials")."""
    identity_strength: str | None = None
    method: str | None = None
    scheme: str | None = None
    host: str | None = None
    port: int | None = None
    path: str | None = None
    query_sha256: str | None = None
    request_sha256: str | None = None
    request_bytes: int | None = None
    provider: str | None = None
    format: str | None = None
    model: str | None = None
    streaming: bool = False
    estimate: Forecast | None = None
    bound: Forecast | None = None
    price_version: str | None = None
    policies: tuple[str, ...] = ()
    code: str | None = None
    reason: str | None = None
    rule: str | None = None
    hold: Hold | None = None
    stamps: tuple[Stamp, ...] = ()
    client: Client | None = None
    repeats: int = 0
    secrets: tuple[str, ...] = ()
    """Kinds of secrets that were found in it, where a rule asked for them."""
    done_before: int = 0
    """How often its session had asked this model the same, as rules count it."""
    over: tuple[str, ...] = ()
    """Rules whose rate it came above."""
    rates: tuple[Hold, ...] = ()
    """What it holds of rules' rates; of a call that is not allowed, what it counted."""
    serves: str | None = None
    """The id of the call to Exeat itself that delegated this one."""
    told_by: str | None = None
    """`message`: its refusal was an assistant's message. None: it was an error, or none."""

    def __post_init__(self) -> None:
        if self.path is not None and "?" in self.path:
            raise ValueError("a decision's path carries no query; hash it into query_sha256")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a call; one per decision. Who and where are copied from the decision."""

    decision_id: str
    ts_ms: int
    status: Status
    http_status: int | None = None
    usage: Usage | None = None
    cost_nanousd: int = 0
    tokens: int = 0
    requests: int = 1
    estimated: bool = False
    response_sha256: str | None = None
    response_bytes: int | None = None
    duration_us: int | None = None
    ttfb_us: int | None = None
    model: str | None = None
    """The model that answered, in the provider's own words; the one asked for is the decision's."""
    response_id: str | None = None
    """The provider's name for its answer, by which it can be asked for or disputed."""
    finish_reason: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    """Those that the answer asked for, let through or not."""
    tool_calls_passed: int = 0
    """Those that were let through, of the answer or of the call itself."""
    rates: tuple[HoldAmount, ...] = ()
    """What it counted of rules' rates."""
    upstream_request_id: str | None = None
    price_version: str | None = None
    """The price table that the cost was made with; None is the decision's own."""
    note: str | None = None

    def __post_init__(self) -> None:
        if min(self.cost_nanousd, self.tokens, self.requests, self.tool_calls_passed) < 0:
            raise ValueError(f"the outcome of {self.decision_id} charges less than nothing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Everything else: start, stop, policy_change, kill, approval, … with flat facts."""

    kind: str
    id: str
    ts_ms: int
    org: str | None = None
    agent: str | None = None
    session: str | None = None
    task: str | None = None
    decision_id: str | None = None
    status: str | None = None
    facts: Mapping[str, Fact] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _event_kind(self.kind) or self.kind in ("decision", "outcome"):
            raise ValueError(f"{self.kind!r} is no kind of event; write it as in 'policy_change'")


type Record = Decision | Outcome | Event


def kind_of(record: Record) -> str:
    match record:
        case Decision():
            return "decision"
        case Outcome():
            return "outcome"
        case Event():
            return record.kind


def id_of(record: Record) -> str:
    """The id that, with the kind, is filed once. An outcome goes by its decision's."""
    return record.decision_id if isinstance(record, Outcome) else record.id
