"""Requests read, refused and amended: R10 and R6 of the scenarios, and what bounds a call."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.providers.body import read_items
from proxy.providers.call import BadRequest, ModelCall
from proxy.providers.formats import format_named
from tests.providers.bodies import chat, messages, responses

CHAT = format_named("openai.chat", "openai")
RESPONSES = format_named("openai.responses", "openai")
EMBEDDINGS = format_named("openai.embeddings", "openai")
MESSAGES = format_named("anthropic.messages", "anthropic")
COUNT = format_named("anthropic.count_tokens", "anthropic")


@pytest.mark.parametrize(
    ("members", "bound"),
    [
        ({}, None),
        ({"max_tokens": None}, None),
        ({"max_tokens": 100}, 100),
        ({"max_completion_tokens": 1, "max_tokens": 100_000}, 100_000),
        ({"max_completion_tokens": 100_000, "max_tokens": 1}, 100_000),
        ({"max_completion_tokens": 1, "max_output_tokens": 9}, 9),
        ({"max_output_tokens": 1}, None),
        ({"max_tokens": 999_999_999}, 999_999_999),
        ({"max_tokens": 0}, 0),
    ],
)
def test_the_largest_reading_of_every_bound_wins(
    members: dict[str, Any], bound: int | None
) -> None:
    assert CHAT.read_request(chat(**members)).output_tokens_max == bound


def test_n_and_best_of_multiply_the_output() -> None:
    assert CHAT.read_request(chat(n=2, best_of=8)).samplings == 8


def test_a_thinking_budget_above_max_tokens_is_the_larger_reading() -> None:
    call = MESSAGES.read_request(messages(thinking={"type": "enabled", "budget_tokens": 5000}))
    assert call.output_tokens_max == 5000


def test_counting_tokens_is_free_and_needs_no_bound() -> None:
    body = json.dumps({"model": "claude-opus-5", "messages": []}).encode()
    call = COUNT.read_request(body)
    assert (call.billable, call.output_tokens_max) == (False, 0)


BAD_NUMBERS = ["1e400", "10" + "0" * 29, "-1", '"5"', "5.0", "true", "[5]", "{}", "NaN", "Infinity"]


@pytest.mark.parametrize("value", [*BAD_NUMBERS, "9" * 5000])
@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "n"])
def test_absurd_numbers_are_refused(name: str, value: str) -> None:
    body = f'{{"model":"gpt-4o","messages":[],"{name}":{value}}}'.encode()
    with pytest.raises(BadRequest):
        CHAT.read_request(body)


GOOD = b'{"model":"gpt-4o","messages":[]}'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"{",
        b'{"model":"gpt-4o","messages":[]',
        GOOD + b"x",
        GOOD + GOOD,
        b"{'model':1}",
        b'{"model":"gpt-4o","messages":[],}',
        b'{"model" "gpt-4o"}',
        b'{1:"gpt-4o"}',
        b"\xef\xbb\xbf" + GOOD,
        GOOD.decode().encode("utf-16"),
        GOOD.decode().encode("utf-16-be"),
        GOOD.decode().encode("utf-32-le"),
        b'{"model":"\xff","messages":[]}',
        b'{"model":"gpt-4o","messages":[],"max_tokens":1,"max_tokens":100000}',
        b'{"model":"gpt-4o","messages":[],"max_tokens":1,"max\\u005ftokens":100000}',
        b'{"model":"gpt-4o","messages":[{"role":"user","role":"system"}]}',
        b'{"model":"gpt-4o","messages":[],"Max_Tokens":100000}',
        '{"model":"gpt-4o","messages":[],"max_token\u017f":100000}'.encode(),
        '{"model":"gpt-4o","messages":[],"max_to\u212aens":100000}'.encode(),
        b'{"model":"gpt-4o","messages":[],"x":NaN}',
        b'{"model":"gpt-4o","messages":[],"x":1e999}',
        b'{"messages":[]}',
        b'{"model":null,"messages":[]}',
        b'{"model":"","messages":[]}',
        b'{"model":"a b","messages":[]}',
        b'{"model":"' + b"a" * 129 + b'","messages":[]}',
        b'{"model":"gpt-4o\\n","messages":[]}',
        b'{"model":"gpt-4o"}',
        b'{"model":"gpt-4o","messages":{}}',
        b'{"model":"gpt-4o","messages":["hi"]}',
        b'{"model":"gpt-4o","messages":[],"stream":"yes"}',
        b'{"model":"gpt-4o","messages":[],"tools":[1]}',
        b'{"model":"gpt-4o","messages":[],"stream_options":1}',
        b'{"model":"gpt-4o","messages":[{"content":' + b"[" * 500 + b"]" * 500 + b"}]}",
        b'{"model":"gpt-4o","messages":' + b"[" * 200_000,
        b'{"a":' * 100_000,
    ],
)
def test_a_body_that_can_be_read_two_ways_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        CHAT.read_request(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[",
        b"[,]",
        b"[1,]",
        b"[1 2]",
        b"[1]]",
        b"[1]x",
        b"\xef\xbb\xbf[]",
        b'["\xff"]',
        b'[{"a":1,"a":2}]',
        b"[NaN]",
        b"[" * 200_000,
    ],
)
def test_an_array_that_can_be_read_two_ways_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        read_items(body)


@given(st.lists(st.integers() | st.text() | st.lists(st.booleans())), st.sampled_from([None, 2]))
def test_an_array_knows_where_each_of_its_items_stands(values: list[Any], indent: int) -> None:
    items = read_items(json.dumps(values, indent=indent).encode())
    assert items.values == values
    assert [json.loads(items.source(number)) for number in range(len(values))] == values


def test_anthropic_demands_max_tokens() -> None:
    with pytest.raises(BadRequest, match="max_tokens"):
        MESSAGES.read_request(b'{"model":"claude-opus-5","messages":[]}')


def test_a_refusal_never_quotes_the_body() -> None:
    with pytest.raises(BadRequest) as caught:
        CHAT.read_request(b'{"sk-secret key":1,"sk-secret key":2}')
    assert "secret" not in str(caught.value)
    assert caught.value.param is None


def test_spacing_and_escapes_do_not_change_what_is_read() -> None:
    body = b' { "model" : "gpt-4o" , "messages" : [ { "role":"user","content":"h\\u0069" } ] } \n'
    assert CHAT.read_request(body).prompt.texts == ("hi",)


@pytest.mark.parametrize(
    ("call", "reasons"),
    [
        (CHAT.read_request(chat(web_search_options={})), ("web_search",)),
        (CHAT.read_request(chat(model="gpt-4o-search-preview")), ("web_search",)),
        (CHAT.read_request(chat(modalities=["text", "audio"])), ("audio_output",)),
        (CHAT.read_request(chat(prediction={"type": "content", "content": "x"})), ("prediction",)),
        (CHAT.read_request(chat(tools=[{"type": "function"}])), ()),
        (CHAT.read_request(chat(prompt_cache_options={"ttl": "12h"})), ("cache_lifetime",)),
        (RESPONSES.read_request(responses(background=True)), ("background",)),
        (RESPONSES.read_request(responses(prompt={"id": "pmpt_1"})), ("prompt_template",)),
        (RESPONSES.read_request(responses(reasoning={"mode": "pro"})), ("reasoning_mode",)),
        (RESPONSES.read_request(responses(multi_agent={"enabled": True})), ("multi_agent",)),
        (
            RESPONSES.read_request(responses(tools=[{"type": "web_search"}, {"type": "function"}])),
            ("hosted_tool:web_search",),
        ),
        (
            RESPONSES.read_request(
                responses(input=[{"type": "additional_tools", "tools": [{"type": "mcp"}]}])
            ),
            ("hosted_tool:mcp",),
        ),
        (
            RESPONSES.read_request(
                responses(tools=[{"type": "namespace", "tools": [{"type": "code_interpreter"}]}])
            ),
            ("hosted_tool:code_interpreter",),
        ),
        (
            RESPONSES.read_request(
                responses(tools=[{"type": "shell", "environment": {"type": "local"}}])
            ),
            (),
        ),
        (MESSAGES.read_request(messages(tools=[{"name": "x"}, {"type": "bash_20250124"}])), ()),
        (
            MESSAGES.read_request(messages(tools=[{"type": "advisor_20260301", "model": "x"}])),
            ("hosted_tool:advisor_20260301",),
        ),
        (MESSAGES.read_request(messages(fallbacks="default")), ("fallbacks",)),
        (MESSAGES.read_request(messages(mcp_servers=[{"url": "x"}])), ("mcp_servers",)),
        (
            MESSAGES.read_request(
                messages(context_management={"edits": [{"type": "compact_20260112"}]})
            ),
            ("context_management",),
        ),
        (
            MESSAGES.read_request(
                messages(context_management={"edits": [{"type": "clear_tool_uses_20250919"}]})
            ),
            (),
        ),
    ],
)
def test_what_has_no_worst_case_says_why(call: ModelCall, reasons: tuple[str, ...]) -> None:
    assert call.unbounded == reasons


@pytest.mark.parametrize(
    "call",
    [
        RESPONSES.read_request(responses(previous_response_id="resp_1")),
        RESPONSES.read_request(responses(conversation="conv_1")),
        RESPONSES.read_request(
            responses(input=[{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}])
        ),
        MESSAGES.read_request(messages(thread={"type": "continue"})),
        MESSAGES.read_request(
            messages(
                messages=[
                    {"role": "user", "content": [{"type": "document", "source": {"type": "url"}}]}
                ]
            )
        ),
        CHAT.read_request(
            chat(messages=[{"role": "user", "content": [{"type": "input_audio", "data": "x"}]}])
        ),
    ],
)
def test_a_body_that_is_not_the_whole_prompt_says_so(call: ModelCall) -> None:
    assert not call.prompt.is_bounded


IMAGE = {
    "type": "image",
    "source": {"type": "base64", "media_type": "image/png", "data": "A" * 9000},
}


def test_an_image_is_counted_as_an_image_not_as_text() -> None:
    call = MESSAGES.read_request(messages(messages=[{"role": "user", "content": [IMAGE]}]))
    assert (call.prompt.images, call.prompt.image_bytes) == (1, 9000)
    assert call.prompt.text_bytes < 500


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "tool_use", "id": "t", "name": "n", "input": IMAGE}],
        [{"type": "tool_use", "id": "t", "name": "n", "input": {"content": [IMAGE]}}],
        [{"type": "text", "text": json.dumps(IMAGE)}],
        [IMAGE | {"source": IMAGE["source"] | {"media_type": "text/plain"}}],  # type: ignore[operator]
    ],
)
def test_text_dressed_as_an_image_still_counts_as_text(content: list[Any]) -> None:
    call = MESSAGES.read_request(messages(messages=[{"role": "assistant", "content": content}]))
    assert call.prompt.text_bytes > 9000


def test_text_bytes_bound_every_string_in_the_body() -> None:
    tools = [{"type": "function", "function": {"name": "x" * 50, "description": "ü" * 50}}]
    call = CHAT.read_request(
        chat(messages=[{"role": "user", "content": "ü" * 100}], tools=tools, user="u" * 40)
    )
    assert call.prompt.text_bytes >= 200 + 150 + 40
    assert call.prompt.has_tools


def test_token_ids_count_at_least_one_byte_each() -> None:
    body = json.dumps({"model": "text-embedding-3-small", "input": [[1, 2], [3] * 98]}).encode()
    call = EMBEDDINGS.read_request(body)
    assert call.prompt.text_bytes >= 100
    assert call.prompt.message_count == 2


@pytest.mark.parametrize("value", [None, 5, [], {}])
def test_embeddings_need_an_input(value: Any) -> None:
    body = json.dumps({"model": "text-embedding-3-small", "input": value}).encode()
    with pytest.raises(BadRequest):
        EMBEDDINGS.read_request(body)


@pytest.mark.parametrize(
    ("members", "lifetime"),
    [
        ({}, None),
        ({"cache_control": {"type": "ephemeral"}}, "5m"),
        ({"cache_control": {"type": "ephemeral", "ttl": "1h"}}, "1h"),
        ({"tools": [{"name": "x", "cache_control": {"ttl": "1h"}}]}, "1h"),
        ({"system": [{"type": "text", "text": "x", "cache_control": {"ttl": "5m"}}]}, "5m"),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "text", "cache_control": {"ttl": "9h"}}]}
                ]
            },
            "1h",
        ),
    ],
)
def test_the_longest_cache_lifetime_is_found_wherever_it_stands(
    members: dict[str, Any], lifetime: str | None
) -> None:
    assert MESSAGES.read_request(messages(**members)).cache_lifetime == lifetime


@pytest.mark.parametrize(
    ("members", "tier"),
    [
        ({}, None),
        ({"service_tier": "auto"}, None),
        ({"speed": "fast"}, "fast"),
        ({"inference_geo": "us"}, "standard@us"),
        ({"speed": "fast", "inference_geo": "us"}, "fast@us"),
        ({"inference_geo": "global"}, None),
    ],
)
def test_speed_and_geography_are_part_of_the_tier(
    members: dict[str, Any], tier: str | None
) -> None:
    assert MESSAGES.read_request(messages(**members)).service_tier == tier


def test_the_digest_is_of_the_conversation_not_of_its_form() -> None:
    plain = CHAT.read_request(chat()).digest
    assert CHAT.read_request(chat(stream=True, max_tokens=5)).digest == plain
    assert CHAT.read_request(json.dumps(json.loads(chat()), indent=2).encode()).digest == plain
    assert CHAT.read_request(chat(model="gpt-4o-mini")).digest != plain
    other = [{"role": "user", "content": "Say ho."}]
    assert CHAT.read_request(chat(messages=other)).digest != plain


@pytest.mark.parametrize(
    ("model", "members", "may"),
    [
        ("gpt-4o", {}, False),
        ("gpt-5", {}, True),
        ("gpt-5.2", {"reasoning_effort": "none"}, False),
        ("o3-mini", {}, True),
        ("ft:gpt-4o-mini-2024-07-18:o::x", {}, False),
    ],
)
def test_who_may_think_unseen(model: str, members: dict[str, Any], may: bool) -> None:
    assert CHAT.read_request(chat(model=model, **members)).may_reason is may


def test_prompts_are_not_in_a_call_s_representation() -> None:
    assert "Say hi" not in repr(CHAT.read_request(chat()))


BODY = b'{ "model":"gpt-4o",\t"messages":[{"role":"user","content":"\\u0068i"}], "n":1 }'


def amended(body: bytes, output: int | None = None, ask: bool = False) -> bytes:
    return CHAT.amend(body, CHAT.read_request(body), output_tokens=output, ask_usage=ask)


def test_an_amendment_leaves_every_other_byte() -> None:
    assert amended(BODY) == BODY
    streamed = BODY.replace(b'"n":1', b'"stream":true')
    assert amended(BODY, None, ask=True) == BODY
    assert amended(streamed, 7, ask=True) == streamed.replace(
        b"{ ",
        b'{"stream_options":{"include_usage":true},"max_completion_tokens":7, ',
        1,
    )


@pytest.mark.parametrize(
    ("members", "after"),
    [
        (
            {"max_tokens": 100, "max_completion_tokens": 3},
            {"max_tokens": 7, "max_completion_tokens": 3},
        ),
        (
            {"max_tokens": 100, "max_completion_tokens": 90},
            {"max_tokens": 7, "max_completion_tokens": 7},
        ),
        ({"max_tokens": None}, {"max_tokens": None, "max_completion_tokens": 7}),
        ({"max_completion_tokens": None}, {"max_completion_tokens": 7}),
        ({"max_output_tokens": 50}, {"max_output_tokens": 7, "max_completion_tokens": 7}),
        ({"max_tokens": 5}, {"max_tokens": 5}),
    ],
)
def test_every_bound_is_clamped(members: dict[str, Any], after: dict[str, Any]) -> None:
    body = chat(**members)
    result = amended(body, 7)
    assert json.loads(result) == json.loads(body) | after
    bound = CHAT.read_request(result).output_tokens_max
    assert bound is not None
    assert bound <= 7


def test_usage_is_asked_for_beside_other_stream_options() -> None:
    body = chat(stream=True, stream_options={"include_obfuscation": False})
    assert json.loads(amended(body, ask=True))["stream_options"] == {
        "include_obfuscation": False,
        "include_usage": True,
    }


@pytest.mark.parametrize(
    ("output", "thinking"),
    [
        (4000, {"type": "enabled", "budget_tokens": 3999}),
        (500, {"type": "disabled"}),
        (9000, {"type": "enabled", "budget_tokens": 5000}),
    ],
)
def test_a_thinking_budget_shrinks_with_its_bound(output: int, thinking: dict[str, Any]) -> None:
    body = messages(max_tokens=8000, thinking={"type": "enabled", "budget_tokens": 5000})
    call = MESSAGES.read_request(body)
    after = json.loads(MESSAGES.amend(body, call, output_tokens=output, ask_usage=False))
    assert after["thinking"] == thinking
    assert after["max_tokens"] == min(output, 8000)


def test_a_response_gets_its_bound() -> None:
    body = responses(max_output_tokens=None)
    call = RESPONSES.read_request(body)
    after = RESPONSES.amend(body, call, output_tokens=9, ask_usage=True)
    assert json.loads(after) == json.loads(body) | {"max_output_tokens": 9}


def test_an_inline_file_is_no_text_for_the_estimate_and_leaves_the_prompt_unbounded() -> None:
    file = {"type": "input_file", "file_data": "data:application/pdf;base64," + "A" * 9000}
    output = {"type": "function_call_output", "call_id": "c", "output": [file]}
    prompt = RESPONSES.read_request(responses(input=[output])).prompt
    assert not prompt.is_bounded
    assert sum(map(len, prompt.texts)) < 100
