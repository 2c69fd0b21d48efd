"""The slip: what one call carries through the corridor, from its first byte to its outcome (pure).

Addons read facts from the slip and answer with a `Stamp` or a `Refusal`; the corridor alone writes
the answer down, so an addon cannot do both, nor neither unnoticed.
"""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from proxy.actions import Action
    from proxy.approvals.approval import Approval
    from proxy.budgets import Counted, Hold, Ration
    from proxy.ledger.records import Event
    from proxy.mcp.calls import McpRequest
    from proxy.policy import Terms
    from proxy.pricing.quote import Quote
    from proxy.providers.answer import AnswerReader, Ending
    from proxy.providers.call import ModelCall
    from proxy.providers.dialogue import Dialogue
    from proxy.providers.recognise import Recognised
    from proxy.providers.spoken import Spoken
    from proxy.providers.tool_gate_socket import SocketGate
    from proxy.providers.usage import Usage
    from proxy.refusals import Refusal

Door = Literal["forward", "tunnel", "base_url", "internal"]
"""How a call came in: absolute-form, inside CONNECT, on a base-URL route, or to Exeat itself."""

Ruling = Literal["allow", "warn", "deny", "hold", "redact"]
"""What rules decide: yes; yes, flagged; no; not before a person said so; yes, without its secrets."""

Status = Literal["answered", "refused", "errored", "aborted", "client_gone", "killed"]


def new_id(now_ms: int | None = None) -> str:
    """A UUIDv7 (RFC 9562): sortable by time, unguessable in its 74 random bits."""
    stamp = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    value = (stamp << 80) | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | (0x7 << 76)
    value = value & ~(0x3 << 62) | (0x2 << 62)
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks. `strength` is that of the weakest part, 1 (signed token) to 4 (headers)."""

    org: str
    agent: str
    session: str
    task: str | None = None
    parent: str | None = None
    strength: int = 4
    sources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the call goes: a normalised host (A-label, lower case, no trailing dot) and port."""

    scheme: Literal["http", "https"]
    host: str
    port: int

    @property
    def authority(self) -> str:
        """`host` alone on the scheme's own port, else `host:port`; IPv6 in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = 443 if self.scheme == "https" else 80
        return host if self.port == default else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Ruled:
    """A decision, and whose it was."""

    decision: Ruling
    rule: str
    """`policy/rules.id`, `policy/egress.deny[0]`, `policy/tools.default` …"""
    reason: str = ""
    enforced: bool = True
    """False: a policy that only watches would have it so, and it passes."""
    watched: "Ruled | None" = None
    """What policies that only watch would have decided instead."""
    bypass: str = ""
    """The id of the bypass by which it passes, where its rule refuses."""

    @property
    def passes(self) -> bool:
        """Neither refused nor held, or only by a policy that watches."""
        return not self.enforced or self.decision in ("allow", "warn", "redact")


@dataclass(frozen=True, slots=True)
class Stamp:
    """One addon's yes. `note` is what it found, in a few words, for the record and the console."""

    note: str = ""


@dataclass(frozen=True, slots=True)
class NeedsBody:
    """Neither yes nor no yet: the whole body must be here. Whoever says so is asked again when it is."""


@dataclass(frozen=True, slots=True)
class Stamped:
    """A stamp as it stands on the slip: by whom, and how long the answer took."""

    name: str
    took_us: int
    note: str
    waited_us: int = 0
    """Of that, how long a person was waited for."""


class Bells:
    """Rung when a call ends or is stopped, for whoever waits for a person on its behalf meanwhile; and
    so it is known how long somebody did."""

    def __init__(self) -> None:
        self._bells: list[Callable[[], None]] = []
        self._since_ns = 0
        self._before_ns = 0

    def append(self, bell: Callable[[], None]) -> None:
        """Somebody waits from now on."""
        if not self._bells:
            self._since_ns = time.perf_counter_ns()
        self._bells.append(bell)

    def remove(self, bell: Callable[[], None]) -> None:
        """They do so no more. Raises ValueError for a bell that is not here."""
        self._bells.remove(bell)
        if not self._bells:
            self._before_ns += time.perf_counter_ns() - self._since_ns

    def ring(self) -> None:
        """Tell all who wait to look again."""
        for bell in self._bells:
            bell()

    @property
    def waited_us(self) -> int:
        """How long somebody waited, until now."""
        now_ns = time.perf_counter_ns() - self._since_ns if self._bells else 0
        return (self._before_ns + now_ns) // 1000


@dataclass(slots=True)
class Slip:
    """One call. Facts are filled in from the left of the corridor to the right, never changed."""

    id: str
    opened_ns: int
    """`time.monotonic_ns()` when its headers had arrived."""
    opened_ms: int
    """Wall clock, milliseconds since the epoch."""
    door: Door
    method: str
    path: str
    """Origin-form target as it will be sent, query included."""
    user_agent: str = ""
    originator: str = ""
    """What Codex calls itself, also where its user agent says something else."""
    client_request_id: str | None = None
    retry_count: int | None = None
    route: str | None = None
    """The base-URL route it came by."""
    destination: Destination | None = None
    identity: Identity | None = None
    recognised: "Recognised | None" = None
    """What its host, method and path say about it, before its body is read."""
    call: "ModelCall | None" = None
    socket: str | None = None
    """The call is a turn on the WebSocket whose slip has this id."""
    serves: str | None = None
    """The call is an attempt at what was delegated by the call to Exeat itself that has this id."""
    message: bytes | None = field(default=None, repr=False)
    """The message that asks for this turn; what goes up in its place, once it was amended."""
    dialogue: "Dialogue | None" = None
    """Reads a WebSocket's messages as the turns of a conversation with a model."""
    turns: "dict[str, Slip]" = field(default_factory=dict)
    """Open turns by lane."""
    gate: "SocketGate[Slip] | None" = None
    """Holds the tool calls of its WebSocket until they are decided; None where no model is at
    its other end."""
    body_sha256: str | None = None
    """Of the bytes the caller sent; None while the body is streamed through."""
    body_bytes: int = 0
    wire: str = "http"
    """The wire format that an answer must have, e.g. "openai.chat"; "http" for anything else."""
    reads_body: bool = False
    """An addon needs the whole body before it can answer; otherwise it is streamed."""
    awaits_body: bool = False
    """An addon turned out to need it on the way: the walk goes on when it is here."""
    terms: "Terms | None" = None
    ruled: Ruled | None = None
    """What the rules said of it."""
    held_for: Ruled | None = None
    """It may not go on before a person said yes, by this rule."""
    held_tools: "tuple[Action, ...]" = ()
    """Of an MCP request, the tools that are held; none where all of the call is."""
    approval: "Approval | None" = None
    """What it was allowed by, claimed for this call alone."""
    stopped: "Refusal | None" = None
    """It was under way when a stop or a stricter policy came, and may not go on."""
    quarantined: bool = False
    """Its agent may only read, and its tools wait for a person."""
    declares_mcp: bool = False
    """A header says that it speaks MCP, so its messages are read one by one."""
    secrets: tuple[str, ...] = ()
    """Kinds of secrets found in it, where a rule asks for them."""
    done_before: int = 0
    """How often its session asked this model the very same, without a pause."""
    quote: "Quote | None" = None
    price_version: str | None = None
    """The price table that was asked last: for the quote, then for the charge."""
    hold: "Hold | None" = None
    ration: "Ration | None" = None
    """Tool calls that may be let through, of those held; None where nobody decides them one by one."""
    counted: "list[Counted]" = field(default_factory=list)
    """What it holds of rules' rates."""
    over: tuple[str, ...] = ()
    """Rules whose rate it came above."""
    grows: bool = False
    """Less than the whole bound is held, and more will be asked for as the answer flows."""
    wants_room: bool = False
    """The answer has come near the end of what is held for it."""
    unread: bool = False
    """Whoever read its answer broke: what flows is not counted any more."""
    shows_whole_events: bool = False
    """What passes is held until it is a whole event, so that nothing has to be taken back."""
    ending: "Ending | None" = None
    """There is no more room, or nobody screens it: the answer ends here, with these words."""
    addresses: tuple[str, ...] = ()
    """Where the host was found to be, checked; the only addresses that may be dialled."""
    dial_port: int = 0
    """The port there; 0 is the destination's own."""
    stamps: list[Stamped] = field(default_factory=list)
    refusal: "Refusal | None" = None
    own_answer: tuple[int, bytes] | None = None
    """Status and JSON body of the refusal, where the protocol inside HTTP has words of its own."""
    spoken: "Spoken | None" = None
    """The assistant's message by which it is refused, where a policy has it so."""
    also_told: Callable[[], None] | None = None
    """Who else hears of its refusal, once that is on file."""
    mcp: "McpRequest | None" = None
    """What is asked of an MCP server."""
    repeats: int = 0
    """How often this same call was refused before."""
    notes: dict[str, str] = field(default_factory=dict)
    """Headers that tell the caller what was changed or what remains."""
    decided_seq: int | None = None
    """Sequence number of the decision record; None until it is durable."""
    bells: Bells = field(default_factory=Bells)
    deciding: bool = False
    """It is on its way through the chain. A call that ends meanwhile is settled when that is over."""
    cleared: bool = False
    caller_left: bool = False
    """The client closed its side; nothing may be forwarded for it any more."""
    left: bool = False
    """At least one byte of it went upstream, so the provider may bill for it."""
    status: Status | None = None
    http_status: int = 0
    reader: "AnswerReader | None" = None
    first_byte_ns: int = 0
    answer_bytes: int = 0
    answer_sha256: str | None = None
    usage: "Usage | None" = None
    usage_is_estimated: bool = False
    finish_reason: str | None = None
    tool_calls: tuple[tuple[str, str], ...] = ()
    tool_events: "list[Event]" = field(default_factory=list)
    """What was decided about each tool that its answer asked for."""
    tool_calls_passed: int = 0
    """How many were let through, of its answer or of itself."""
    upstream_request_id: str | None = None
    cost_nanousd: int = 0
    tokens: int = 0
    finished: bool = False

    @property
    def is_over(self) -> bool:
        """Nothing may be forwarded for it any more: it ended, its client went, or it was stopped."""
        return self.finished or self.caller_left or self.stopped is not None

    def ring(self) -> None:
        """Tell whoever waits for something on its behalf to look again."""
        self.bells.ring()

    @property
    def is_read_on(self) -> bool:
        """Its answer is read to the end also when nobody waits for it: it is billed all the same."""
        is_billed = self.call is not None and self.call.billable and self.left
        is_drained = self.terms is not None and self.terms.client_leaves == "drain"
        return is_billed and is_drained and not self.finished and self.stopped is None

    @property
    def gates_tools(self) -> bool:
        """The tools that its answer asks for are decided before anybody sees them."""
        terms = self.terms
        return self.quarantined or (
            terms is not None and (terms.rules_tools or terms.tool_calls_are_limited)
        )

    def stamped_by(self) -> set[str]:
        """Names of the addons that said yes."""
        return {stamp.name for stamp in self.stamps}
