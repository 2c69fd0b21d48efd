"""Every wire format we meter, by name. A new one is a file and a line here (pure)."""

from collections.abc import Callable
from functools import cache

from proxy.providers.anthropic_messages import AnthropicCountTokens, AnthropicMessages
from proxy.providers.batches import AnthropicBatch, GeminiBatch
from proxy.providers.bedrock import BedrockConverse
from proxy.providers.bedrock_invoke import BedrockInvoke
from proxy.providers.call import FormatName
from proxy.providers.cohere import CohereChat, CohereEmbed, CohereRerank
from proxy.providers.format import Format
from proxy.providers.gemini import GeminiCountTokens, GeminiEmbed, GeminiGenerate
from proxy.providers.gemini_interactions import GeminiInteractions
from proxy.providers.mistral_ocr import MistralOcr
from proxy.providers.ollama import OllamaChat, OllamaEmbed
from proxy.providers.opaque import GeminiPredict, OpenAIBatch, OpenAIVideo
from proxy.providers.openai_audio import OpenAISpeech, OpenAITranscription
from proxy.providers.openai_chat import OpenAIChat
from proxy.providers.openai_completions import OpenAICompletions
from proxy.providers.openai_embeddings import OpenAIEmbeddings
from proxy.providers.openai_images import OpenAIImages
from proxy.providers.openai_responses import OpenAIResponses

FORMATS: dict[FormatName, Callable[[str], Format]] = {
    "openai.chat": OpenAIChat,
    "openai.responses": OpenAIResponses,
    "openai.embeddings": OpenAIEmbeddings,
    "openai.completions": OpenAICompletions,
    "openai.images": OpenAIImages,
    "openai.speech": OpenAISpeech,
    "openai.transcription": OpenAITranscription,
    "openai.video": OpenAIVideo,
    "openai.batch": OpenAIBatch,
    "anthropic.messages": AnthropicMessages,
    "anthropic.count_tokens": AnthropicCountTokens,
    "anthropic.batch": AnthropicBatch,
    "gemini.generate": GeminiGenerate,
    "gemini.count_tokens": GeminiCountTokens,
    "gemini.embed": GeminiEmbed,
    "gemini.batch": GeminiBatch,
    "gemini.interactions": GeminiInteractions,
    "gemini.predict": GeminiPredict,
    "bedrock.converse": BedrockConverse,
    "bedrock.invoke": BedrockInvoke,
    "cohere.chat": CohereChat,
    "cohere.embed": CohereEmbed,
    "cohere.rerank": CohereRerank,
    "mistral.ocr": MistralOcr,
    "ollama.chat": OllamaChat,
    "ollama.embed": OllamaEmbed,
}


@cache
def format_named(name: FormatName, provider: str) -> Format:
    """The reader of one format as one provider serves it; both names come from `recognise`."""
    return FORMATS[name](provider)
