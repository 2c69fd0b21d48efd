"""What is delegated: a choice, on file; then one attempt after another until somebody answers.

Each attempt is a call of its own, which walks the same chain under the identity of who delegated it.
Before an answer's first byte, or a stream's first event, the next one is tried; after it, never.
"""

import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from proxy.delegate.asked import ChatAsked
from proxy.delegate.beginning import begin, go_on, read
from proxy.delegate.choice import Choice, Pick
from proxy.delegate.health import Health
from proxy.delegate.market import Market, Prepared
from proxy.delegate.names import Aliases, meant
from proxy.delegate.roads import Road
from proxy.delegate.sender import Answer, Broken, Sender, Unreachable
from proxy.delegate.told import HEADER, Tried, event_of, header_of, refusal_of
from proxy.ledger.store import Ledger
from proxy.policy.permits import Asker
from proxy.refusals import KINDS, Code, Refusal
from proxy.slip import Slip, new_id

_PASSED_ON = ("retry-after", "x-request-id", "x-should-retry", "x-deny-reason")


class Refused(Exception):  # noqa: N818 -- an answer, and no error of ours
    """Nobody can be asked."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Delegated:
    """An answer, whosever it is; errors too, when all have failed."""

    status: int
    content_type: str
    headers: Mapping[str, str]
    """For whoever asked: the choice and its reasons, the attempt's record, what the provider says."""
    pieces: AsyncGenerator[bytes]
    pick: Pick


class Delegation:
    """Chooses, attempts, fails over."""

    def __init__(
        self,
        aliases: Aliases,
        roads: Mapping[str, Road],
        market: Market,
        health: Health,
        sender: Sender,
        ledger: Ledger,
        *,
        attempts_max: int,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.aliases = aliases
        self._roads = roads
        self._market = market
        self._health = health
        self._sender = sender
        self._ledger = ledger
        self._attempts_max = attempts_max
        self._now_ms = now_ms

    def models(self, slip: Slip) -> Sequence[str]:
        """The aliases that somebody could answer for this caller, and whom they stand for."""
        assert slip.terms is not None
        assert slip.identity is not None
        terms, asker = slip.terms, Asker(slip.identity, self._now_ms())
        every = meant(self.aliases, self.aliases, self._roads)
        open_to = [it.text for it in every if self._market.may_be_asked(terms, it, asker)]
        aliases = [alias for alias, texts in self.aliases.items() if set(texts) & set(open_to)]
        return [*aliases, *open_to]

    async def answer(self, slip: Slip, asked: ChatAsked) -> Delegated:
        """The first good answer; or the last error, when all have failed. Raises UnknownName, Refused,
        CountersUnavailable, LedgerError."""
        names = meant(asked.names, self.aliases, self._roads)
        choice, prepared = await self._market.choose(slip, asked, names, self._now_ms())
        no = None if choice.picks else refusal_of(choice.passed_over)
        now_ms = self._now_ms()
        await self._ledger.append(event_of(slip, asked, choice, no, new_id(now_ms), now_ms))
        if no is not None:
            raise Refused(no)
        return await self._attempt(slip, choice, prepared)

    async def _attempt(
        self, slip: Slip, choice: Choice, prepared: Mapping[str, Prepared]
    ) -> Delegated:
        tried: list[Tried] = []
        last: tuple[_Said, Pick, bytes] | None = None
        for pick in choice.picks[: self._attempts_max]:
            try:
                said = await self._once(slip, pick, prepared[pick.name])
            except (Unreachable, Broken) as error:
                tried.append((pick.name, _WORDS[type(error)]))
                continue
            if said.is_final:
                return _passed_on(said, pick, header_of(choice, pick, tried), said.pieces)
            tried.append((pick.name, said.outcome))
            body = await read(said.pieces)
            if (
                last is None or _code_of(said.answer) is None
            ):  # A provider's own error is told first.
                last = said, pick, body
        if last is None:
            raise Refused(_nobody(tried))
        said, pick, body = last
        others = [each for each in tried if each[0] != pick.name]
        return _passed_on(said, pick, header_of(choice, pick, others), _once_more(body))

    async def _once(self, slip: Slip, pick: Pick, it: Prepared) -> "_Said":
        """What one says to it. Raises Unreachable, and Broken before it has begun."""
        began_ms = self._now_ms()
        self._health.begins(pick.name, began_ms)
        try:
            answer = await self._sender.send(it.name.road, it.lowered(pick.output_tokens), slip)
            said = await _heard(answer)
        except (Unreachable, Broken):
            self._health.failed(pick.name, self._now_ms())
            raise
        code = _code_of(answer)
        if code is not None and code is not Code.UPSTREAM_UNREACHABLE:  # Others may be let through.
            return replace(said, is_final=KINDS[code] in ("identity", "fault"))
        if said.is_final:
            self._health.answered(pick.name, self._now_ms() - began_ms)
        else:
            self._health.failed(pick.name, self._now_ms(), _retry_after_s(answer))
        return said


_WORDS: Mapping[type[Exception], str] = {Unreachable: "unreachable", Broken: "broke off"}


@dataclass(frozen=True, slots=True)
class _Said:
    """An answer, and whether it is the one to give."""

    answer: Answer
    pieces: AsyncGenerator[bytes]
    outcome: str
    """A status, the code of a refusal, or `error event`."""
    is_final: bool


async def _heard(answer: Answer) -> _Said:
    """An answer, listened to until it is known for one: a success that does not begin is none, nor is a
    redirect. Raises Broken."""
    code, pieces = _code_of(answer), answer.pieces()
    if code is not None or answer.status >= 300:
        is_final = code is None and 400 <= answer.status < 500 and answer.status != 429
        return _Said(answer, pieces, code or str(answer.status), is_final)
    found = await begin(pieces, answer.headers.get("content-type", ""))
    outcome = "error event" if found.is_error else str(answer.status)
    return _Said(answer, go_on(found.first, pieces), outcome, is_final=not found.is_error)


def _nobody(tried: Sequence[Tried]) -> Refusal:
    """No one has said a word."""
    if all(what == _WORDS[Unreachable] for _, what in tried):
        return Refusal(Code.UPSTREAM_UNREACHABLE, "Exeat cannot reach its own port.")
    each = "; ".join(f"{name} ({what})" for name, what in tried)
    return Refusal(Code.UPSTREAM_UNREACHABLE, f"Nobody answered: {each}.")


def _passed_on(said: _Said, pick: Pick, header: str, pieces: AsyncGenerator[bytes]) -> Delegated:
    answer = said.answer
    headers = {
        name: value
        for name, value in answer.headers.items()
        if name.lower() in _PASSED_ON or name.lower().startswith("x-exeat-")
    }
    kind = answer.headers.get("content-type", "application/json").partition(";")[0].strip()
    return Delegated(answer.status, kind, {**headers, HEADER: header}, pieces, pick)


async def _once_more(body: bytes) -> AsyncGenerator[bytes]:
    yield body


def _code_of(answer: Answer) -> Code | None:
    """The refusal that the corridor answered with; None for what a provider said."""
    code = answer.headers.get("x-exeat-decision", "")
    return Code(code) if code in Code else None


def _retry_after_s(answer: Answer) -> int | None:
    text = answer.headers.get("retry-after", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else None
