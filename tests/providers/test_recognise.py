"""What a request is, told from its envelope."""

import json

import pytest

from proxy.providers.call import FormatName
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
            Unsupported("openai", "images"),
        ),
        ("api.openai.com", "POST", "/v1/batches", JSON, Unsupported("openai", "batch")),
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


AWS = "bedrock-runtime.us-east-1.amazonaws.com"
VERTEX = "us-central1-aiplatform.googleapis.com"
PROJECT = "/v1/projects/p-1/locations/us-central1"

BILLABLE = """
api.openai.com          /v1/chat/completions                  openai.chat
api.openai.com          /v1/responses                         openai.responses
api.openai.com          /v1/completions                       openai.completions
api.openai.com          /v1/embeddings                        openai.embeddings
api.openai.com          /v1/images/edits                      no:images
api.openai.com          /v1/audio/speech                      no:audio
api.openai.com          /v1/audio/transcriptions              no:audio
api.openai.com          /v1/videos                            no:video
api.openai.com          /v1/batches                           no:batch
api.openai.com          /v1/decisions                         no:stored_work
api.openai.com          /v1/conversations                     no:stored_work
api.openai.com          /v1/threads/t/runs                    no:stored_work
api.openai.com          /v1/fine_tuning/jobs                  no:stored_work
api.openai.com          /v1/vector_stores/v/search            no:stored_work
api.openai.com          /v1/realtime/client_secrets           no:stored_work
api.openai.com          /v1/responses/compact                 no:stored_work
api.openai.com          /v1/moderations                       free:moderation
api.openai.com          /v1/something/new                     no:path_unsupported
chatgpt.com             /backend-api/codex/responses          openai.responses
api.anthropic.com       /v1/messages                          anthropic.messages
api.anthropic.com       /v1/messages/batches                  no:batch
api.anthropic.com       /v1/sessions                          no:stored_work
api.anthropic.com       /v1/files                             free:files
claude.googleapis.com   /v1/messages                          anthropic.messages
generativelanguage.googleapis.com /v1beta/models/g-1.5:generateContent        gemini.generate
generativelanguage.googleapis.com /v1beta/models/g-1.5:streamGenerateContent  gemini.generate
generativelanguage.googleapis.com /v1beta/models/g-1.5:countTokens            gemini.count_tokens
generativelanguage.googleapis.com /v1beta/models/g-1.5:batchEmbedContents     gemini.embed
generativelanguage.googleapis.com /v1beta/models/g-1.5:batchGenerateContent   no:batch
generativelanguage.googleapis.com /v1beta/models/veo:predictLongRunning       no:video
generativelanguage.googleapis.com /v1beta/models/g:generateContent:countTokens no:path_unsupported
generativelanguage.googleapis.com /v1beta/openai/chat/completions             openai.chat
generativelanguage.googleapis.com /v1beta/interactions                        no:stored_work
generativelanguage.googleapis.com /v1beta/cachedContents                      no:stored_work
{VERTEX} {PROJECT}/publishers/google/models/g:generateContent                 gemini.generate
{VERTEX} /v1beta1/publishers/google/models/g:streamGenerateContent            gemini.generate
{VERTEX} {PROJECT}/publishers/google/models/text-embedding-005:predict        gemini.embed
{VERTEX} {PROJECT}/publishers/google/models/imagen-4:predict                  no:path_unsupported
{VERTEX} {PROJECT}/publishers/anthropic/models/claude-x@1:rawPredict          anthropic.messages
{VERTEX} {PROJECT}/publishers/anthropic/models/claude-x@1:streamRawPredict    anthropic.messages
{VERTEX} {PROJECT}/publishers/anthropic/models/count-tokens:rawPredict        anthropic.count_tokens
{VERTEX} {PROJECT}/publishers/mistralai/models/m:rawPredict                   no:partner_model
{VERTEX} {PROJECT}/endpoints/openapi/chat/completions                         openai.chat
{AWS}                   /model/us.amazon.nova-pro-v1%3A0/converse             bedrock.converse
{AWS}                   /model/us.amazon.nova-pro-v1:0/converse-stream        bedrock.converse
{AWS}                   /model/m/invoke-with-response-stream                  bedrock.invoke
{AWS}                   /model/m/invoke-with-bidirectional-stream             no:audio
{AWS}                   /model/m/count-tokens                                 free:count_tokens
{AWS}                   /async-invoke                                         no:batch
{AWS}                   /guardrail/g/version/1/apply                          no:path_unsupported
bedrock-mantle.us-east-1.api.aws  /openai/v1/responses        openai.responses
bedrock-mantle.us-east-1.api.aws  /anthropic/v1/messages      anthropic.messages
res.openai.azure.com    /openai/v1/responses                  openai.responses
res.openai.azure.com    /openai/deployments/d/images/generations no:images
res.services.ai.azure.com /anthropic/v1/messages              anthropic.messages
api.mistral.ai          /v1/chat/completions                  openai.chat
codestral.mistral.ai    /v1/fim/completions                   openai.completions
api.mistral.ai          /v1/ocr                               no:stored_work
api.cohere.com          /v2/chat                              cohere.chat
api.cohere.ai           /v1/chat                              cohere.chat
api.cohere.com          /v2/embed                             cohere.embed
api.cohere.com          /v2/rerank                            cohere.rerank
api.cohere.com          /v1/tokenize                          free:tokenize
api.groq.com            /openai/v1/chat/completions           openai.chat
api.groq.com            /openai/v1/audio/transcriptions       no:audio
api.deepseek.com        /chat/completions                     openai.chat
api.deepseek.com        /anthropic/v1/messages                anthropic.messages
api.deepseek.com        /beta/completions                     openai.completions
api.x.ai                /v1/messages                          anthropic.messages
api.x.ai                /v1/images/generations                no:images
openrouter.ai           /api/v1/responses                     openai.responses
api.together.xyz        /v1/completions                       openai.completions
api.fireworks.ai        /inference/v1/chat/completions        openai.chat
api.cerebras.ai         /v1/chat/completions                  openai.chat
api.perplexity.ai       /chat/completions                     openai.chat
router.huggingface.co   /v1/chat/completions                  openai.chat
dashscope-intl.aliyuncs.com /compatible-mode/v1/chat/completions openai.chat
dashscope.aliyuncs.com  /api/v1/services/aigc/x               no:path_unsupported
api.z.ai                /api/paas/v4/chat/completions         openai.chat
api.z.ai                /api/anthropic/v1/messages            anthropic.messages
api.moonshot.ai         /v1/chat/completions                  openai.chat
integrate.api.nvidia.com /v1/chat/completions                 openai.chat
api.githubcopilot.com   /chat/completions                     openai.chat
api.githubcopilot.com   /v1/messages                          anthropic.messages
api.voyageai.com        /v1/rerank                            cohere.rerank
ollama.com              /api/chat                             ollama.chat
gateway.ai.cloudflare.com /v1/a/g/openai/chat/completions     no:provider_unsupported
"""


@pytest.mark.parametrize(
    "row",
    [
        line
        for line in BILLABLE.format(VERTEX=VERTEX, AWS=AWS, PROJECT=PROJECT).splitlines()
        if line
    ],
)
def test_every_billable_path_is_metered_or_refused_with_a_reason(row: str) -> None:
    host, path, expected = row.split()
    seen = recognise(host, 443, "POST", path, JSON)
    match seen:
        case Known(format=name):
            assert name == expected
        case Free(kind=kind):
            assert f"free:{kind}" == expected
        case Unsupported(reason=reason):
            assert f"no:{reason}" == expected
        case _:
            pytest.fail(f"{row} is {seen}")


def test_a_sellers_path_at_hugging_face_names_the_seller() -> None:
    found = recognise("router.huggingface.co", 443, "POST", "/together/v1/chat/completions", JSON)
    assert found == Known("huggingface_together", "openai.chat")
