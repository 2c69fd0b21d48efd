"""May anyone go there? The host, the path, the kind of call, and the model that it asks for."""

from mitmproxy import http

from proxy.providers.call import BadRequest
from proxy.providers.decoding import decode_body
from proxy.providers.formats import format_named
from proxy.providers.language import language_of
from proxy.providers.recognise import Known, NeedsShape, Unsupported, recognise_shape
from proxy.refusals import Code, Refusal
from proxy.slip import Slip, Stamp


class Allowlist:
    """Holds a call against its caller's terms; resolves no name and dials nothing."""

    name = "allowlist"

    def __init__(self, body_bytes_max: int) -> None:
        self._body_bytes_max = body_bytes_max

    def depart(self, slip: Slip, flow: http.HTTPFlow) -> Stamp | Refusal:
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
        refusal = self._read(slip, flow)
        if refusal is not None:
            return refusal
        if slip.call is not None:
            model = terms.model(slip.call.model)
            if not model.passes:
                return Refusal(
                    Code.MODEL_NOT_ALLOWED,
                    f"{model.reason[:1].upper()}{model.reason[1:]}.",
                    rule=model.rule,
                )
            answer = model if not model.allowed else answer
        return Stamp(answer.rule if answer.allowed else f"{answer.rule}, not enforced")

    def _read(self, slip: Slip, flow: http.HTTPFlow) -> Refusal | None:
        """Fill in `slip.call`, or say why this kind of call cannot be governed."""
        seen = slip.recognised
        if isinstance(seen, Unsupported):
            return _unsupported(seen)
        if not isinstance(seen, Known | NeedsShape):
            return None
        try:
            coding = flow.request.headers.get("content-encoding", "")
            body = flow.request.raw_content or b""
            if coding:
                body = decode_body(body, coding, self._body_bytes_max)
            if isinstance(seen, NeedsShape):
                assert slip.destination is not None
                to = slip.destination
                seen = recognise_shape(to.host, to.port, slip.path, body)
                if isinstance(seen, Unsupported):
                    slip.wire = language_of(seen.provider, slip.path)
                    return _unsupported(seen)
                if not isinstance(seen, Known):
                    return None
                slip.wire = seen.format
            slip.call = format_named(seen.format, seen.provider).read_request(body, slip.path)
        except BadRequest as error:
            where = f" ({error.param})" if error.param else ""
            return Refusal(Code.BAD_REQUEST, f"The request cannot be read: {error.reason}{where}.")
        return None


def _unsupported(seen: Unsupported) -> Refusal:
    return Refusal(
        Code.FORMAT_UNSUPPORTED,
        f"This looks like a model call that Exeat cannot meter yet ({seen.reason}), so it may not "
        "leave.",
        facts={"reason": seen.reason},
    )
