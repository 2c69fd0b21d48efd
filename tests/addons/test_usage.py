"""Usage alone: asking the provider to say, reading along, and what the call is charged."""

import gzip
import json
import zlib
from datetime import UTC, datetime
from typing import Any

import pytest
from mitmproxy import http
from mitmproxy.test import tflow

from addons.usage import Usage
from proxy.pricing.charges import quote_for
from proxy.pricing.prices import Prices
from proxy.pricing.tokens import TokenCounter
from proxy.slip import Slip, Stamp
from tests.addons.slips import chat, flow, model_slip, slip

PRICES = Prices(at=datetime(2026, 11, 21, tzinfo=UTC))
ADDON = Usage(PRICES)
STREAM = chat(stream=True)
ASKED = chat(stream=True, stream_options={"include_usage": True})

SAID = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
DELTA = (
    b'data: {"id":"c","model":"gpt-4o-mini","choices":[{"index":0,"delta":{"content":"hi"},'
    b'"finish_reason":"stop"}],"usage":null}\n\n'
)
USAGE = (
    b'data: {"id":"c","model":"gpt-4o-mini","choices":[],"usage":%s}\n\n'
    % json.dumps(SAID).encode()
)
DONE = b"data: [DONE]\n\n"


def answered(over: http.HTTPFlow, kind: str = "text/event-stream", **headers: str) -> http.HTTPFlow:
    """The flow with the headers of an answer."""
    fields = [(b"content-type", kind.encode())]
    fields += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    over.response = tflow.tresp(content=b"", headers=http.Headers(fields))
    return over


def read(it: Slip, over: http.HTTPFlow, *chunks: bytes) -> bytes:
    """The answer's bytes as the client gets them."""
    passes = ADDON.answer(it, over)
    assert passes is not None
    return b"".join(passes(chunk) for chunk in (*chunks, b""))


def priced(body: dict[str, Any], **facts: Any) -> Slip:
    it = model_slip(body, left=True, http_status=200, **facts)
    it.quote = quote_for(PRICES, TokenCounter(), it.call)
    return it


NOTES = {
    "no model call": (lambda: slip(), "nothing to meter"),
    "an answer in one piece says": (lambda: model_slip(chat()), "the answer says"),
    "a stream that was asked says": (lambda: model_slip(ASKED), "the answer says"),
    "a stream that was not asked is asked": (lambda: model_slip(STREAM), "asked to say"),
}


@pytest.mark.parametrize("case", NOTES)
def test_yes_with_its_note(case):
    make, note = NOTES[case]
    it = make()
    body = STREAM if note == "asked to say" else chat()
    over = flow(body, accept_encoding="gzip, br")

    assert ADDON.depart(it, over) == Stamp(note)
    is_asked = note == "asked to say"
    assert over.request.headers["accept-encoding"] == ("identity" if is_asked else "gzip, br")
    assert (over.request.content == json.dumps(body).encode()) is not is_asked


def test_asking_changes_one_member_and_leaves_every_other_byte():
    over = flow(STREAM)
    ADDON.depart(model_slip(STREAM), over)

    sent = over.request.raw_content or b""
    added = b'"stream_options":{"include_usage":true},'
    assert sent.replace(added, b"") == json.dumps(STREAM).encode()
    assert added in sent
    assert over.request.headers["content-length"] == str(len(sent))


@pytest.mark.parametrize(
    ("coding", "squeeze"), [("gzip", gzip.compress), ("deflate", zlib.compress)]
)
def test_a_compressed_request_is_asked_and_sent_plain(coding, squeeze):
    over = flow(squeeze(json.dumps(STREAM).encode()), content_encoding=coding)
    ADDON.depart(model_slip(STREAM), over)

    assert "content-encoding" not in over.request.headers
    sent = json.loads(over.request.raw_content or b"")
    assert sent == STREAM | {"stream_options": {"include_usage": True}}


def test_a_compressed_request_that_need_not_be_asked_goes_as_it_came():
    squeezed = gzip.compress(json.dumps(ASKED).encode())
    over = flow(squeezed, content_encoding="gzip")
    ADDON.depart(model_slip(ASKED), over)
    assert over.request.raw_content == squeezed
    assert over.request.headers["content-encoding"] == "gzip"


def test_rule_6_byte_exact_what_we_asked_for_is_taken_out_again():
    it = priced(STREAM)
    shown = read(it, answered(flow(STREAM)), DELTA, USAGE[:20], USAGE[20:] + DONE)
    assert shown == DELTA.replace(b',"usage":null', b"") + DONE


def test_rule_6_byte_exact_what_the_caller_asked_for_stays():
    it = priced(ASKED)
    assert read(it, answered(flow(ASKED)), DELTA, USAGE, DONE) == DELTA + USAGE + DONE


LENGTHS = {
    "asked by us, HTTP/1.1": (STREAM, b"HTTP/1.1", b"HTTP/1.1", None, "chunked"),
    "asked by us, HTTP/2 to the client": (STREAM, b"HTTP/2.0", b"HTTP/1.1", None, None),
    "asked by us, HTTP/2 from the upstream": (STREAM, b"HTTP/1.1", b"HTTP/2.0", None, None),
    "asked by the caller": (ASKED, b"HTTP/1.1", b"HTTP/1.1", "99", None),
}


@pytest.mark.parametrize("case", LENGTHS)
def test_a_length_that_would_be_wrong_is_not_sent_on(case):
    body, asked_in, answered_in, length, coding = LENGTHS[case]
    over = answered(flow(body), content_length="99")
    over.request.data.http_version = asked_in
    assert over.response is not None
    over.response.data.http_version = answered_in
    ADDON.answer(priced(body), over)

    assert over.response.headers.get("content-length") == length
    assert over.response.headers.get("transfer-encoding") == coding


def test_an_answer_without_a_length_keeps_its_framing():
    over = answered(flow(STREAM), transfer_encoding="chunked")
    ADDON.answer(priced(STREAM), over)
    assert over.response is not None
    assert over.response.headers.get_all("transfer-encoding") == ["chunked"]


@pytest.mark.parametrize("name", ["x-request-id", "request-id"])
def test_the_providers_own_number_is_kept(name):
    it = priced(chat())
    ADDON.answer(it, answered(flow(chat()), "application/json", **{name: "req_1"}))
    assert it.upstream_request_id == "req_1"


def test_what_is_no_model_call_is_not_read():
    it = slip()
    assert ADDON.answer(it, answered(flow())) is None
    assert it.reader is None
    assert ADDON.answer(model_slip(chat()), flow()) is None, "nor what has no answer"


async def test_what_the_provider_says_is_what_is_charged():
    it = priced(STREAM)
    read(it, answered(flow(STREAM)), DELTA, USAGE, DONE)
    await ADDON.settle(it)

    assert it.usage is not None
    assert (it.usage.input_tokens, it.usage.output_tokens, it.tokens) == (9, 3, 12)
    assert it.cost_nanousd == PRICES.cost("openai", "gpt-4o-mini", it.usage) == 3150
    assert (it.usage_is_estimated, it.finish_reason) == (False, "stop")


async def test_the_tools_that_the_model_asked_for_are_named():
    call = {"id": "t1", "type": "function", "function": {"name": "read_file", "arguments": "{}"}}
    body = {
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {"tool_calls": [call]}}],
        "usage": SAID,
    }
    it = priced(chat())
    raw = json.dumps(body).encode()
    assert read(it, answered(flow(chat()), "application/json"), raw) == raw
    await ADDON.settle(it)

    assert it.tool_calls == (("t1", "read_file"),)
    assert it.finish_reason == "tool_calls"
    assert it.cost_nanousd == 3150


async def test_rule_4_a_stream_that_is_cut_off_is_charged_a_bound_that_says_so():
    it = priced(STREAM)
    passes = ADDON.answer(it, answered(flow(STREAM)))
    assert passes is not None
    passes(DELTA)
    await ADDON.settle(it)

    assert it.usage_is_estimated
    assert 3150 < it.cost_nanousd <= it.quote.bound_nanousd


async def test_an_answer_that_never_came_is_charged_whole():
    it = priced(chat(), id="gone")
    it.http_status = 0
    await ADDON.settle(it)

    assert (it.cost_nanousd, it.tokens) == (it.quote.bound_nanousd, it.quote.tokens_bound)
    assert it.usage_is_estimated


async def test_what_did_not_leave_costs_nothing():
    it = priced(chat())
    it.left = False
    await ADDON.settle(it)
    assert (it.cost_nanousd, it.tokens, it.usage, it.usage_is_estimated) == (0, 0, None, False)


async def test_settling_what_is_no_model_call_says_nothing():
    it = slip(left=True)
    await ADDON.settle(it)
    assert (it.cost_nanousd, it.usage) == (0, None)


async def test_every_record_of_a_model_call_names_the_prices():
    refused = model_slip(chat(), "models: {deny: ['*']}")
    await ADDON.refused(refused)
    assert refused.price_version == PRICES.version

    elsewhere = slip()
    await ADDON.refused(elsewhere)
    assert elsewhere.price_version is None

    settled = priced(chat())
    settled.price_version = "older"
    await ADDON.settle(settled)
    assert settled.price_version == PRICES.version
