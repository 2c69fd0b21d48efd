"""Images cost what was measured, and are held at no less."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.pricing.families import bounding_rule, family_of
from proxy.pricing.images import Patches, Rule, Scaled, Tiles, bound_of


@pytest.mark.parametrize(
    ("provider", "model", "size", "tokens"),
    [
        ("openai", "gpt-4o", (640, 480), 425),
        ("openai", "gpt-4o", (1, 1), 255),
        ("openai", "gpt-5-2025-08-07", (640, 480), 350),
        ("openai", "gpt-4o-mini", (640, 480), 14_167),
        ("openai", "gpt-4o-mini", (1, 1), 8_500),
        ("openai", "gpt-4.1-mini", (640, 480), 486),
        ("openai", "gpt-4.1-nano", (640, 480), 738),
        ("openai", "o4-mini", (640, 480), 516),
        ("openai", "gpt-5-mini", (640, 480), 360),
        ("openai", "gpt-5-nano", (640, 480), 450),
        ("anthropic", "claude-sonnet-4-5", (640, 480), 418),
        ("anthropic", "claude-sonnet-4-5", (1001, 1001), 1300),
        ("anthropic", "claude-sonnet-4-5", (8000, 8000), 1572),
        ("anthropic", "claude-opus-5", (8000, 8000), 4788),
    ],
)
def test_an_image_costs_what_its_family_makes_of_it(
    provider: str, model: str, size: tuple[int, int], tokens: int
) -> None:
    rule = family_of(provider, model).image_rule
    assert rule is not None
    assert rule.tokens(size) == tokens


RULES = [Tiles(85, 170), Tiles(2833, 5667), Patches(2460), Scaled(1568), Scaled(2576)]
sides = st.integers(1, 65_535)


@given(st.sampled_from(RULES), sides, sides)
def test_the_bound_of_an_image_is_above_its_rule_up_to_the_dearest(
    rule: Rule, width: int, height: int
) -> None:
    tokens = rule.tokens((width, height))
    assert bound_of(rule, (width, height), 10**9) > tokens
    assert bound_of(rule, (width, height), 100) == 100 or tokens < 100


@pytest.mark.parametrize("provider", ["google", "mistral", "nobody"])
def test_a_family_that_was_not_measured_has_no_rule(provider: str) -> None:
    assert family_of(provider, "x").image_rule is None


@pytest.mark.parametrize(
    ("provider", "model", "bounds"),
    [
        ("openai", "gpt-4o-2024-08-06", True),
        ("azure", "gpt-5", True),
        ("openai", "gpt-5-mini-2025-08-07", True),
        ("aws", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", True),
        ("openai", "gpt-5-codex", False),
        ("openai", "gpt-4.5-preview", False),
        ("openai", "o3", False),
        ("openai", "gpt-5.4", False),
        ("anthropic", "claude-opus-5", False),
        ("azure", "", False),
    ],
)
def test_a_rule_bounds_only_the_models_it_was_measured_on(
    provider: str, model: str, bounds: bool
) -> None:
    assert (bounding_rule(provider, model) is not None) is bounds
