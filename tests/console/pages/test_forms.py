"""A form is read by the model that the API reads."""

import pytest

from proxy.console.api.permits import BypassAsked
from proxy.console.pages.forms import read
from proxy.endpoint import Problem

WHOLE = {"org": "acme", "rules": ["a/b"], "minutes": "5", "reason": "because"}


def test_what_is_empty_was_not_said_and_what_is_not_asked_for_is_left() -> None:
    asked = read(BypassAsked, {**WHOLE, "agent": "", "csrf": "x"})
    assert (asked.org, asked.agent, asked.minutes) == ("acme", None, 5)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"reason": ""}, "Say why"),
        ({"minutes": "soon"}, "minutes: "),
        ({"session": "s1"}, "name the agent, too"),
    ],
)
def test_a_problem_names_the_field_and_never_the_value(given, words) -> None:
    with pytest.raises(Problem) as caught:
        read(BypassAsked, {**WHOLE, **given}, "Say why")
    assert caught.value.status == 400
    assert words in caught.value.message
    assert "soon" not in caught.value.message
