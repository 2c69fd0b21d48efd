"""May this agent do this? The rules of every policy that applies to it."""

import asyncio
import hashlib
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from mitmproxy import http

from proxy.budgets import CountersUnavailable
from proxy.counting import RateCounts
from proxy.engine.opening import has_body
from proxy.kill.triggers import Triggers
from proxy.leaks import Leak, LeakScanner
from proxy.policy.decide import decide
from proxy.policy.facts import Facts
from proxy.policy.rates import Circles, over
from proxy.policy.words import facts_of, note_of, now, refusal_of, uncounted
from proxy.providers.call import BadRequest
from proxy.providers.decoding import decode_body
from proxy.providers.hosts import provider_of
from proxy.refusals import Code, Refusal
from proxy.slip import NeedsBody, Slip, Stamp

LARGE_BYTES = 32 * 1024
"""What is larger is searched in a thread, so that others need not wait for it."""

_UNREADABLE = Refusal(
    Code.BAD_REQUEST,
    "A policy asks for secrets in what leaves, and this body cannot be read: its Content-Encoding is "
    "unknown, is not what the body has, or decodes to too much. Send it without one.",
)


class Policy:
    """Asks the one function that decides about everything; its answer stands in the stamp."""

    name = "policy"

    def __init__(
        self, scanner: LeakScanner, body_bytes_max: int, rates: RateCounts, triggers: Triggers
    ) -> None:
        self._scanner = scanner
        self._rates = rates
        self._triggers = triggers
        self._body_bytes_max = body_bytes_max
        self._circles = Circles()

    def depart(
        self, slip: Slip, flow: http.HTTPFlow
    ) -> Stamp | Refusal | NeedsBody | Coroutine[Any, Any, Stamp | Refusal]:
        """Yes, with the rule that says so."""
        assert slip.terms is not None
        if slip.door == "internal":
            return Stamp("inside")
        asks = slip.terms.asks_for_secrets
        if asks and slip.socket is None and has_body(flow) and not slip.reads_body:
            return NeedsBody()  # What leaves unread may hold a secret.
        is_large = len(flow.request.raw_content or b"") > LARGE_BYTES
        if slip.terms.counts or (asks and is_large):
            return self._later(slip, flow, is_large=is_large)
        try:
            leaks = self._leaks(slip, flow) if asks else []
        except BadRequest:
            return _UNREADABLE
        return self._decide(slip, flow, leaks, self._facts(slip, leaks))

    async def _later(self, slip: Slip, flow: http.HTTPFlow, *, is_large: bool) -> Stamp | Refusal:
        assert slip.terms is not None
        leaks: list[Leak] = []
        try:
            if slip.terms.asks_for_secrets and is_large:
                leaks = await asyncio.to_thread(self._leaks, slip, flow)
            elif slip.terms.asks_for_secrets:
                leaks = self._leaks(slip, flow)
        except BadRequest:
            return _UNREADABLE
        try:
            facts = await self._rates.answered(slip, self._facts(slip, leaks))
        except CountersUnavailable:
            return uncounted()
        return self._decide(slip, flow, leaks, facts)

    async def refused(self, slip: Slip) -> None:
        """What it counted stays counted."""
        await self._rates.settle(slip)

    async def settle(self, slip: Slip) -> None:
        """Its answer is over, and nothing more counts."""
        await self._rates.settle(slip)

    def _facts(self, slip: Slip, leaks: list[Leak]) -> Facts:
        slip.secrets = tuple(sorted({leak.kind for leak in leaks}))
        slip.done_before = self._repeats(slip)
        self._triggers.saw_secrets(slip)
        self._triggers.saw_repeats(slip, slip.done_before)
        return facts_of(slip)

    def _decide(
        self, slip: Slip, flow: http.HTTPFlow, leaks: list[Leak], facts: Facts
    ) -> Stamp | Refusal:
        assert slip.terms is not None
        slip.over = over(facts)
        slip.ruled = ruled = decide(slip.terms, facts)
        if not ruled.passes and ruled.decision == "hold":
            slip.held_for = ruled
            return Stamp(note_of(ruled))
        if not ruled.passes:
            return refusal_of(ruled, "This call")
        if ruled.decision == "redact" and ruled.enforced:
            fixed = [leak for leak in leaks if leak.where != "body"]
            if fixed and self._is_redacted(slip, facts, fixed):
                where = " and ".join(sorted({leak.where for leak in fixed}))
                return refusal_of(
                    replace(ruled, decision="deny"), f"A secret in this call's {where}"
                )
            self._redact(flow, [leak for leak in leaks if leak.where == "body"])
        return Stamp(note_of(ruled))

    @staticmethod
    def _is_redacted(slip: Slip, facts: Facts, leaks: list[Leak]) -> bool:
        """Whether the rules would have these taken out. A URL or a header that is changed asks for
        something else, so nothing is taken out of those."""
        assert slip.terms is not None
        alone = decide(slip.terms, replace(facts, secrets=frozenset(leak.kind for leak in leaks)))
        return alone.decision == "redact" and alone.enforced

    def _leaks(self, slip: Slip, flow: http.HTTPFlow) -> list[Leak]:
        """What would leave with it. Raises BadRequest for a body whose coding cannot be undone."""
        request = flow.request
        body = slip.message or b""
        if slip.message is None:
            coding = request.headers.get("content-encoding", "")
            body = request.raw_content or b""
            body = decode_body(body, coding, self._body_bytes_max) if coding and body else body
        fields = [(name.lower(), value) for name, value in request.headers.items(multi=True)]
        kind = request.headers.get("content-type", "")
        to = slip.destination
        provider = provider_of(to.host, to.port, slip.path) if to else None
        return self._scanner.scan_request(request.url, fields, body, kind, provider=provider)

    def _redact(self, flow: http.HTTPFlow, leaks: list[Leak]) -> None:
        request = flow.request
        coding = request.headers.pop("content-encoding", "")
        body = decode_body(request.raw_content or b"", coding, self._body_bytes_max)
        request.content = self._scanner.redact(body, leaks)

    def _repeats(self, slip: Slip) -> int:
        """How often this session asked this model this very thing: an agent that goes round in circles
        says the same words last, however much its conversation grows."""
        call, who = slip.call, slip.identity
        if call is None or who is None or not call.prompt.texts:
            return 0
        said = "\0".join(call.prompt.last_said).encode("utf-8", "surrogatepass")
        return self._circles.before(who, f"{call.model} {hashlib.sha256(said).hexdigest()}", now())
