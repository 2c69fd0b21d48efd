"""Which hosts belong to model providers (wire.md 1.1). Exact names, or a suffix that starts at a
dot (pure)."""

import re
from functools import lru_cache

_EXACT: dict[str, str] = {
    "api.openai.com": "openai",
    **{f"{region}.api.openai.com": "openai" for region in ("us", "eu", "ae", "au", "in", "jp")},
    "mtls.api.openai.com": "openai",
    "api.anthropic.com": "anthropic",
    "claude.googleapis.com": "anthropic-google",
    "generativelanguage.googleapis.com": "google",
    "generativelanguage.mtls.googleapis.com": "google",
    "aiplatform.googleapis.com": "google",
    "aiplatform.us.rep.googleapis.com": "google",
    "aiplatform.eu.rep.googleapis.com": "google",
    "cloudcode-pa.googleapis.com": "google",
    "api.mistral.ai": "mistral",
    "codestral.mistral.ai": "mistral",
    "api.cohere.com": "cohere",
    "api.cohere.ai": "cohere",
    "api.groq.com": "groq",
    "api.deepseek.com": "deepseek",
    "api.x.ai": "x-ai",
    "api.together.xyz": "together",
    "api.together.ai": "together",
    "api.githubcopilot.com": "github-copilot",
    "api.cerebras.ai": "cerebras",
    "api.fireworks.ai": "fireworks",
    "api.perplexity.ai": "perplexity",
    "api.moonshot.ai": "moonshotai",
    "api.moonshot.cn": "moonshotai",
    "api.z.ai": "zai",
    "open.bigmodel.cn": "zhipuai",
    "router.huggingface.co": "huggingface",
    "api-inference.huggingface.co": "huggingface",
    "dashscope.aliyuncs.com": "dashscope",
    "dashscope-intl.aliyuncs.com": "dashscope",
    "dashscope-us.aliyuncs.com": "dashscope",
    "integrate.api.nvidia.com": "nvidia",
    "inference.baseten.co": "baseten",
    "ai-gateway.vercel.sh": "vercel",
    "gateway.ai.cloudflare.com": "cloudflare",
    "api.novita.ai": "novita",
    "api.voyageai.com": "voyageai",
    "api.aleph-alpha.com": "alephalpha",
    "api.ai21.com": "ai21",
    "api.replicate.com": "replicate",
    "api.elevenlabs.io": "elevenlabs",
    "fal.run": "fal",
    "queue.fal.run": "fal",
}

_SUFFIXES: tuple[tuple[str, str], ...] = (
    (".openai.azure.com", "azure"),
    (".services.ai.azure.com", "azure"),
    (".cognitiveservices.azure.com", "azure"),
    (".api.x.ai", "x-ai"),
    (".api.openai.com", "openai-other"),
    (".githubcopilot.com", "github-copilot"),
    (".model-serving.databricks.com", "databricks"),
    (".ml.cloud.ibm.com", "watsonx"),
)

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"[a-z0-9-]+-aiplatform\.googleapis\.com"), "google"),
    (re.compile(r"bedrock(-[a-z]+)*\.[a-z0-9-]+\.(amazonaws\.[a-z.]+|api\.aws)"), "aws"),
    (re.compile(r"bedrock(-[a-z]+)*\.[a-z0-9-]+\.[a-z0-9.-]*(aws|amazonaws)[a-z0-9.-]*"), "aws"),
    (re.compile(r"aws-external-anthropic\.[a-z0-9-]+\.api\.aws"), "anthropic-aws"),
    (re.compile(r"copilot-api\.[a-z0-9.-]+"), "github-copilot"),
)

_PREFIXED: dict[str, tuple[str, tuple[str, ...]]] = {
    "chatgpt.com": ("openai-chatgpt", ("/backend-api/", "/backend-anon/")),
    "openrouter.ai": ("openrouter", ("/api/",)),
    "opencode.ai": ("opencode", ("/zen/",)),
    "ollama.com": ("ollama", ("/api/", "/v1/")),
}
"""Sites that serve people too: only these paths are a provider's."""

_LOCAL = frozenset({"127.0.0.1", "localhost", "::1", "[::1]"})
_OLLAMA_PORT = 11434


def provider_of(host: str, port: int, path: str) -> str | None:
    """The provider a host belongs to, or None. `host` in lower case, without a trailing dot."""
    if host in _PREFIXED:
        provider, prefixes = _PREFIXED[host]
        return provider if path.lower().startswith(prefixes) else None
    if host in _LOCAL:
        return "ollama" if port == _OLLAMA_PORT else None
    return _EXACT.get(host) or _by_shape(host)


@lru_cache(maxsize=4096)
def _by_shape(host: str) -> str | None:
    for suffix, provider in _SUFFIXES:
        if host.endswith(suffix):
            return provider
    for pattern, provider in _PATTERNS:
        if pattern.fullmatch(host):
            return provider
    return None
