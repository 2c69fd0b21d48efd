"""May anyone go there? The host, the path, the kind of call, and the model that it asks for."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from mitmproxy import http

from proxy.policy.terms import Answer
from proxy.providers.call import BadRequest, ModelCall
from proxy.providers.decoding import decode_body
from proxy.providers.formats import format_named
from proxy.providers.language import language_of
from proxy.providers.recognise import (
    Known,
    NeedsShape,
    Recognised,
    Unsupported,
    recognise_shape,
)
from proxy.refusals import Code, Refusal
from proxy.slip import Slip, Stamp

LARGE_BYTES = 32 * 1024
"""A body above this is read in a thread: below it, reading takes less than a switch of threads."""


class Allowlist:
    """Holds a call against its caller's terms; resolves no name and dials nothing."""

    name = "allowlist"

    def __init__(self, body_bytes_max: int) -> None:
        self._body_bytes_max = body_bytes_max

    def depart(
        self, slip: Slip, flow: http.HTTPFlow
    ) -> Stamp | Refusal | Coroutine[Any, Any, Stamp | Refusal]:
        """Yes, with the rule that says so."""
        terms, to = slip.terms, slip.destination
        assert terms is not None
        assert to is not None
        if slip.door == "internal":
            return Stamp("inside")
        if terms.is_empty:
            return Refusal(
                Code.POLICY_MISSING,
                "No policy is in force for this caller, so nothing may leave. The operator can see "
                "why on /readyz.",
            )
        path = slip.path.partition("?")[0]
        answer = terms.egress(to, slip.method, path)
        if not answer.passes:
            return Refusal(
                Code.HOST_NOT_ALLOWED,
                f"{answer.reason[:1].upper()}{answer.reason[1:]}. Ask the operator to add it to "
                "egress.allow of the policy.",
                rule=answer.rule,
            )
        seen = slip.recognised
        if slip.socket is None and isinstance(seen, Unsupported):
            return _unsupported(seen)
        if slip.socket is not None or not isinstance(seen, Known | NeedsShape):
            return _decided(
                slip, answer, _Reading(slip.call)
            )  # A turn on a socket is read already.
        body = flow.request.raw_content or b""
        coding = flow.request.headers.get("content-encoding", "")
        if coding or len(body) > LARGE_BYTES:
            return self._depart_large(slip, answer, seen, body, coding)
        return _decided(slip, answer, self._read(slip, seen, body, coding))

    async def _depart_large(
        self, slip: Slip, answer: Answer, seen: Known | NeedsShape, body: bytes, coding: str
    ) -> Stamp | Refusal:
        """A megabyte takes milliseconds, a compressed one may be any size: others must not wait."""
        return _decided(slip, answer, await asyncio.to_thread(self._read, slip, seen, body, coding))

    def _read(self, slip: Slip, seen: Known | NeedsShape, body: bytes, coding: str) -> "_Reading":
        """What the body asks for, or why this kind of call cannot be governed. Runs in any thread, and
        so changes nothing."""
        wire: str | None = None
        try:
            if coding:
                body = decode_body(body, coding, self._body_bytes_max)
            found: Recognised = seen
            if isinstance(seen, NeedsShape):
                assert slip.destination is not None
                to = slip.destination
                found = recognise_shape(to.host, to.port, slip.path, body)
            if isinstance(found, Unsupported):
                wire = language_of(found.provider, slip.path)
                return _Reading(wire=wire, refusal=_unsupported(found))
            if not isinstance(found, Known):
                return _Reading()
            wire = found.format
            call = format_named(found.format, found.provider).read_request(body, slip.path)
        except BadRequest as error:
            at = f" ({error.param})" if error.param else ""
            text = f"The request cannot be read: {error.reason}{at}."
            return _Reading(wire=wire, refusal=Refusal(Code.BAD_REQUEST, text))
        return _Reading(call, wire)


@dataclass(frozen=True, slots=True)
class _Reading:
    """What was found in a body; nothing where it asks no model."""

    call: ModelCall | None = None
    wire: str | None = None
    refusal: Refusal | None = None


def _decided(slip: Slip, answer: Answer, reading: _Reading) -> Stamp | Refusal:
    """Yes or no, once the body is read; its facts go onto the slip."""
    slip.call, slip.wire = reading.call, reading.wire or slip.wire
    if reading.refusal is not None:
        return reading.refusal
    if slip.call is not None:
        assert slip.terms is not None
        model = slip.terms.model(slip.call.model)
        if not model.passes:
            return Refusal(
                Code.MODEL_NOT_ALLOWED,
                f"{model.reason[:1].upper()}{model.reason[1:]}.",
                rule=model.rule,
            )
        answer = model if not model.allowed else answer
    return Stamp(answer.rule if answer.allowed else f"{answer.rule}, not enforced")


def _unsupported(seen: Unsupported) -> Refusal:
    return Refusal(
        Code.FORMAT_UNSUPPORTED,
        f"This looks like a model call that Exeat cannot meter yet ({seen.reason}), so it may not "
        "leave.",
        facts={"reason": seen.reason},
    )
