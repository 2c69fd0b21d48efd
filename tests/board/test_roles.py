"""Roles and globs: who is meant."""

import pytest

from proxy.board.roles import Roles, matches_any

ROLES = Roles({"reviewer": ["review/*", "ada"], "writer": ["*"], "nobody": []})


@pytest.mark.parametrize(
    ("glob", "agent", "is_meant"),
    [
        ("ada", "ada", True),
        ("ada", "adam", False),
        ("*", "team/ada", True),
        ("review/*", "review/a/b", True),
        ("review/*", "reviewer", False),
        ("a?a", "ada", True),
        ("ADA", "ada", False),
        ("a.a", "ada", False),
    ],
)
def test_a_glob_stands_for_these_agents(glob, agent, is_meant):
    assert matches_any([glob], agent) is is_meant
    assert matches_any([], agent) is False


def test_an_agent_has_the_roles_whose_globs_stand_for_it():
    assert ROLES.of("ada") == ("reviewer", "writer")
    assert ROLES.of("review/x") == ("reviewer", "writer")
    assert ROLES.of("bob") == ("writer",)
    assert ROLES.names == ("nobody", "reviewer", "writer")
    assert Roles().of("ada") == ()
