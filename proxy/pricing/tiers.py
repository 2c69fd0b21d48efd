"""Service tiers and geographies: which of a model's published prices a call is billed at (pure)."""

from decimal import Decimal

STANDARD = frozenset({"auto", "default", "standard", "on_demand"})

TIERS: dict[str, dict[str, dict[str, str]]] = {
    "openai": {
        "flex": {"service_tier": "flex"},
        "priority": {"service_tier": "priority"},
        "fast": {"service_tier": "fast"},
        "batch": {"processing": "batch"},
    },
    "anthropic": {
        "priority": {},
        "fast": {"speed": "fast"},
        "batch": {"processing": "batch"},
    },
    "google": {
        "flex": {"service_tier": "flex"},
        "priority": {"service_tier": "priority"},
        "batch": {"processing": "batch"},
        "provisioned_throughput": {},
    },
    "aws": {"flex": {"service_tier": "flex"}, "reserved": {}},
    "groq": {"flex": {"service_tier": "flex"}, "batch": {"processing": "batch"}},
    "mistral": {"batch": {"processing": "batch"}},
    "x-ai": {"batch": {"processing": "batch"}},
    "openrouter": {"flex": {"service_tier": "flex"}},
}
"""Tier names to the contexts genai-prices knows them by. Where the context is empty the capacity is
already paid for, so the standard rate is its upper bound. Any other name is refused: `ultrafast`,
`scale`."""

CHEAPER = frozenset({"flex", "batch"})
"""Tiers that only lower a price: a model that lists none for them is charged the standard rate."""

GEOGRAPHIES: dict[str, dict[str, Decimal]] = {"anthropic": {"us": Decimal("1.1")}}
"""What genai-prices lacks: the factor for keeping inference in one place (Anthropic's price
page)."""


def parted(tier: str | None) -> tuple[str, str]:
    """A tier as calls name it, "priority" or "standard@us", in tier and geography."""
    name, _, geography = (tier or "standard").lower().partition("@")
    return ("standard" if name in STANDARD else name), geography


def context_of(provider: str, tier: str) -> dict[str, str] | None:
    """None for a tier without a price."""
    return {} if tier in STANDARD else TIERS.get(provider, {}).get(tier)


def geography_factor(provider: str, geography: str) -> Decimal | None:
    """None for a geography without a price."""
    return GEOGRAPHIES.get(provider, {}).get(geography) if geography else Decimal(1)


def dearest_geography(provider: str) -> Decimal:
    return max(GEOGRAPHIES.get(provider, {}).values(), default=Decimal(1))
