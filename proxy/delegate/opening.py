"""Delegation as the settings have it, put together."""

from collections.abc import Mapping

from proxy.budgets import Accounts
from proxy.config import ConfigError, Settings
from proxy.delegate.delegation import Delegation
from proxy.delegate.health import Health
from proxy.delegate.market import Market
from proxy.delegate.names import UnknownName, check
from proxy.delegate.roads import Road, roads_of
from proxy.delegate.sender import Sender
from proxy.ledger.store import Ledger
from proxy.pricing.prices import Prices
from proxy.pricing.tokens import TokenCounter


def checked_roads(settings: Settings) -> Mapping[str, Road]:
    """Where delegated calls can go. Raises ConfigError where an alias leads to none of it."""
    roads = roads_of(settings.routes)
    try:
        check(settings.delegate.aliases, roads)
    except UnknownName as error:
        raise ConfigError(f"delegate.aliases: {error}") from None
    return roads


def open_delegation(
    settings: Settings,
    roads: Mapping[str, Road],
    sender: Sender,
    *,
    prices: Prices,
    counter: TokenCounter,
    accounts: Accounts,
    ledger: Ledger,
) -> Delegation:
    """Everybody is in good health at first."""
    health = Health()
    return Delegation(
        settings.delegate.aliases,
        roads,
        Market(settings.credentials, prices, counter, accounts, health),
        health,
        sender,
        ledger,
        attempts_max=settings.delegate.attempts_max,
    )
