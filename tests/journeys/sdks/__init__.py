"""Every SDK that journeys are made with, and its acts."""

from collections.abc import Mapping

from tests.journeys.sdks import (
    of_anthropic,
    of_bedrock,
    of_cohere,
    of_google,
    of_groq,
    of_mistral,
    of_node,
    of_ollama,
    of_openai,
)
from tests.journeys.sdks.act import Sdk

SDKS: Mapping[str, Sdk] = {
    sdk.name: sdk
    for module in (
        of_openai,
        of_anthropic,
        of_google,
        of_mistral,
        of_cohere,
        of_groq,
        of_bedrock,
        of_ollama,
        of_node,
    )
    for sdk in module.SDKS
}
