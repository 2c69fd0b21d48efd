"""Routes that a delegated call can take."""

import pytest

from proxy.config import RouteTo, Settings
from proxy.delegate.roads import BASES, CHAT, keyed, roads_of
from proxy.providers.homes import DEFAULT_ROUTES, HOMES
from proxy.providers.paths import Metered, outcome_of

NO_CHAT = {"anthropic", "voyage"}
"""Default routes where no chat in OpenAI's language is metered."""


@pytest.mark.parametrize("provider", BASES)
def test_a_base_leads_to_a_chat_that_is_metered(provider):
    assert outcome_of(provider, "POST", BASES[provider] + CHAT) == Metered("openai.chat")


def test_every_default_route_is_a_road_or_has_no_chat():
    roads = roads_of(Settings().routes)

    assert set(roads) == set(DEFAULT_ROUTES) - NO_CHAT
    for name, road in roads.items():
        assert road.provider == HOMES[name].provider
        assert road.path == f"/{name}{BASES[road.provider]}{CHAT}"


TABLE = {
    # route: (provider, path at the provider's, whose key)
    "a provider's own host": (
        RouteTo(to="https://api.groq.com"),
        ("groq", "/openai/v1/chat/completions", "groq"),
    ),
    "a company's gateway": (
        RouteTo(to="https://gateway.test/ai", provider="openai"),
        ("openai", "/ai/v1/chat/completions", "openai"),
    ),
    "a server of one's own": (
        RouteTo(to="http://llm.test:8000"),
        ("llm.test:8000", "/v1/chat/completions", None),
    ),
    "an Ollama of one's own": (
        RouteTo(to="http://127.0.0.1:11434", provider="ollama"),
        ("ollama", "/v1/chat/completions", None),
    ),
}


@pytest.mark.parametrize("case", TABLE)
def test_a_route_of_the_operators_is_a_road(case):
    route, (provider, path, payee) = TABLE[case]
    name = "groq" if provider == "groq" else "mine"
    road = roads_of({name: route})[name]

    assert (road.provider, road.upstream_path, road.payee) == (provider, path, payee)
    assert keyed(road, {"groq", "openai"})
    assert keyed(road, set()) == (payee is None)


@pytest.mark.parametrize(
    "route",
    [
        RouteTo(to="https://api.anthropic.com"),
        RouteTo(to="https://gateway.test", provider="anthropic"),
        RouteTo(to="https://aiplatform.googleapis.com", provider="google"),
    ],
)
def test_a_route_without_a_metered_chat_is_none(route):
    assert roads_of({"x": route}) == {}
