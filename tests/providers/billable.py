"""Every path of every provider that may be billed, and what becomes of it (scenario C1).

One row: method, path, and the format that meters it, "socket:" and the format of its turns,
"free:kind", or "no:reason". Whoever drives the
table has a body for each row, in the content type that its clients send.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from tests.providers.bodies import (
    BOUNDARY,
    chat,
    converse,
    form,
    gemini,
    messages,
    responses,
    wav,
)

AWS = "bedrock-runtime.us-east-1.amazonaws.com"
MANTLE = "bedrock-mantle.us-east-1.api.aws"
VERTEX = "us-central1-aiplatform.googleapis.com"
GEMINI = "generativelanguage.googleapis.com"
PROJECT = "/v1/projects/p-1/locations/us-central1"

_COMPATIBLE = """
POST {base}/chat/completions                     openai.chat
POST {base}/responses                            openai.responses
POST {base}/completions                          openai.completions
POST {base}/embeddings                           openai.embeddings
POST {base}/images/generations                   openai.images
POST {base}/images/edits                         openai.images
POST {base}/audio/speech                         openai.speech
POST {base}/audio/transcriptions                 openai.transcription
POST {base}/audio/translations                   openai.transcription
GET  {base}/models                               free:models
POST {base}/something/new                        no:path_unsupported
"""
_MESSAGES = """
POST {base}/v1/messages                          anthropic.messages
POST {base}/v1/messages/count_tokens             anthropic.count_tokens
POST {base}/v1/messages/batches                  anthropic.batch
GET  {base}/v1/messages/batches/b_1/results      free:batches
POST {base}/v1/messages/batches/b_1/cancel       free:batches
"""
_FILES = """
POST {base}/files                                free:files
GET  {base}/files/file_1/content                 free:files
DELETE {base}/files/file_1                       free:files
"""
_BATCHES = """
POST {base}/batches                              openai.batch
GET  {base}/batches/b_1                          free:batches
POST {base}/batches/b_1/cancel                   free:batches
"""
_OPENAI = (
    _COMPATIBLE
    + _FILES
    + _BATCHES
    + """
POST {base}/images/variations                    openai.images
POST {base}/audio/voices                         no:audio
POST {base}/videos                               openai.video
POST {base}/videos/v_1/remix                     openai.video
POST {base}/videos/edits                         openai.video
GET  {base}/videos/v_1/content                   free:videos
DELETE {base}/videos/v_1                         free:videos
POST {base}/responses/compact                    openai.responses
POST {base}/responses/input_tokens               free:count_tokens
GET  {base}/responses/resp_1                     free:stored_response
POST {base}/responses/resp_1/cancel              free:stored_response
POST {base}/moderations                          free:moderation
POST {base}/agents                               no:stored_work
POST {base}/agents/a_1/runs                      no:stored_work
POST {base}/assistants                           no:stored_work
POST {base}/chatkit/sessions                     no:stored_work
POST {base}/containers                           no:stored_work
POST {base}/conversations                        no:stored_work
POST {base}/decisions                            no:stored_work
POST {base}/evals/e_1/runs                       no:stored_work
POST {base}/fine_tuning/jobs                     no:stored_work
POST {base}/live/sessions                        no:stored_work
POST {base}/live/sessions/s_1/attach             no:stored_work
POST {base}/realtime/calls                       no:stored_work
POST {base}/realtime/client_secrets              no:stored_work
POST {base}/realtime/transcription_sessions      no:stored_work
POST {base}/realtime/translations                no:stored_work
POST {base}/skills                               no:stored_work
POST {base}/threads/t_1/runs                     no:stored_work
POST {base}/uploads                              no:stored_work
POST {base}/vector_stores                        no:stored_work
POST {base}/vector_stores/vs_1/search            no:stored_work
WS   {base}/realtime?model=gpt-realtime          socket:openai.realtime
WS   {base}/responses                            socket:openai.responses
WS   {base}/live/sessions                        no:websocket
"""
)
_ANTHROPIC = (
    _MESSAGES
    + """
POST /v1/files                                   free:files
GET  /v1/files/file_1                            free:files
POST /v1/agents                                  no:stored_work
POST /v1/sessions                                no:stored_work
POST /v1/sessions/s_1/events                     no:stored_work
POST /v1/environments                            no:stored_work
POST /v1/deployments                             no:stored_work
POST /v1/dreams                                  no:stored_work
POST /v1/skills                                  no:stored_work
GET  /v1/models                                  free:models
POST /v1/complete                                no:path_unsupported
"""
)
_GOOGLE = """
POST {base}/models/gemini-2.5-flash:generateContent         gemini.generate
POST {base}/models/gemini-2.5-flash:streamGenerateContent   gemini.generate
POST {base}/models/gemini-2.5-flash:countTokens             gemini.count_tokens
POST {base}/models/gemini-embedding-001:embedContent        gemini.embed
POST {base}/models/gemini-embedding-001:batchEmbedContents  gemini.embed
POST {base}/models/gemini-embedding-001:asyncBatchEmbedContent gemini.predict
POST {base}/models/gemini-2.5-flash:batchGenerateContent    gemini.batch
POST {base}/models/imagen-4:predict                         gemini.predict
POST {base}/models/veo-3:predictLongRunning                 gemini.predict
POST {base}/models/g:generateContent:countTokens            no:path_unsupported
"""
_INTERACTIONS = """
POST /v1beta/interactions                        gemini.interactions
GET  /v1beta/interactions/i_1                    free:interactions
POST /v1beta/interactions/i_1/cancel             free:interactions
GET  /v1beta/batches/b_1                         free:batches
POST /v1beta/batches/b_1:cancel                  free:batches
GET  /v1beta/models/veo-3/operations/o_1         free:operations
POST /v1beta/cachedContents                      no:stored_work
POST /v1beta/fileSearchStores                    no:stored_work
POST /v1beta/tunedModels                         no:stored_work
POST /v1beta/agents                              no:stored_work
POST /upload/v1beta/files                        free:files
WS   /ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent socket:gemini.live
WS   //ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent socket:gemini.live
"""
_PARTNERS = f"""
POST {PROJECT}/publishers/google/models/text-embedding-005:predict      gemini.embed
POST {PROJECT}/publishers/anthropic/models/claude-x@1:rawPredict        anthropic.messages
POST {PROJECT}/publishers/anthropic/models/claude-x@1:streamRawPredict  anthropic.messages
POST {PROJECT}/publishers/anthropic/models/count-tokens:rawPredict      anthropic.count_tokens
POST {PROJECT}/publishers/mistralai/models/m:rawPredict                 no:partner_model
POST {PROJECT}/batchPredictionJobs                                      no:batch
POST {PROJECT}/tuningJobs                                               no:batch
POST {PROJECT}/endpoints/123:predict                                    no:path_unsupported
POST /v1beta1/publishers/google/models/gemini-2.5-flash:generateContent gemini.generate
WS   /ws/google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent  socket:gemini.live
"""
_BEDROCK = """
POST /model/us.amazon.nova-pro-v1%3A0/converse              bedrock.converse
POST /model/us.amazon.nova-pro-v1:0/converse-stream         bedrock.converse
POST /model/amazon.nova-pro-v1:0/invoke                     bedrock.invoke
POST /model/amazon.nova-pro-v1:0/invoke-with-response-stream bedrock.invoke
POST /model/amazon.nova-sonic-v1:0/invoke-with-bidirectional-stream no:audio
POST /model/amazon.nova-pro-v1:0/count-tokens               free:count_tokens
POST /async-invoke                                          no:batch
POST /guardrail/g/version/1/apply                           no:path_unsupported
POST /guardrail-checks/invoke                               no:path_unsupported
"""
_AZURE = """
POST /openai/responses                                      openai.responses
WS   /openai/realtime?deployment=d                          socket:openai.realtime
POST /models/chat/completions                               openai.chat
POST /openai/v1/video/generations/jobs                      no:path_unsupported
"""
_MISTRAL = """
POST /v1/fim/completions                         openai.completions
POST /v1/ocr                                     mistral.ocr
POST /v1/batch/jobs                              openai.batch
GET  /v1/batch/jobs/j_1                          free:batches
POST /v1/agents/completions                      no:stored_work
POST /v1/agents                                  no:stored_work
POST /v1/conversations                           no:stored_work
POST /v1/conversations/c_1                       no:stored_work
POST /v1/fine_tuning/jobs                        no:stored_work
POST /v1/libraries                               no:stored_work
POST /v1/moderations                             no:stored_work
POST /v1/chat/classifications                    no:stored_work
POST /v1/audio/voices                            no:audio
"""
_COHERE = """
POST /v2/chat                                    cohere.chat
POST /v1/chat                                    cohere.chat
POST /v2/embed                                   cohere.embed
POST /v1/embed                                   cohere.embed
POST /v2/rerank                                  cohere.rerank
POST /v1/tokenize                                free:tokenize
POST /v1/embed-jobs                              no:batch
POST /v1/generate                                no:path_unsupported
POST /v1/finetuning/finetuned-models             no:path_unsupported
"""
_OLLAMA = """
POST /api/chat                                   ollama.chat
POST /api/generate                               ollama.chat
POST /api/embed                                  ollama.embed
POST /api/embeddings                             ollama.embed
"""

_TABLE: tuple[tuple[str, tuple[str, ...], str, str], ...] = (
    ("openai", ("api.openai.com", "eu.api.openai.com"), "/v1", _OPENAI),
    ("openai-other", ("new.api.openai.com",), "", "POST /v1/responses no:provider_unsupported"),
    (
        "openai-chatgpt",
        ("chatgpt.com",),
        "/backend-api/codex",
        "POST {base}/responses openai.responses\nWS {base}/responses socket:openai.responses\n"
        "POST {base}/tasks no:path_unsupported",
    ),
    ("azure", ("res.openai.azure.com",), "/openai/v1", _OPENAI),
    ("azure", ("res.openai.azure.com",), "/openai/deployments/d", _COMPATIBLE),
    ("azure", ("res.services.ai.azure.com",), "/anthropic", _MESSAGES),
    ("azure", ("res.cognitiveservices.azure.com",), "", _AZURE),
    ("anthropic", ("api.anthropic.com",), "", _ANTHROPIC),
    ("anthropic-aws", ("aws-external-anthropic.us-east-1.api.aws",), "", _ANTHROPIC),
    ("anthropic-google", ("claude.googleapis.com",), "", _ANTHROPIC),
    ("google", (GEMINI,), "/v1beta", _GOOGLE + _INTERACTIONS),
    ("google", (GEMINI,), "/v1beta/openai", _COMPATIBLE),
    ("google", (VERTEX,), f"{PROJECT}/publishers/google", _GOOGLE + _PARTNERS),
    ("google", (VERTEX,), f"{PROJECT}/endpoints/openapi", _COMPATIBLE),
    (
        "google",
        ("cloudcode-pa.googleapis.com",),
        "",
        "POST /v1internal:generateContent no:path_unsupported",
    ),
    ("aws", (AWS,), "", _BEDROCK),
    (
        "aws",
        ("bedrock-agent-runtime.us-east-1.amazonaws.com",),
        "",
        "POST /agents/a/agentAliases/b/sessions/c/text no:path_unsupported",
    ),
    ("aws", (MANTLE,), "/openai/v1", _COMPATIBLE),
    ("aws", (MANTLE,), "/anthropic", _MESSAGES),
    ("mistral", ("api.mistral.ai", "codestral.mistral.ai"), "/v1", _COMPATIBLE + _FILES),
    ("mistral", ("api.mistral.ai",), "", _MISTRAL),
    ("cohere", ("api.cohere.com", "api.cohere.ai"), "", _COHERE),
    ("cohere", ("api.cohere.com",), "/compatibility/v1", _COMPATIBLE),
    ("groq", ("api.groq.com",), "/openai/v1", _COMPATIBLE + _FILES + _BATCHES),
    ("deepseek", ("api.deepseek.com",), "", _COMPATIBLE),
    ("deepseek", ("api.deepseek.com",), "/beta", "POST {base}/completions openai.completions"),
    ("deepseek", ("api.deepseek.com",), "/anthropic", _MESSAGES),
    ("x-ai", ("api.x.ai", "eu-west-1.api.x.ai"), "/v1", _COMPATIBLE),
    ("x-ai", ("api.x.ai",), "", _MESSAGES + "WS /v1/realtime socket:openai.realtime"),
    ("x-ai", ("api.x.ai",), "", "GRPC /xai_api.Chat/GetCompletion no:grpc"),
    ("openrouter", ("openrouter.ai",), "/api/v1", _COMPATIBLE),
    ("openrouter", ("openrouter.ai",), "/api", _MESSAGES),
    ("together", ("api.together.xyz", "api.together.ai"), "/v1", _COMPATIBLE + _FILES + _BATCHES),
    ("together", ("api.together.xyz",), "", "POST /v1/rerank cohere.rerank"),
    ("ollama", ("ollama.com",), "", _OLLAMA),
    ("ollama", ("ollama.com",), "/v1", _COMPATIBLE),
    (
        "github-copilot",
        ("api.githubcopilot.com", "api.business.githubcopilot.com", "copilot-api.corp.example"),
        "",
        _COMPATIBLE + _MESSAGES,
    ),
    ("cerebras", ("api.cerebras.ai",), "/v1", _COMPATIBLE),
    ("fireworks", ("api.fireworks.ai",), "/inference/v1", _COMPATIBLE),
    ("fireworks", ("api.fireworks.ai",), "/inference", _MESSAGES),
    ("perplexity", ("api.perplexity.ai",), "", _COMPATIBLE),
    ("moonshotai", ("api.moonshot.ai", "api.moonshot.cn"), "/v1", _COMPATIBLE),
    ("moonshotai", ("api.moonshot.ai",), "/anthropic", _MESSAGES),
    ("zai", ("api.z.ai",), "/api/paas/v4", _COMPATIBLE),
    ("zai", ("api.z.ai",), "/api/anthropic", _MESSAGES),
    ("zhipuai", ("open.bigmodel.cn",), "/api/paas/v4", _COMPATIBLE),
    ("huggingface", ("router.huggingface.co",), "/v1", _COMPATIBLE),
    (
        "huggingface_together",
        ("router.huggingface.co",),
        "",
        "POST /together/v1/chat/completions openai.chat",
    ),
    ("dashscope", ("dashscope-intl.aliyuncs.com",), "/compatible-mode/v1", _COMPATIBLE),
    (
        "dashscope",
        ("dashscope.aliyuncs.com",),
        "",
        "POST /api/v1/services/aigc/x no:path_unsupported",
    ),
    ("nvidia", ("integrate.api.nvidia.com",), "/v1", _COMPATIBLE),
    ("baseten", ("inference.baseten.co",), "/v1", _COMPATIBLE),
    ("novita", ("api.novita.ai",), "/openai/v1", _COMPATIBLE),
    ("vercel", ("ai-gateway.vercel.sh",), "/v1", _COMPATIBLE),
    ("vercel", ("ai-gateway.vercel.sh",), "", "POST /v3/ai/language-model no:path_unsupported"),
    ("opencode", ("opencode.ai",), "/zen/v1", _COMPATIBLE),
    ("opencode", ("opencode.ai",), "/zen", _MESSAGES),
    (
        "databricks",
        ("w.model-serving.databricks.com",),
        "",
        "POST /serving-endpoints/chat/completions openai.chat",
    ),
    (
        "voyageai",
        ("api.voyageai.com",),
        "/v1",
        "POST {base}/embeddings openai.embeddings\nPOST {base}/rerank cohere.rerank\n"
        "POST {base}/multimodalembeddings no:path_unsupported",
    ),
    (
        "cloudflare",
        ("gateway.ai.cloudflare.com",),
        "",
        "POST /v1/a/g/openai/chat/completions no:provider_unsupported",
    ),
    (
        "replicate",
        ("api.replicate.com",),
        "",
        "POST /v1/predictions no:provider_unsupported",
    ),
    (
        "elevenlabs",
        ("api.elevenlabs.io",),
        "",
        "POST /v1/text-to-speech/v no:provider_unsupported",
    ),
    ("fal", ("queue.fal.run",), "", "POST /fal-ai/flux no:provider_unsupported"),
)


@dataclass(frozen=True, slots=True)
class Billable:
    provider: str
    host: str
    method: str
    """GET, POST or DELETE; a WebSocket is a GET with `upgrade`."""
    path: str
    outcome: str
    """A format, "socket:format", "free:kind" or "no:reason"."""
    content_type: str
    body: bytes
    """One that the format can read; `{}` where none is read."""
    is_socket: bool = False

    @property
    def headers(self) -> dict[str, str]:
        if self.is_socket:
            return {"upgrade": "websocket", "connection": "Upgrade"}
        return {"content-type": self.content_type} if self.method == "POST" else {}


JSON = "application/json"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


def _json(**members: object) -> tuple[str, bytes]:
    return JSON, json.dumps(members).encode()


SAMPLES: dict[str, tuple[str, bytes]] = {
    "openai.chat": (JSON, chat(max_tokens=10)),
    "openai.responses": (JSON, responses(max_output_tokens=20)),
    "openai.completions": _json(model="davinci-002", prompt="Say hi."),
    "openai.embeddings": _json(model="text-embedding-3-small", input="hi"),
    "openai.images": _json(model="gpt-image-1-mini", prompt="A bird.", quality="low"),
    "openai.speech": _json(model="tts-1", input="Hello.", voice="alloy"),
    "openai.transcription": (FORM, form(model="whisper-1", file=("a.wav", wav(8_000)))),
    "openai.video": _json(model="sora-2", prompt="A bird flies.", seconds="4"),
    "openai.batch": _json(input_file_id="file_1", endpoint="/v1/chat/completions"),
    "anthropic.messages": (JSON, messages()),
    "anthropic.count_tokens": (JSON, messages()),
    "anthropic.batch": _json(
        requests=[{"custom_id": "a", "params": json.loads(messages(max_tokens=50))}]
    ),
    "gemini.generate": (JSON, gemini(generationConfig={"maxOutputTokens": 20})),
    "gemini.count_tokens": (JSON, gemini()),
    "gemini.embed": _json(content={"parts": [{"text": "hi"}]}),
    "gemini.batch": _json(
        batch={"inputConfig": {"requests": {"requests": [{"request": json.loads(gemini())}]}}}
    ),
    "gemini.interactions": _json(
        model="gemini-2.5-flash", input="Say hi.", generation_config={"max_output_tokens": 20}
    ),
    "gemini.predict": _json(instances=[{"prompt": "A bird."}]),
    "bedrock.converse": (JSON, converse(inferenceConfig={"maxTokens": 20})),
    "bedrock.invoke": _json(messages=[{"role": "user", "content": [{"text": "hi"}]}]),
    "cohere.chat": (JSON, chat(model="command-a-03-2025", max_tokens=10)),
    "cohere.embed": _json(model="embed-v4.0", texts=["hi"], input_type="search_query"),
    "cohere.rerank": _json(model="rerank-v3.5", query="bird", documents=["wren"]),
    "mistral.ocr": _json(
        model="mistral-ocr-2512",
        document={"type": "image_url", "image_url": "https://images.example/a.png"},
    ),
    "ollama.chat": (JSON, chat(model="llama3.3")),
    "ollama.embed": _json(model="nomic-embed-text", input=["hi"]),
}
"""A body for each format, as its own clients send it."""


def _rows() -> Iterator[Billable]:
    for provider, hosts, base, table in _TABLE:
        for line in table.format(base=base).strip().splitlines():
            if not line:
                continue
            method, path, outcome = line.split()
            content_type, body = SAMPLES.get(outcome, (JSON, b"{}"))
            if method == "GRPC":
                content_type = "application/grpc"
            if path.endswith("/images/edits"):
                content_type = FORM
                picture = ("a.png", b"\x89PNG")
                body = form(model="gpt-image-1-mini", prompt="Bluer.", image=picture)
            for host in hosts:
                yield Billable(
                    provider=provider,
                    host=host,
                    method={"WS": "GET", "GRPC": "POST"}.get(method, method),
                    path=path,
                    outcome=outcome,
                    content_type=content_type,
                    body=body,
                    is_socket=method == "WS",
                )


BILLABLE: tuple[Billable, ...] = tuple(_rows())
