"""What did it really use? Reads the answer as it passes, and makes the provider say."""

from mitmproxy import http

from proxy.engine.answers import Filter, open_length
from proxy.pricing.charges import charge_for
from proxy.pricing.prices import Prices
from proxy.providers.decoding import decode_body
from proxy.providers.formats import format_named
from proxy.refusals import Refusal
from proxy.slip import Slip, Stamp


class Usage:
    """Folds an answer into tokens and dollars; where the provider says nothing, into a bound."""

    name = "usage"

    def __init__(self, prices: Prices) -> None:
        self._prices = prices

    def depart(self, slip: Slip, flow: http.HTTPFlow) -> Stamp | Refusal:
        """Yes, having asked for usage where the caller left it out."""
        call = slip.call
        if call is None:
            return Stamp("nothing to meter")
        if not _must_ask(slip):
            return Stamp("the answer says")
        request = flow.request
        body = decode_body(
            request.raw_content or b"", request.headers.get("content-encoding", ""), 2**31
        )
        request.headers.pop("content-encoding", None)
        request.content = format_named(call.format, call.provider).amend(
            body, call, output_tokens=None, ask_usage=True
        )
        # The event that we asked for is taken out again, which takes an answer that we can edit.
        request.headers["accept-encoding"] = "identity"
        return Stamp("asked to say")

    def answer(self, slip: Slip, flow: http.HTTPFlow) -> Filter | None:
        """Read along with a model's answer."""
        call, response = slip.call, flow.response
        if call is None or response is None:
            return None
        headers = response.headers
        slip.upstream_request_id = headers.get("x-request-id") or headers.get("request-id")
        reader = slip.reader = format_named(call.format, call.provider).answer_reader(
            call, headers, hide_usage=_must_ask(slip)
        )
        if _must_ask(slip):
            open_length(flow)  # It was that of an answer with the event.
        return lambda chunk: reader.feed(chunk) if chunk else reader.close()

    async def refused(self, slip: Slip) -> None:
        """Every record of a model call names the prices, also where none was asked for."""
        if slip.call is not None and slip.price_version is None:
            slip.price_version = self._prices.version

    async def settle(self, slip: Slip) -> None:
        """Say what the call used and cost, before anybody settles it or files it."""
        call, reader = slip.call, slip.reader
        if reader is not None:
            reader.close()
            slip.finish_reason = reader.finish_reason
            slip.tool_calls = tuple((tool.id, tool.name) for tool in reader.tool_calls)
        if call is None or not slip.left:
            return
        slip.price_version = self._prices.version  # The file may have changed since the quote.
        is_whole = reader is not None and reader.complete
        if (
            slip.caller_left
            and not is_whole
            and slip.terms
            and slip.terms.client_leaves == "forfeit"
        ):
            reader = None  # What was seen of it is not looked at.
        charge = charge_for(self._prices, call, slip.quote, reader, slip.http_status)
        slip.usage = charge.usage
        slip.usage_is_estimated = charge.is_estimated
        slip.cost_nanousd = charge.nanousd
        slip.tokens = charge.tokens


def _must_ask(slip: Slip) -> bool:
    """OpenAI's streams say what they used only when asked (131 of 241 recorded did not). Formats
    that always say report every call as one that asked."""
    call = slip.call
    return call is not None and call.streaming and not call.usage_requested
