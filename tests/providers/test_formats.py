"""The formats beyond OpenAI's and Anthropic's own: requests, amendments, and what bounds a call."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.providers.call import BadRequest, FormatName, ModelCall
from proxy.providers.formats import FORMATS, format_named
from tests.providers.billable import FORM, SAMPLES
from tests.providers.bodies import chat, chunk, converse, form, frame, gemini, messages, sse

PATHS: dict[str, str] = {
    "gemini": "/v1beta/models/gemini-2.5-flash:streamGenerateContent",
    "bedrock": "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream",
}
NAMES: list[FormatName] = sorted(FORMATS)


def read(
    name: FormatName,
    data: bytes,
    provider: str = "openai",
    path: str = "",
    content_type: str = "application/json",
) -> ModelCall:
    path = path or PATHS.get(name.split(".")[0], "")
    return format_named(name, provider).read_request(data, path, content_type)


def amended(name: FormatName, data: bytes, provider: str, tokens: int, path: str = "") -> Any:
    wire = format_named(name, provider)
    call = read(name, data, provider, path)
    return json.loads(wire.amend(data, call, output_tokens=tokens, ask_usage=False))


class TestDialects:
    @pytest.mark.parametrize(
        ("provider", "members", "bound"),
        [
            ("groq", {"max_completion_tokens": 9}, 9),
            ("mistral", {"max_tokens": 9}, 9),
            ("mistral", {"max_completion_tokens": 9}, None),
            ("together", {"max_completion_tokens": 1, "max_tokens": 9}, 9),
            ("x-ai", {"model": "grok-4", "max_tokens": 9}, None),
            ("x-ai", {"model": "grok-4", "max_tokens": 9, "reasoning_effort": "none"}, 9),
        ],
    )
    def test_only_a_field_that_the_provider_honours_bounds(
        self, provider: str, members: dict[str, Any], bound: int | None
    ) -> None:
        assert read("openai.chat", chat(**members), provider).output_tokens_max == bound

    @pytest.mark.parametrize(
        ("provider", "members", "reason"),
        [
            ("groq", {"model": "groq/compound"}, "hosted_model"),
            ("x-ai", {"search_parameters": {"mode": "on"}}, "search_parameters"),
            ("openrouter", {"model": "openai/gpt-4o:online"}, "web_search"),
            ("openrouter", {"plugins": [{"id": "web"}]}, "plugins"),
            ("dashscope", {"enable_search": True}, "enable_search"),
            ("perplexity", {"model": "sonar-pro"}, "hosted_model"),
            ("azure", {"data_sources": [{}]}, "data_sources"),
        ],
    )
    def test_work_that_no_tool_names_is_unbounded(
        self, provider: str, members: dict[str, Any], reason: str
    ) -> None:
        assert reason in read("openai.chat", chat(**members), provider).unbounded

    def test_azure_names_its_deployment_in_the_path_and_it_is_an_alias(self) -> None:
        path = "/openai/deployments/our-four/chat/completions"
        call = read("openai.chat", b'{"messages":[]}', "azure", path)
        assert (call.model, call.model_is_alias) == ("our-four", True)

    def test_what_the_body_says_beside_a_deployment_is_ignored(self) -> None:
        path = "/openai/deployments/dear/chat/completions"
        assert read("openai.chat", chat(model="cheap"), "azure", path).model == "dear"

    def test_fallback_models_are_read_where_they_count(self) -> None:
        body = chat(model="a/b", models=["c/d", "e/f"])
        assert read("openai.chat", body, "openrouter").fallback_models == ("c/d", "e/f")
        assert read("openai.chat", body, "together").fallback_models == ()

    @pytest.mark.parametrize("models", ["a/b", [1], ["x" * 200], ["a/b"] * 99])
    def test_odd_fallbacks_are_refused(self, models: Any) -> None:
        with pytest.raises(BadRequest):
            read("openai.chat", chat(models=models), "openrouter")

    def test_who_always_says_usage_is_not_asked(self) -> None:
        assert read("openai.chat", chat(stream=True), "mistral").usage_requested
        assert not read("openai.chat", chat(stream=True), "together").usage_requested


class TestCompletions:
    @pytest.mark.parametrize(
        ("members", "samplings", "bound"),
        [
            ({"prompt": "x"}, 1, 16),
            ({"prompt": ["x", "y"], "n": 3, "max_tokens": 5}, 6, 5),
            ({"prompt": [[1, 2], [3]], "best_of": 4}, 8, 16),
            ({"prompt": [1, 2, 3]}, 1, 16),
        ],
    )
    def test_every_prompt_is_a_sampling(
        self, members: dict[str, Any], samplings: int, bound: int
    ) -> None:
        body = json.dumps({"model": "davinci-002"} | members).encode()
        call = read("openai.completions", body)
        assert (call.samplings, call.output_tokens_max) == (samplings, bound)

    def test_elsewhere_an_absent_bound_is_none(self) -> None:
        assert (
            read("openai.completions", b'{"model":"m","prompt":"x"}', "x").output_tokens_max is None
        )


class TestGemini:
    def test_the_path_names_the_model_and_the_verb_streams(self) -> None:
        call = read("gemini.generate", gemini(), "google")
        assert (call.model, call.streaming) == ("gemini-2.5-flash", True)

    @pytest.mark.parametrize("path", ["", "/v1/models/a:b:generateContent", "/v1/models/:x"])
    def test_a_path_without_a_model_is_refused(self, path: str) -> None:
        with pytest.raises(BadRequest):
            format_named("gemini.generate", "google").read_request(gemini(), path)

    @pytest.mark.parametrize(
        ("model", "config", "bound", "reasons"),
        [
            ("gemini-2.0-flash", {"maxOutputTokens": 50}, 50, False),
            ("gemini-2.0-flash", {"max_output_tokens": 50, "maxOutputTokens": 9}, 50, False),
            ("gemini-2.5-pro", {"maxOutputTokens": 50}, 50 + 32_768, True),
            (
                "gemini-2.5-pro",
                {"maxOutputTokens": 50, "thinkingConfig": {"thinkingBudget": 100}},
                150,
                True,
            ),
            (
                "gemini-2.5-flash",
                {"maxOutputTokens": 50, "thinking_config": {"thinking_budget": 0}},
                50,
                False,
            ),
            ("gemini-2.5-flash", {"thinkingConfig": {"thinkingBudget": 100}}, None, True),
        ],
    )
    def test_thoughts_come_on_top_of_the_bound(
        self, model: str, config: dict[str, Any], bound: int | None, reasons: bool
    ) -> None:
        path = f"/v1beta/models/{model}:generateContent"
        call = read("gemini.generate", gemini(generationConfig=config), "google", path)
        assert (call.output_tokens_max, call.may_reason) == (bound, reasons)

    def test_candidates_multiply(self) -> None:
        body = gemini(generation_config={"candidateCount": 3})
        assert read("gemini.generate", body, "google").samplings == 3

    def test_two_spellings_of_the_configuration_are_refused(self) -> None:
        with pytest.raises(BadRequest):
            read("gemini.generate", gemini(generationConfig={}, generation_config={}), "google")

    @pytest.mark.parametrize(
        "members",
        [
            {"cachedContent": "cachedContents/x"},
            {"contents": [{"parts": [{"fileData": {"fileUri": "gs://x"}}]}]},
            {"contents": [{"parts": [{"inlineData": {"mimeType": "audio/wav", "data": "AA"}}]}]},
        ],
    )
    def test_what_the_body_does_not_hold_is_unbounded(self, members: dict[str, Any]) -> None:
        assert not read("gemini.generate", gemini(**members), "google").prompt.is_bounded

    def test_an_inline_image_is_no_text(self) -> None:
        image = {"inlineData": {"mimeType": "image/png", "data": "A" * 5000}}
        body = gemini(contents=[{"parts": [{"text": "hi"}, image]}])
        prompt = read("gemini.generate", body, "google").prompt
        assert (prompt.images, prompt.image_bytes, prompt.text_bytes < 100) == (1, 5000, True)

    def test_googles_own_tools_are_unbounded(self) -> None:
        body = gemini(tools=[{"functionDeclarations": []}, {"googleSearch": {}}])
        assert read("gemini.generate", body, "google").unbounded == ("hosted_tool:googleSearch",)

    @pytest.mark.parametrize(
        ("config", "expected"),
        [
            ({}, {"maxOutputTokens": 50, "thinkingConfig": {"thinkingBudget": 50}}),
            (
                {"thinkingConfig": {"thinkingBudget": 0}, "topK": 1},
                {"thinkingConfig": {"thinkingBudget": 0}, "topK": 1, "maxOutputTokens": 100},
            ),
            (
                {"max_output_tokens": 7, "thinking_config": {"thinkingBudget": 0}},
                {"max_output_tokens": 7, "thinking_config": {"thinkingBudget": 0}},
            ),
        ],
    )
    def test_a_smaller_bound_leaves_room_for_thoughts(
        self, config: dict[str, Any], expected: dict[str, Any]
    ) -> None:
        body = amended("gemini.generate", gemini(generationConfig=config), "google", 100)
        assert body["generationConfig"] == expected


class TestBedrock:
    @pytest.mark.parametrize(
        ("segment", "model", "is_alias"),
        [
            ("amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0", False),
            ("us.amazon.nova-pro-v1%3A0", "us.amazon.nova-pro-v1:0", False),
            (
                "arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.amazon.nova-pro-v1%3A0",
                "us.amazon.nova-pro-v1:0",
                False,
            ),
            (
                "arn:aws:bedrock:us-east-1::foundation-model%2Famazon.nova-pro-v1:0",
                "amazon.nova-pro-v1:0",
                False,
            ),
            (
                "arn:aws:bedrock:us-east-1:1:application-inference-profile%2Fabc",
                "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc",
                True,
            ),
            (
                "arn:aws:sagemaker:us-east-1:1:endpoint%2Fx",
                "arn:aws:sagemaker:us-east-1:1:endpoint/x",
                True,
            ),
        ],
    )
    def test_the_path_names_the_model(self, segment: str, model: str, is_alias: bool) -> None:
        call = read("bedrock.converse", converse(), "aws", f"/model/{segment}/converse")
        assert (call.model, call.model_is_alias, call.streaming) == (model, is_alias, False)

    @pytest.mark.parametrize(
        ("members", "bound"),
        [
            ({}, None),
            ({"inferenceConfig": {"maxTokens": 9}}, 9),
            ({"additionalModelRequestFields": {"max_tokens": 9}}, None),
            (
                {
                    "inferenceConfig": {"maxTokens": 9},
                    "additionalModelRequestFields": {"thinking": {"budget_tokens": 2000}},
                },
                2000,
            ),
            (
                {
                    "inferenceConfig": {"maxTokens": 9},
                    "additionalModelRequestFields": {"inferenceConfig": {"max_new_tokens": 3000}},
                },
                3000,
            ),
        ],
    )
    def test_the_largest_reading_bounds(self, members: dict[str, Any], bound: int | None) -> None:
        assert read("bedrock.converse", converse(**members), "aws").output_tokens_max == bound

    def test_media_and_caches_inside_a_tools_result_are_met(self) -> None:
        image = {"image": {"format": "png", "source": {"bytes": "AAAA"}}}
        inner = [image, {"document": {"name": "x"}}]
        content = [
            {"toolResult": {"toolUseId": "t", "content": inner}},
            {"cachePoint": {"ttl": "1h"}},
        ]
        call = read(
            "bedrock.converse", converse(messages=[{"role": "user", "content": content}]), "aws"
        )
        assert (call.prompt.images, call.prompt.is_bounded, call.cache_lifetime) == (1, False, "1h")

    @pytest.mark.parametrize(
        ("members", "tier"),
        [
            ({"serviceTier": {"type": "flex"}}, "flex"),
            ({"performanceConfig": {"latency": "optimized"}}, "optimized"),
            ({"performanceConfig": {"latency": "standard"}}, None),
        ],
    )
    def test_tiers_are_told(self, members: dict[str, Any], tier: str | None) -> None:
        assert read("bedrock.converse", converse(**members), "aws").service_tier == tier

    def test_converse_is_lowered_everywhere(self) -> None:
        body = converse(
            inferenceConfig={"maxTokens": 9000, "topP": 1},
            additionalModelRequestFields={
                "thinking": {"budget_tokens": 2000},
                "inferenceConfig": {"max_new_tokens": 3000, "topK": 2},
                "top_k": 1,
            },
        )
        lowered = amended("bedrock.converse", body, "aws", 1000)
        assert lowered["inferenceConfig"] == {"maxTokens": 1000, "topP": 1}
        assert lowered["additionalModelRequestFields"] == {
            "thinking": {"type": "disabled"},
            "inferenceConfig": {"max_new_tokens": 1000, "topK": 2},
            "top_k": 1,
        }

    @pytest.mark.parametrize(
        ("model", "members", "bound", "lowered"),
        [
            (
                "amazon.nova-lite-v1:0",
                {"inferenceConfig": {"max_new_tokens": 90}},
                90,
                {"inferenceConfig": {"max_new_tokens": 5}},
            ),
            (
                "amazon.titan-text-lite-v1",
                {"inputText": "x"},
                None,
                {"inputText": "x", "textGenerationConfig": {"maxTokenCount": 5}},
            ),
            ("meta.llama3-1-8b-instruct-v1:0", {"max_gen_len": 3}, 3, {"max_gen_len": 3}),
            ("amazon.titan-embed-text-v2:0", {"inputText": "x"}, 0, {"inputText": "x"}),
            ("new.vendor-1", {"max_tokens": 9}, None, {"max_tokens": 9}),
        ],
    )
    def test_each_familys_native_bound_is_known(
        self, model: str, members: dict[str, Any], bound: int | None, lowered: dict[str, Any]
    ) -> None:
        data = json.dumps(members).encode()
        path = f"/model/{model}/invoke"
        assert read("bedrock.invoke", data, "aws", path).output_tokens_max == bound
        assert amended("bedrock.invoke", data, "aws", 5, path) == lowered

    def test_a_claude_is_read_as_anthropic_reads_it(self) -> None:
        body = messages(anthropic_version="bedrock-2023-05-31", max_tokens=70)
        path = "/model/us.anthropic.claude-opus-4-5-v1:0/invoke-with-response-stream"
        call = read("bedrock.invoke", body, "aws", path)
        assert (call.model, call.streaming) == ("us.anthropic.claude-opus-4-5-v1:0", True)
        assert call.output_tokens_max == 70

    def test_an_exception_in_a_stream_is_an_error_and_no_end(self) -> None:
        wire = format_named("bedrock.converse", "aws")
        call = read("bedrock.converse", converse(), "aws")
        reader = wire.answer_reader(call, {"content-type": "application/vnd.amazon.eventstream"})
        reader.feed(frame("modelStreamErrorException", {"message": "x"}, kind="exception"))
        reader.close()
        assert (reader.error, reader.complete) == ("modelStreamErrorException", False)


class TestVertexAnthropic:
    @pytest.mark.parametrize(
        ("verb", "streams"), [("rawPredict", False), ("streamRawPredict", True)]
    )
    def test_the_path_names_the_model(self, verb: str, streams: bool) -> None:
        path = f"/v1/projects/p/locations/l/publishers/anthropic/models/claude-opus-4-5@1:{verb}"
        call = read("anthropic.messages", messages(), "google", path)
        assert (call.model, call.streaming) == ("claude-opus-4-5@1", streams)


class TestOthers:
    def test_coheres_v1_has_a_default_model(self) -> None:
        assert read("cohere.chat", b'{"message":"hi"}', "cohere").model == "command-r-plus-08-2024"

    def test_coheres_connectors_are_unbounded(self) -> None:
        body = b'{"message":"hi","connectors":[{"id":"web-search"}]}'
        assert read("cohere.chat", body, "cohere").unbounded == ("connectors",)

    @pytest.mark.parametrize(("thinking", "left"), [(30, 70), (500, 100)])
    def test_coheres_thinking_and_text_fit_together(self, thinking: int, left: int) -> None:
        body = chat(max_tokens=900, thinking={"type": "enabled", "token_budget": thinking})
        assert amended("cohere.chat", body, "cohere", 100)["max_tokens"] == left

    @pytest.mark.parametrize(
        ("members", "streams", "bound"),
        [
            ({}, True, None),
            ({"stream": False, "options": {"num_predict": 5}}, False, 5),
            ({"options": {"num_predict": -1}}, True, None),
        ],
    )
    def test_ollama_streams_unless_told_not_to(
        self, members: dict[str, Any], streams: bool, bound: int | None
    ) -> None:
        call = read("ollama.chat", chat(**members), "ollama")
        assert (call.streaming, call.output_tokens_max) == (streams, bound)

    def test_ollama_is_bounded_in_its_options(self) -> None:
        body = amended("ollama.chat", chat(options={"num_predict": -1, "seed": 1}), "ollama", 9)
        assert body["options"] == {"num_predict": 9, "seed": 1}


WORDS = [
    *("type", "id", "model", "usage", "choices", "delta", "message", "content", "tool_calls"),
    *("function", "name", "error", "response", "output", "candidates", "parts", "functionCall"),
    *("usageMetadata", "promptTokenCount", "promptTokensDetails", "modality", "tokenCount"),
    *("metadata", "inputTokens", "cacheDetails", "toolUse", "start", "billed_units", "meta"),
    *("eval_count", "done", "text", "contentBlockStart", "results", "outputs", "x_groq"),
    *("usage_breakdown", "models", "cost", "is_byok", "cost_details", "predictions", "embeddings"),
    *("input_tokens", "output_tokens", "input_tokens_details", "text_tokens", "svg_usage"),
    *("seconds", "duration", "interaction", "event_type", "steps", "step", "status"),
    *("total_input_tokens", "total_output_tokens", "total_cached_tokens", "usage_info"),
    *("pages_processed", "grounding_tool_count", "prompt_tokens", "prompt_audio_seconds"),
    *("amazon-bedrock-invocationMetrics", "inputTokenCount", "finishReason", "event_type"),
]
KINDS = [
    *("message_start", "message_delta", "message-end", "stream-end", "message", "error"),
    *("image_generation.completed", "speech.audio.done", "transcript.text.done", "tokens"),
    *("interaction.completed", "step.start", "function_call", "duration"),
    *("response.completed", "tool-call-start", "content_block_start", "text-generation"),
]
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
junk = st.recursive(
    scalars | st.sampled_from(KINDS),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5)
    ),
    max_leaves=16,
)
framed = st.one_of(
    st.binary(max_size=40),
    junk.map(lambda value: sse(json.dumps(value).encode())),
    junk.map(lambda value: json.dumps(value).encode() + b"\n"),
    junk.map(lambda value: frame("metadata", value)),
    junk.map(lambda value: frame("chunk", {"bytes": value})),
    junk.map(chunk),
    junk.map(lambda value: json.dumps([value, value]).encode()),
)
TYPES = [
    *("text/event-stream", "application/json", "application/x-ndjson", ""),
    "application/vnd.amazon.eventstream",
]


def sample(name: FormatName) -> tuple[str, bytes]:
    """A body and its content type; a chat that streams."""
    content_type, body = SAMPLES[name]
    return (content_type, chat(stream=True)) if name == "openai.chat" else (content_type, body)


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from(NAMES),
    st.sampled_from(["openai", "openrouter", "x-ai", "google", "aws", "groq"]),
    st.lists(framed, max_size=4).map(b"".join),
    st.sampled_from(TYPES),
    st.lists(st.integers(1, 30), max_size=15),
    st.dictionaries(
        st.sampled_from([f"x-amzn-bedrock-{n}-token-count" for n in ("input", "output")]),
        st.text(max_size=20),
    ),
)
def test_nothing_any_provider_sends_raises_or_depends_on_its_cuts(
    name: FormatName,
    provider: str,
    data: bytes,
    answer_type: str,
    cuts: list[int],
    headers: dict[str, str],
) -> None:
    wire = format_named(name, provider)
    content_type, body = sample(name)
    call = read(name, body, provider, content_type=content_type)
    headers = {"content-type": answer_type} | headers
    whole, pieced = wire.answer_reader(call, headers), wire.answer_reader(call, headers)
    assert whole.feed(data) + whole.close() == data
    out, at = b"", 0
    for cut in cuts:
        out += pieced.feed(data[at : at + cut])
        at += cut
    assert out + pieced.feed(data[at:]) + pieced.close() == data
    told = [
        (r.usage, r.model, r.tool_calls, r.output_seen, r.error, r.complete)
        for r in (whole, pieced)
    ]
    assert told[0] == told[1]
    usage = whole.usage
    if usage is not None:
        counts = (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens)
        assert min(*counts, usage.cache_write_5m_tokens, usage.cache_write_1h_tokens) >= 0
        assert usage.cache_read_tokens <= usage.input_tokens
        assert min(usage.input_audio_tokens, usage.input_image_tokens, usage.reasoning_tokens) >= 0


members = st.dictionaries(
    st.sampled_from(
        [
            *("model", "messages", "contents", "generationConfig", "tools", "system", "max_tokens"),
            *("inferenceConfig", "toolConfig", "additionalModelRequestFields", "prompt", "input"),
            *("options", "thinking", "chat_history", "message", "texts", "documents", "images"),
            *("n", "quality", "partial_images", "image", "svg", "stream_format", "file", "url"),
            *("batch", "inputConfig", "input_config", "request", "params", "pages", "document"),
            *("generation_config", "background", "agent", "previous_interaction_id", "tools"),
            *("anthropic_version", "models", "serviceTier", "requests", "systemInstruction"),
        ]
    ),
    junk,
    max_size=6,
)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(NAMES),
    st.sampled_from(["openai", "azure", "openrouter", "google", "aws"]),
    members,
    st.integers(1, 100),
)
def test_no_request_raises_anything_but_bad_request(
    name: FormatName, provider: str, body: dict[str, Any], tokens: int
) -> None:
    wire = format_named(name, provider)
    data = json.dumps(
        {"model": "m", "messages": [], "message": "x", "max_tokens": 5} | body
    ).encode()
    try:
        call = read(name, data, provider)
        again = wire.amend(data, call, output_tokens=tokens, ask_usage=True)
        lowered = read(name, again, provider)
    except BadRequest:
        return
    assert lowered.digest == call.digest
    if not call.can_be_lowered:
        assert again == data or json.loads(again) == json.loads(data)
    elif lowered.output_tokens_max is not None and name != "bedrock.invoke":
        assert lowered.output_tokens_max <= max(tokens, 0)


FORMS: list[FormatName] = ["openai.images", "openai.transcription", "openai.video"]
fields = st.dictionaries(
    st.sampled_from(
        [
            *("model", "n", "quality", "stream", "partial_images", "prompt", "svg", "frame_count"),
            *("file", "image", "mask", "url", "chunking_strategy", "input_reference", "Model"),
        ]
    ),
    st.one_of(
        st.text(max_size=6),
        st.sampled_from(["1", "2", "true", "low", "gpt-image-1", "whisper-1"]),
        st.tuples(st.just("a.wav"), st.binary(max_size=60)),
        st.lists(st.text(max_size=3), max_size=2),
    ),
    max_size=6,
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(FORMS), st.sampled_from(["openai", "azure", "groq"]), fields, st.binary())
def test_no_form_raises_anything_but_bad_request(
    name: FormatName, provider: str, members: dict[str, Any], junk: bytes
) -> None:
    body = form(**{"model": "m"} | members)
    for data in (body, body[:-9] + junk, junk):
        try:
            call = read(name, data, provider, content_type=FORM)
        except BadRequest:
            continue
        assert call.unbounded or call.output_tokens_max is None or call.output_tokens_max > 0


@pytest.mark.parametrize(
    ("name", "body", "provider", "path", "can"),
    [
        ("openai.chat", chat(), "openai", "", True),
        ("openai.chat", chat(model="grok-4"), "x-ai", "", False),
        ("bedrock.invoke", b'{"prompt":"x"}', "aws", "/model/meta.llama3-x/invoke", True),
        ("bedrock.invoke", b'{"prompt":"x"}', "aws", "/model/new.vendor/invoke", False),
    ],
)
def test_a_call_says_whether_its_bound_can_be_lowered(
    name: FormatName, body: bytes, provider: str, path: str, can: bool
) -> None:
    assert read(name, body, provider, path).can_be_lowered is can
