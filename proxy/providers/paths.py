"""What each provider's paths are: metered, free, or refused with a reason (wire.md 1.1; pure).

Every pattern matches a whole path. A path that no rule names is refused: it may be billable
(scenario C1).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from proxy.providers.call import FormatName

Reason = Literal[
    "provider_unsupported",
    "path_unsupported",
    "path_ambiguous",
    "partner_model",
    "websocket",
    "grpc",
    "unlisted_gateway",
    "audio",
    "batch",
    "stored_work",
]


@dataclass(frozen=True, slots=True)
class Metered:
    """Has a reader."""

    format: FormatName


@dataclass(frozen=True, slots=True)
class Unbilled:
    """Costs nothing; policy may still refuse it by this kind."""

    kind: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Billed in a way that no bound can be stated for, or that no reader knows."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Rule:
    method: str
    """"*" for any."""
    path: re.Pattern[str]
    outcome: Metered | Unbilled | Refused


_ID = r"[A-Za-z0-9_.:@-]{1,256}"
_MODEL = r"[A-Za-z0-9_.@-]{1,256}"
"""Where a colon follows, and then a verb."""

Row = tuple[str, str, str]


def _rules(base: str, rows: Iterable[Row]) -> tuple[Rule, ...]:
    """Each row: method, path behind `base`, and format, "free:kind" or "no:reason"."""
    return tuple(
        Rule(method, re.compile(f"{base}{path}", re.ASCII), _outcome(what))
        for method, path, what in rows
    )


def _outcome(what: str) -> Metered | Unbilled | Refused:
    word, _, rest = what.partition(":")
    match word:
        case "free":
            return Unbilled(rest)
        case "no":
            return Refused(rest)  # type: ignore[arg-type]  # The tables below hold only reasons.
        case _:
            return Metered(what)  # type: ignore[arg-type]  # And names of formats.


_MODELS: tuple[Row, ...] = (("GET", rf"/models(/{_ID}){{0,3}}", "free:models"),)
_COMPATIBLE: tuple[Row, ...] = (
    ("POST", "/chat/completions", "openai.chat"),
    ("POST", "/responses", "openai.responses"),
    ("POST", "/completions", "openai.completions"),
    ("POST", "/embeddings", "openai.embeddings"),
    ("POST", "/images/(generations|edits|variations)", "openai.images"),
    ("POST", "/audio/speech", "openai.speech"),
    ("POST", "/audio/(transcriptions|translations)", "openai.transcription"),
    ("POST", "/audio/.*", "no:audio"),
    *_MODELS,
)
"""What any host that speaks OpenAI's language has, behind a base of its own."""

_FILES: tuple[Row, ...] = (
    ("GET", rf"/files(/{_ID}(/content)?)?", "free:files"),
    ("POST", "/files", "free:files"),
    ("DELETE", rf"/files/{_ID}", "free:files"),
)
_BATCHES: tuple[Row, ...] = (
    *_FILES,
    ("POST", "/batches", "openai.batch"),
    ("GET", rf"/batches(/{_ID})?", "free:batches"),
    ("POST", rf"/batches/{_ID}/cancel", "free:batches"),
)
"""Of those whose batches name a file of requests."""

_MESSAGES: tuple[Row, ...] = (
    ("POST", "/v1/messages", "anthropic.messages"),
    ("POST", "/v1/messages/count_tokens", "anthropic.count_tokens"),
    ("POST", "/v1/messages/batches", "anthropic.batch"),
    ("GET", rf"/v1/messages/batches(/{_ID}(/results)?)?", "free:batches"),
    ("POST", rf"/v1/messages/batches/{_ID}/cancel", "free:batches"),
    ("DELETE", rf"/v1/messages/batches/{_ID}", "free:batches"),
)
_OPENAI: tuple[Row, ...] = (
    *_COMPATIBLE,
    *_BATCHES,
    ("GET", rf"/responses/{_ID}(/input_items)?", "free:stored_response"),
    ("DELETE", rf"/responses/{_ID}", "free:stored_response"),
    ("POST", rf"/responses/{_ID}/cancel", "free:stored_response"),
    ("POST", "/responses/input_tokens", "free:count_tokens"),
    ("POST", "/moderations", "free:moderation"),
    ("POST", r"/videos(/[\w/-]+)?", "openai.video"),
    ("GET", rf"/videos(/{_ID}(/content)?)?", "free:videos"),
    ("DELETE", rf"/videos/{_ID}", "free:videos"),
    (
        "POST",
        r"/(agents|assistants|chatkit|containers|conversations|decisions|evals|fine_tuning|live"
        r"|realtime|skills|threads|uploads|vector_stores)(/.*)?",
        "no:stored_work",
    ),
    ("POST", "/responses/compact", "openai.responses"),
)
_ANTHROPIC: tuple[Row, ...] = (
    *_MESSAGES,
    ("GET", rf"/v1/models(/{_ID})?", "free:models"),
    ("GET", rf"/v1/files(/{_ID}(/content)?)?", "free:files"),
    ("POST", "/v1/files", "free:files"),
    ("DELETE", rf"/v1/files/{_ID}", "free:files"),
    (
        "POST",
        r"/v1/(agents|sessions|environments|deployments|dreams|skills)(/.*)?",
        "no:stored_work",
    ),
)
_CLAUDE_CODE: Row = (
    "*",
    r"/(api/(hello|(eval|claude_code|claude_cli|event_logging|oauth)/[\w./-]+)"
    r"|mcp-registry/[\w./-]+)",
    "free:claude_code",
)
"""Claude Code's own traffic carries no prompt (wire.md 2.5)."""

_GEMINI: tuple[Row, ...] = (
    ("POST", ":(generateContent|streamGenerateContent)", "gemini.generate"),
    ("POST", ":countTokens", "gemini.count_tokens"),
    ("POST", ":(embedContent|batchEmbedContents)", "gemini.embed"),
    ("POST", ":batchGenerateContent", "gemini.batch"),
    ("POST", ":(predict|predictLongRunning|asyncBatchEmbedContent)", "gemini.predict"),
    ("POST", ":fetchPredictOperation", "free:operations"),
    ("GET", "", "free:models"),
)
_PROJECT = r"/v1(beta1)?(/projects/[\w-]+/locations/[\w-]+)?"
_GOOGLE = (
    *_rules(rf"/v1(alpha|beta)?/(models|tunedModels)/{_MODEL}", _GEMINI),
    *_rules(
        rf"{_PROJECT}/publishers/google/models/[a-z-]*embedding{_MODEL}",
        [("POST", ":predict", "gemini.embed")],
    ),
    *_rules(rf"{_PROJECT}/publishers/google/models/{_MODEL}", _GEMINI),
    *_rules(
        _PROJECT, [("POST", "/(batchPredictionJobs|tuningJobs|reasoningEngines).*", "no:batch")]
    ),
    *_rules(
        rf"{_PROJECT}/publishers/anthropic/models/",
        [
            ("POST", "count-tokens:rawPredict", "anthropic.count_tokens"),
            ("POST", rf"{_MODEL}:(rawPredict|streamRawPredict)", "anthropic.messages"),
        ],
    ),
    *_rules(
        rf"{_PROJECT}/publishers/(?!google/)[\w-]+/models/.*", [("POST", "", "no:partner_model")]
    ),
    *_rules(rf"{_PROJECT}/endpoints/openapi", _COMPATIBLE),
    *_rules("/v1(beta)?/openai", _COMPATIBLE),
    *_rules(
        "/v1(alpha|beta)?",
        [
            ("GET", "/models", "free:models"),
            ("GET", rf"/(files|cachedContents)(/{_ID})?", "free:files"),
            ("DELETE", rf"/(files|cachedContents)/{_ID}", "free:files"),
            ("POST", "/interactions", "gemini.interactions"),
            ("GET", rf"/interactions/{_ID}", "free:interactions"),
            ("DELETE", rf"/interactions/{_ID}", "free:interactions"),
            ("POST", rf"/interactions/{_ID}/cancel", "free:interactions"),
            ("GET", rf"/(batches|operations)(/{_ID})?", "free:batches"),
            ("POST", rf"/batches/{_MODEL}:cancel", "free:batches"),
            ("DELETE", rf"/batches/{_ID}", "free:batches"),
            ("GET", rf"/models/{_MODEL}/operations/{_ID}", "free:operations"),
            ("POST", "/(cachedContents|fileSearchStores|tunedModels|agents).*", "no:stored_work"),
        ],
    ),
    *_rules("/upload/v1(alpha|beta)?", [("POST", "/files", "free:files")]),
)
_BEDROCK = (
    *_rules(
        "/model/[^/]+",
        [
            ("POST", "/converse(-stream)?", "bedrock.converse"),
            ("POST", "/invoke(-with-response-stream)?", "bedrock.invoke"),
            ("POST", "/count-tokens", "free:count_tokens"),
            ("POST", "/invoke-with-bidirectional-stream", "no:audio"),
        ],
    ),
    *_rules("", [("POST", "/async-invoke.*", "no:batch")]),
    *_rules("(/openai)?/v1", _COMPATIBLE),
    *_rules("(/anthropic)?", _MESSAGES),
)
_AZURE = (
    *_rules(rf"/openai/deployments/{_ID}", _COMPATIBLE),
    *_rules("/openai/v1", _OPENAI),
    *_rules("/openai", [("POST", "/responses", "openai.responses")]),
    *_rules("(/models)?", _COMPATIBLE[:1]),
    *_rules("/anthropic", _MESSAGES),
)
_COHERE = (
    *_rules(
        "/v[12]",
        [
            ("POST", "/chat", "cohere.chat"),
            ("POST", "/embed", "cohere.embed"),
            ("POST", "/rerank", "cohere.rerank"),
            ("POST", "/(tokenize|detokenize|check-api-key)", "free:tokenize"),
            ("POST", "/embed-jobs.*", "no:batch"),
            *_MODELS,
        ],
    ),
    *_rules("/compatibility/v1", _COMPATIBLE),
)
_OLLAMA = (
    *_rules(
        "/api",
        [
            ("POST", "/(chat|generate)", "ollama.chat"),
            ("POST", "/(embed|embeddings)", "ollama.embed"),
            ("POST", "/(show|pull|copy)", "free:models"),
            ("GET", "/(tags|ps|version)", "free:models"),
        ],
    ),
    *_rules("/v1", _COMPATIBLE),
)
_GLM = (
    *_rules("/api/(coding/)?paas/v4", _COMPATIBLE),
    *_rules("/api/anthropic", _MESSAGES),
)

RULES: dict[str, tuple[Rule, ...]] = {
    "openai": _rules("/v1", _OPENAI),
    "openai-chatgpt": _rules(
        "/backend-api/codex",
        [("POST", "/responses", "openai.responses"), ("GET", "/models", "free:models")],
    ),
    "anthropic": _rules("", [*_ANTHROPIC, _CLAUDE_CODE]),
    "anthropic-aws": _rules("", _ANTHROPIC),
    "anthropic-google": _rules("", _ANTHROPIC),
    "google": _GOOGLE,
    "aws": _BEDROCK,
    "azure": _AZURE,
    "baseten": _rules("/v1", _COMPATIBLE),
    "cerebras": _rules("/v1", _COMPATIBLE),
    "cohere": _COHERE,
    "dashscope": _rules("/compatible-mode/v1", _COMPATIBLE),
    "databricks": _rules("/serving-endpoints", _COMPATIBLE[:1]),
    "deepseek": (
        *_rules("(/v1|/beta)?", _COMPATIBLE),
        *_rules("/anthropic", _MESSAGES),
        *_rules("", [("GET", "/user/balance", "free:account")]),
    ),
    "fireworks": (*_rules("/inference/v1", _COMPATIBLE), *_rules("/inference", _MESSAGES)),
    "github-copilot": (
        *_rules("(/v1)?", _COMPATIBLE),
        *_rules("", _MESSAGES),
    ),
    "groq": _rules("/openai/v1", [*_COMPATIBLE, *_BATCHES]),
    "huggingface": _rules(r"(/[a-z0-9-]+)?(/openai)?/v1", _COMPATIBLE),
    "mistral": _rules(
        "/v1",
        [
            *_COMPATIBLE,
            *_FILES,
            ("POST", "/fim/completions", "openai.completions"),
            ("POST", "/ocr", "mistral.ocr"),
            ("POST", "/batch/jobs", "openai.batch"),
            ("GET", rf"/batch/jobs(/{_ID})?", "free:batches"),
            ("POST", rf"/batch/jobs/{_ID}/cancel", "free:batches"),
            (
                "POST",
                "/(agents|conversations|fine_tuning|libraries|workflows)(/.*)?",
                "no:stored_work",
            ),
            ("POST", "/(chat/)?(moderations|classifications)", "no:stored_work"),
        ],
    ),
    "moonshotai": (*_rules("/v1", _COMPATIBLE), *_rules("/anthropic", _MESSAGES)),
    "novita": _rules("(/v3)?/openai(/v1)?", _COMPATIBLE),
    "nvidia": _rules("/v1", _COMPATIBLE),
    "ollama": _OLLAMA,
    "opencode": (*_rules("/zen/v1", _COMPATIBLE), *_rules("/zen", _MESSAGES)),
    "openrouter": (
        *_rules(
            "/api/v1", [*_COMPATIBLE, ("GET", "/(auth/key|credits|key|generation)", "free:account")]
        ),
        *_rules("/api", _MESSAGES),
    ),
    "perplexity": _rules("(/v1)?", _COMPATIBLE),
    "together": _rules("/v1", [*_COMPATIBLE, *_BATCHES, ("POST", "/rerank", "cohere.rerank")]),
    "vercel": _rules("/v1", _COMPATIBLE),
    "voyageai": _rules(
        "/v1",
        [("POST", "/embeddings", "openai.embeddings"), ("POST", "/rerank", "cohere.rerank")],
    ),
    "x-ai": _rules("", [*_MESSAGES, *((m, f"/v1{p}", w) for m, p, w in _COMPATIBLE)]),
    "zai": _GLM,
    "zhipuai": _GLM,
}
"""By provider, in the order that they are asked."""


def outcome_of(provider: str, method: str, path: str) -> Metered | Unbilled | Refused:
    """What a path of a provider's is; refused where no rule names it."""
    rules = RULES.get(provider)
    if rules is None:
        return Refused("provider_unsupported")
    for rule in rules:
        if rule.method in ("*", method) and rule.path.fullmatch(path):
            return rule.outcome
    return Refused("path_unsupported")
