"""What names mean: aliases, and models by their routes."""

import pytest

from proxy.config import Settings
from proxy.delegate.names import UnknownName, check, meant
from proxy.delegate.roads import roads_of

ROADS = roads_of(Settings().routes)
ALIASES = {
    "exeat/fast": ("openai/gpt-4o-mini", "groq/llama-3.1-8b-instant"),
    "smart": ("openai/gpt-4o", "openai/gpt-4o-mini"),
}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (["exeat/fast"], ["openai/gpt-4o-mini", "groq/llama-3.1-8b-instant"]),
        (["openai/o3"], ["openai/o3"]),
        (["openrouter/meta-llama/llama-3"], ["openrouter/meta-llama/llama-3"]),
        (["smart", "exeat/fast"], ["openai/gpt-4o", *ALIASES["exeat/fast"]]),
    ],
)
def test_every_name_means_models_each_once(asked, found):
    names = meant(asked, ALIASES, ROADS)

    assert [name.text for name in names] == found
    for name in names:
        assert f"{name.road.route}/{name.model}" == name.text


@pytest.mark.parametrize(
    "name", ["exeat/slow", "gpt-4o-mini", "openai/", "anthropic/claude", "x/y"]
)
def test_an_unknown_name_says_how_it_could_be_given(name):
    with pytest.raises(UnknownName, match=r"\[delegate\.aliases\]") as raised:
        meant([name], ALIASES, ROADS)
    assert "exeat/fast" in str(raised.value)
    assert "groq" in str(raised.value)


def test_where_there_is_no_alias_yet_it_says_so():
    with pytest.raises(UnknownName, match="none yet"):
        meant(["exeat/fast"], {}, ROADS)


def test_good_aliases_are_good():
    check(ALIASES, ROADS)


@pytest.mark.parametrize(
    "aliases",
    [{"x": ("nowhere/m",)}, {"x": ("exeat/fast",)} | ALIASES, {"openai/mine": ("openai/o3",)}],
)
def test_an_alias_that_leads_nowhere_or_hides_a_road_is_found_at_start(aliases):
    with pytest.raises(UnknownName):
        check(aliases, ROADS)
