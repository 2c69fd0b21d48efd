"""The default routes: every name leads to its own provider, in a language that is metered."""

import pytest

from proxy.hosts import is_ip
from proxy.providers.homes import DEFAULT_ROUTES, HOMES
from proxy.providers.hosts import provider_of
from proxy.providers.paths import RULES


@pytest.mark.parametrize("name", HOMES)
def test_a_route_speaks_a_language_that_has_rules(name: str) -> None:
    assert HOMES[name].provider in RULES


@pytest.mark.parametrize("name", DEFAULT_ROUTES)
def test_a_default_route_leads_to_its_own_providers_host(name: str) -> None:
    scheme, _, rest = DEFAULT_ROUTES[name].partition("://")
    host, _, port = rest.partition(":")
    assert scheme == "https" or is_ip(host)
    for path in ("/api/v1/chat", "/v1/chat"):
        found = provider_of(host, int(port or 443), path)
        assert found == HOMES[name].provider or name == "openrouter"
    assert provider_of(host, int(port or 443), "/api/v1/chat") == HOMES[name].provider


@pytest.mark.parametrize("name", ["azure", "bedrock", "vertex"])
def test_who_has_an_address_for_each_customer_has_no_default(name: str) -> None:
    assert name not in DEFAULT_ROUTES
