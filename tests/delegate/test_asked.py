"""What is delegated, read strictly where it is ours and passed on where it is not."""

import json

import pytest
from pydantic import ValidationError

from proxy.delegate.asked import ChatAsked

HI = [{"role": "user", "content": "hi"}]


def asked(**body: object) -> ChatAsked:
    data = json.dumps({"model": "exeat/fast", "messages": HI, **body})
    return ChatAsked.model_validate_json(data, strict=True)


def test_what_is_ours_stays_and_what_is_not_goes_on():
    it = asked(
        model=["a", "b"],
        max_cost_usd=0.01,
        context_tokens=5,
        lower_output=False,
        max_tokens=7,
        temperature=0.5,
        tools=[],
    )
    assert it.names == ("a", "b")
    assert json.loads(it.sent("gpt-4o-mini")) == {
        "model": "gpt-4o-mini",
        "messages": HI,
        "max_tokens": 7,
        "temperature": 0.5,
        "tools": [],
    }


@pytest.mark.parametrize(
    ("dollars", "nanousd"),
    [(0.01, 10_000_000), ("0.01", 10_000_000), (0, 0), ("0.0000000019", 1), (None, None)],
)
def test_rule_3_a_cap_is_an_integer_cut_off_and_never_rounded_up(dollars, nanousd):
    assert asked(max_cost_usd=dollars).cap_nanousd == nanousd


@pytest.mark.parametrize(
    "body",
    [
        {"model": []},
        {"model": ["a"] * 17},
        {"model": "a b"},
        {"model": "x" * 129},
        {"model": None},
        {"messages": "hi"},
        {"stream": "yes"},
        {"max_cost_usd": -1},
        {"max_cost_usd": "much"},
        {"context_tokens": 1.5},
    ],
)
def test_what_cannot_be_meant_is_refused(body):
    with pytest.raises(ValidationError):
        asked(**body)


def test_rule_8_prompts_are_not_in_its_representation():
    assert repr(HI) not in repr(asked())
    assert "'content'" not in repr(asked())
