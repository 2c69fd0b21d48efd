"""In which shape a refusal must come, told from host, path and headers."""

import pytest

from proxy.providers.recognise import recognise
from proxy.providers.wires import wire_of

JSON = {"content-type": "application/json"}
SOCKET = {"upgrade": "websocket", "connection": "Upgrade"}
GEMINI = "generativelanguage.googleapis.com"
STREAM = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
BEDROCK = "bedrock-runtime.eu-central-1.amazonaws.com"


@pytest.mark.parametrize(
    ("host", "path", "wire"),
    [
        ("api.openai.com", "/v1/chat/completions", "openai.chat"),
        ("api.openai.com", "/v1/audio/speech", "openai.speech"),
        ("api.openai.com", "/v1/responses/compact", "openai.responses"),
        ("chatgpt.com", "/backend-api/codex/responses", "openai.responses"),
        ("chatgpt.com", "/backend-api/other", "openai.other"),
        ("api.anthropic.com", "/v1/complete", "anthropic.other"),
        ("aws-external-anthropic.us-east-1.api.aws", "/v1/agents", "anthropic.other"),
        (GEMINI, "/v1beta/models/gemini-2.5-flash:generateContent", "gemini.generate"),
        (GEMINI, STREAM + "?alt=sse", "gemini.generate"),
        (GEMINI, STREAM + "?x=1&alt=sse", "gemini.generate"),
        (GEMINI, STREAM, "gemini.array"),
        (GEMINI, STREAM + "?salt=sse", "gemini.array"),
        (GEMINI, "/v1beta/interactions", "gemini.interactions"),
        (GEMINI, "/v1beta/openai/audio/speech", "openai.speech"),
        ("aiplatform.googleapis.com", "/v1/projects/p/locations/l/endpoints/openapi/x",
         "openai.other"),
        (BEDROCK, "/model/amazon.nova-lite-v1%3A0/converse", "bedrock.converse"),
        (BEDROCK, "/async-invoke", "bedrock.other"),
        (BEDROCK, "/openai/v1/images/x", "openai.other"),
        (BEDROCK, "/anthropic/v1/messages/batches", "anthropic.batch"),
        ("acme.openai.azure.com", "/openai/deployments/d/audio/speech", "openai.speech"),
        ("acme.services.ai.azure.com", "/anthropic/v1/files", "anthropic.other"),
        ("api.cohere.com", "/v2/chat", "cohere.chat"),
        ("api.cohere.com", "/v1/connectors", "cohere.other"),
        ("api.cohere.com", "/compatibility/v1/images/x", "openai.other"),
        ("api.mistral.ai", "/v1/chat/completions", "mistral.chat"),
        ("api.mistral.ai", "/v1/ocr", "mistral.ocr"),
        ("openrouter.ai", "/api/v1/chat/completions", "openrouter.chat"),
        ("openrouter.ai", "/api/v1/messages", "anthropic.messages"),
        ("openrouter.ai", "/api/v1/keys", "openrouter.other"),
        ("api.groq.com", "/openai/v1/audio/speech", "openai.speech"),
        ("api.deepseek.com", "/anthropic/v1/messages", "anthropic.messages"),
        ("api.deepseek.com", "/anthropic/v1/x", "anthropic.other"),
        ("api.x.ai", "/v1/images/generations", "openai.images"),
        ("ollama.com", "/api/chat", "ollama.chat"),
        ("ollama.com", "/api/push", "ollama.other"),
        ("api.elevenlabs.io", "/v1/text-to-speech/x", "http"),
        ("a.test", "/v1/messages", "http"),
    ],
)  # fmt: skip
def test_a_refusal_speaks_the_language_of_its_path(host: str, path: str, wire: str) -> None:
    seen = recognise(host, 443, "POST", path, JSON)
    assert wire_of(seen, path, JSON) == wire


@pytest.mark.parametrize("kind", ["application/grpc", "application/grpc+proto; x=1"])
@pytest.mark.parametrize("host", ["api.x.ai", "a.test"])
def test_grpc_is_grpc_everywhere(host: str, kind: str) -> None:
    headers = {"content-type": kind}
    path = "/xai_api.Chat/GetCompletion"
    assert wire_of(recognise(host, 443, "POST", path, headers), path, headers) == "grpc.call"


def test_grpc_for_browsers_is_another_thing() -> None:
    headers = {"content-type": "application/grpc-web"}
    assert wire_of(recognise("a.test", 443, "POST", "/x", headers), "/x", headers) == "http"


@pytest.mark.parametrize("host", ["api.openai.com", "gateway.test"])
def test_a_socket_of_the_responses_api_is_told_so(host: str) -> None:
    seen = recognise(host, 443, "GET", "/v1/responses", SOCKET)
    assert wire_of(seen, "/v1/responses", SOCKET) == "openai.responses"
