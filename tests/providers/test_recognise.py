"""What a request is, told from its envelope."""

import json

import pytest

from proxy.providers.recognise import (
    Free,
    Known,
    NeedsShape,
    NotModel,
    Recognised,
    Unsupported,
    recognise,
    recognise_shape,
)

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
            "POST",
            "/v1/images/generations",
            JSON,
            Unsupported("openai", "path_unsupported"),
        ),
        ("api.openai.com", "POST", "/v1/batches", JSON, Unsupported("openai", "path_unsupported")),
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
        ("api.openai.com", "GET", "/v1/responses", SOCKET, Unsupported("openai", "websocket")),
        (
            "api.openai.com",
            "GET",
            "/v1/realtime?model=x",
            SOCKET,
            Unsupported("openai", "websocket"),
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
            Unsupported("google", "provider_unsupported"),
        ),
        (
            "europe-west1-aiplatform.googleapis.com",
            "POST",
            "/v1/x",
            JSON,
            Unsupported("google", "provider_unsupported"),
        ),
        (
            "bedrock-runtime.us-east-1.amazonaws.com",
            "POST",
            "/model/m/invoke",
            JSON,
            Unsupported("aws", "provider_unsupported"),
        ),
        (
            "bedrock-runtime-fips.us-gov-east-1.amazonaws.com",
            "POST",
            "/m",
            JSON,
            Unsupported("aws", "provider_unsupported"),
        ),
        (
            "res.openai.azure.com",
            "POST",
            "/openai/deployments/d/chat/completions",
            JSON,
            Unsupported("azure", "provider_unsupported"),
        ),
        ("localhost", "POST", "/api/chat", JSON, NotModel()),
        ("openrouter.ai", "GET", "/docs", {}, NotModel()),
        (
            "openrouter.ai",
            "POST",
            "/api/v1/chat/completions",
            JSON,
            Unsupported("openrouter", "provider_unsupported"),
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
        assert recognise(host, 11434, method, path, headers) == Unsupported(
            "ollama", "provider_unsupported"
        )
    else:
        assert found == expected


@pytest.mark.parametrize(
    ("path", "body", "is_model"),
    [
        ("/v1/chat/completions", {"model": "m", "messages": []}, True),
        ("/anything", {"model": "m", "messages": [{"role": "user", "content": "x"}]}, True),
        ("/v1/responses", {"model": "m", "input": "x"}, True),
        ("/v1/models/g:generateContent", {"contents": []}, True),
        ("/orders", {"model": "Roadster", "input": "x"}, False),
        ("/orders", {"messages": [{"text": "x"}]}, False),
        ("/v1/completions", b'{"model": "m", "prompt": ', True),
        ("/orders", b'{"model": ', False),
        ("/v1/messages", b"\xff\xfe{", True),
        ("/orders", b"[1]", False),
    ],
)
def test_the_body_decides_on_an_unlisted_host(path: str, body: object, is_model: bool) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    expected = Unsupported("unknown", "unlisted_gateway") if is_model else NotModel()
    assert recognise_shape(path, data) == expected
