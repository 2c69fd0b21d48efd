"""An endpoint's description."""

import pytest
from pydantic import ValidationError

from proxy.endpoint import Endpoint, Model, Nothing, Problem


class _Word(Model):
    word: str


async def _say(asked):
    """Say it.

    More that only a reader of the code needs.
    """
    return _Word(word="x")


def test_its_summary_is_the_first_line_of_what_its_handler_says():
    assert Endpoint("GET", "/x", "viewer", _say, _Word).summary == "Say it."


def test_a_field_that_there_is_not_is_an_error():
    with pytest.raises(ValidationError, match="extra"):
        Nothing.model_validate({"limti": 3})


def test_a_problem_says_what_to_do():
    problem = Problem(404, "not_found", "There is no such task. List them at /v1/tasks.")
    assert (problem.status, problem.code) == (404, "not_found")
    assert str(problem) == problem.message
