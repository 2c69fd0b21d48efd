"""What a request is, told from its envelope."""

import json

import pytest

from proxy.providers.call import FormatName
from proxy.providers.formats import FORMATS, format_named
from proxy.providers.paths import RULES
from proxy.providers.recognise import (
    Free,
    Known,
    NeedsShape,
    NotModel,
    Recognised,
    Socket,
    Unsupported,
    recognise,
    recognise_shape,
)
from tests.providers.billable import BILLABLE, SAMPLES, Billable

JSON = {"content-type": "application/json"}
SOCKET = {"upgrade": "websocket", "connection": "Upgrade"}


@pytest.mark.parametrize(
    ("host", "method", "path", "headers", "expected"),
    [
        ("api.openai.com", "POST", "/v1/chat/completions", JSON, Known("openai", "openai.chat")),
        ("eu.api.openai.com", "POST", "/v1/responses", JSON, Known("openai", "openai.responses")),
        (
            "API.OpenAI.com.",
            "POST",
            "/v1/embeddings?x=1",
            JSON,
            Known("openai", "openai.embeddings"),
        ),
        (
            "api.anthropic.com",
            "POST",
            "/v1/messages?beta=true",
            JSON,
            Known("anthropic", "anthropic.messages"),
        ),
        (
            "api.anthropic.com",
            "POST",
            "/v1/messages/count_tokens",
            JSON,
            Known("anthropic", "anthropic.count_tokens"),
        ),
        ("api.openai.com", "GET", "/v1/models?client_version=1", {}, Free("openai", "models")),
        ("api.anthropic.com", "HEAD", "/", {}, Free("anthropic", "reachability")),
        (
            "api.anthropic.com",
            "POST",
            "/api/event_logging/v2/batch",
            JSON,
            Free("anthropic", "claude_code"),
        ),
        ("api.openai.com", "GET", "/v1/responses/resp_1", {}, Free("openai", "stored_response")),
        (
            "api.openai.com",
            "GET",
            "/v1/chat/completions",
            {},
            Unsupported("openai", "path_unsupported"),
        ),
        (
            "api.openai.com",
            "POST",
            "/v1/chat/completions/",
            JSON,
            Unsupported("openai", "path_unsupported"),
        ),
        (
            "api.openai.com",
            "POST",
            "/V1/chat/completions",
            JSON,
            Unsupported("openai", "path_unsupported"),
        ),
        (
            "api.openai.com",
            "POST",
            "/v1/chat%2fcompletions",
            JSON,
            Unsupported("openai", "path_ambiguous"),
        ),
        (
            "api.openai.com",
            "GET",
            "/v1/models/%2e%2e/responses",
            {},
            Unsupported("openai", "path_ambiguous"),
        ),
        (
            "api.openai.com",
            "POST",
            "/v1//chat/completions",
            JSON,
            Unsupported("openai", "path_ambiguous"),
        ),
        (
            "api.openai.com",
            "POST",
            "/v1/x/../responses",
            JSON,
            Unsupported("openai", "path_ambiguous"),
        ),
        (
            "api.openai.com",
            "POST",
            "/v1/..;/responses",
            JSON,
            Unsupported("openai", "path_ambiguous"),
        ),
        ("api.openai.com", "GET", "/v1/responses", SOCKET, Socket("openai", "openai.responses")),
        (
            "api.openai.com",
            "GET",
            "/v1/realtime?model=x",
            SOCKET,
            Socket("openai", "openai.realtime"),
        ),
        (
            "new.api.openai.com",
            "POST",
            "/v1/responses",
            JSON,
            Unsupported("openai-other", "provider_unsupported"),
        ),
        (
            "api.x.ai",
            "POST",
            "/xai_api.Chat/Get",
            {"content-type": "application/grpc"},
            Unsupported("x-ai", "grpc"),
        ),
        (
            "generativelanguage.googleapis.com",
            "POST",
            "/v1/models/g:generateContent",
            JSON,
            Known("google", "gemini.generate"),
        ),
        (
            "europe-west1-aiplatform.googleapis.com",
            "POST",
            "/v1/x",
            JSON,
            Unsupported("google", "path_unsupported"),
        ),
        (
            "bedrock-runtime.us-east-1.amazonaws.com",
            "POST",
            "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fm/invoke",
            JSON,
            Known("aws", "bedrock.invoke"),
        ),
        (
            "bedrock-runtime-fips.us-gov-east-1.amazonaws.com",
            "POST",
            "/m",
            JSON,
            Unsupported("aws", "path_unsupported"),
        ),
        (
            "res.openai.azure.com",
            "POST",
            "/openai/deployments/d/chat/completions",
            JSON,
            Known("azure", "openai.chat"),
        ),
        ("localhost", "POST", "/api/chat", JSON, NotModel()),
        ("openrouter.ai", "GET", "/docs", {}, NotModel()),
        (
            "openrouter.ai",
            "POST",
            "/api/v1/chat/completions",
            JSON,
            Known("openrouter", "openai.chat"),
        ),
        ("api.openai.com.evil.com", "GET", "/v1/models", {}, NotModel()),
        ("notapi.openai.com", "GET", "/v1/models", {}, NotModel()),
        ("evilopenai.azure.com", "GET", "/", {}, NotModel()),
        ("llm.example", "POST", "/v1/chat/completions", {}, NeedsShape()),
        ("api.example", "POST", "/orders", JSON, NeedsShape()),
        ("api.example", "POST", "/upload", {"content-type": "text/csv"}, NotModel()),
        ("gw.example", "GET", "/openai/v1/realtime", SOCKET, Unsupported("unknown", "websocket")),
        ("chat.example", "GET", "/socket", SOCKET, NotModel()),
    ],
)
def test_the_envelope_says_what_the_call_is(
    host: str, method: str, path: str, headers: dict[str, str], expected: Recognised
) -> None:
    found = recognise(host, 8080 if host == "localhost" else 443, method, path, headers)
    if host == "localhost":
        assert found == NeedsShape()
        assert recognise(host, 11434, method, path, headers) == Known("ollama", "ollama.chat")
    else:
        assert found == expected


GATEWAY = Unsupported("unknown", "unlisted_gateway")


def its_own(name: FormatName) -> Known:
    """A host that no table lists is a provider by its own authority."""
    return Known("llm.example:8443", name)


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/v1/chat/completions", {"model": "m", "messages": []}, its_own("openai.chat")),
        ("/v1/audio/transcriptions", b"--b\r\n", its_own("openai.transcription")),
        ("/v1/images/generations", {"prompt": "x"}, its_own("openai.images")),
        ("/v1//audio/speech", {"model": "m", "input": "x"}, GATEWAY),
        ("/v1/responses?x=1", {"model": "m", "input": "x"}, its_own("openai.responses")),
        ("/v1/completions", {"model": "m", "prompt": "x"}, its_own("openai.completions")),
        ("/v1/embeddings", {"model": "m", "input": "x"}, its_own("openai.embeddings")),
        ("/v1/messages", {"model": "m", "messages": []}, its_own("anthropic.messages")),
        ("/v1//chat/completions", {"model": "m", "messages": []}, GATEWAY),
        ("/v1/chat/completions", {"messages": [{"role": "user"}]}, GATEWAY),
        ("/anything", {"model": "m", "messages": [{"role": "user", "content": "x"}]}, GATEWAY),
        ("/v1/models/g:generateContent", {"contents": []}, GATEWAY),
        ("/orders", {"model": "Roadster", "input": "x"}, NotModel()),
        ("/orders", {"messages": [{"text": "x"}]}, NotModel()),
        ("/v1/completions", b'{"model": "m", "prompt": ', GATEWAY),
        ("/orders", b'{"model": ', NotModel()),
        ("/v1/messages", b"\xff\xfe{", GATEWAY),
        ("/orders", b"[1]", NotModel()),
    ],
)
def test_the_body_decides_on_an_unlisted_host(
    path: str, body: object, expected: Known | Unsupported | NotModel
) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    assert recognise_shape("llm.example", 8443, path, data) == expected


def what(seen: Recognised) -> str:
    match seen:
        case Known(format=name):
            return name
        case Socket(dialogue=name):
            return f"socket:{name}"
        case Free(kind=kind):
            return f"free:{kind}"
        case Unsupported(reason=reason):
            return f"no:{reason}"
        case _:
            return "nothing"


@pytest.mark.parametrize("row", BILLABLE, ids=lambda row: f"{row.host}{row.path}")
def test_every_billable_path_is_metered_or_refused_with_a_reason(row: Billable) -> None:
    seen = recognise(row.host, 443, row.method, row.path, row.headers)
    assert (what(seen), getattr(seen, "provider", None)) == (row.outcome, row.provider)
    if isinstance(seen, Known):
        wire = format_named(seen.format, seen.provider)
        call = wire.read_request(row.body, row.path, row.content_type)
        assert (call.provider, call.format) == (row.provider, row.outcome)


def test_every_provider_and_every_format_has_a_row() -> None:
    assert RULES.keys() - {row.provider for row in BILLABLE} == set()
    assert FORMATS.keys() - {row.outcome for row in BILLABLE} == set()
    assert SAMPLES.keys() == FORMATS.keys()


def test_a_sellers_path_at_hugging_face_names_the_seller() -> None:
    found = recognise("router.huggingface.co", 443, "POST", "/together/v1/chat/completions", JSON)
    assert found == Known("huggingface_together", "openai.chat")
