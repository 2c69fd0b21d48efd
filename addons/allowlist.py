"""May anyone go there? The host, the path, the kind of call, and the model that it asks for."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, NamedTuple

from mitmproxy import http

from proxy.policy.terms import Answer
from proxy.policy.words import asker_of
from proxy.providers.call import BadRequest, ModelCall
from proxy.providers.decoding import decode_body
from proxy.providers.formats import format_named
from proxy.providers.recognise import Known, NeedsShape, Unsupported, recognise_shape
from proxy.providers.wires import wire_of
from proxy.refusals import Code, Refusal
from proxy.slip import Slip, Stamp

LARGE_BYTES = 32 * 1024
"""A body above this is read in a thread, and so is a compressed one, which may decode to any size. Below
it, reading takes less than a switch of threads."""


class _Read(NamedTuple):
    """What a body says, if it is a model's; kept off the slip until it is wanted there."""

    call: ModelCall | None = None
    wire: str | None = None
    no: Refusal | None = None
    """Why this kind of call cannot be governed."""


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
        answer = terms.egress(to, slip.method, path, asker_of(slip))
        if not answer.passes:
            return Refusal(
                Code.HOST_NOT_ALLOWED,
                f"{answer.reason[:1].upper()}{answer.reason[1:]}. Ask the operator to add it to "
                "egress.allow of the policy.",
                rule=answer.rule,
            )
        if slip.socket is not None:  # A turn: its call was read from its message.
            return _models(slip, answer, _Read(slip.call))
        body = flow.request.raw_content or b""
        if len(body) > LARGE_BYTES or (body and "content-encoding" in flow.request.headers):
            return self._later(slip, flow, answer)
        return _models(slip, answer, self._read(slip, flow))

    async def _later(self, slip: Slip, flow: http.HTTPFlow, answer: Answer) -> Stamp | Refusal:
        return _models(slip, answer, await asyncio.to_thread(self._read, slip, flow))

    def _read(self, slip: Slip, flow: http.HTTPFlow) -> _Read:
        """The call in the body, if there is one; or why this kind of call cannot be governed."""
        seen = slip.recognised
        if isinstance(seen, Unsupported):
            return _Read(no=_unsupported(seen))
        if not isinstance(seen, Known | NeedsShape):
            return _Read()
        wire: str | None = None
        try:
            coding = flow.request.headers.get("content-encoding", "")
            body = flow.request.raw_content or b""
            if coding:
                body = decode_body(body, coding, self._body_bytes_max)
            wire = None
            if isinstance(seen, NeedsShape):
                assert slip.destination is not None
                to = slip.destination
                seen = recognise_shape(to.host, to.port, slip.path, body)
                if isinstance(seen, Unsupported):
                    wire = wire_of(seen, slip.path, flow.request.headers)
                    return _Read(wire=wire, no=_unsupported(seen))
                if not isinstance(seen, Known):
                    return _Read()
                wire = seen.format
            call = format_named(seen.format, seen.provider).read_request(
                body, slip.path, flow.request.headers.get("content-type", "")
            )
            return _Read(call, wire)
        except BadRequest as error:
            where = f" ({error.param})" if error.param else ""
            text = f"The request cannot be read: {error.reason}{where}."
            return _Read(wire=wire, no=Refusal(Code.BAD_REQUEST, text))


def _models(slip: Slip, answer: Answer, read: _Read) -> Stamp | Refusal:
    """May this caller use every model that may answer?"""
    assert slip.terms is not None
    assert slip.destination is not None
    if read.no is not None:
        slip.wire = read.wire or slip.wire
        return read.no
    if read.call is not None:
        slip.call = replace(read.call, host=slip.destination.host)
    slip.wire = read.wire or slip.wire
    for name in read.call.models if read.call is not None else ():
        model = slip.terms.model(name, asker_of(slip))
        if not model.passes:
            return Refusal(
                Code.MODEL_NOT_ALLOWED,
                f"{model.reason[:1].upper()}{model.reason[1:]}.",
                rule=model.rule,
            )
        answer = model if not model.allowed else answer
    return Stamp(answer.note)


def _unsupported(seen: Unsupported) -> Refusal:
    return Refusal(
        Code.FORMAT_UNSUPPORTED,
        f"This looks like a model call that Exeat cannot meter yet ({seen.reason}), so it may not "
        "leave.",
        facts={"reason": seen.reason},
    )
