"""A refusal is written so that the client it is for can read it."""

import pytest

from proxy.providers.language import language_of


@pytest.mark.parametrize(
    ("provider", "path", "wire"),
    [
        ("openai", "/v1/images/generations", "openai.other"),
        ("anthropic", "/v1/sessions", "anthropic.other"),
        ("google", "/v1beta/interactions", "gemini.other"),
        ("google", "/v1beta/openai/something", "openai.other"),
        ("google", "/v1/projects/p/locations/l/endpoints/openapi/x", "openai.other"),
        ("aws", "/async-invoke", "bedrock.other"),
        ("aws", "/anthropic/v1/messages/batches", "anthropic.other"),
        ("cohere", "/v1/classify", "cohere.other"),
        ("ollama", "/api/pull", "ollama.other"),
        ("azure", "/openai/deployments/d/images/generations?api-version=1", "openai.other"),
        ("mistral", "/v1/ocr", "openai.other"),
        ("unknown", "/gw/V1/Messages", "anthropic.other"),
        ("unknown", "/gw/chat/completions", "openai.other"),
        ("unknown", "/models/m:generateContent", "gemini.other"),
        ("replicate", "/v1/predictions", "http"),
    ],
)
def test_a_place_without_a_known_format_is_answered_in_its_providers_language(
    provider: str, path: str, wire: str
) -> None:
    assert language_of(provider, path) == wire
