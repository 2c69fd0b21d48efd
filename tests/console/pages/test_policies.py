"""Policies: in force, as written, at the line that is meant."""

import pytest

from proxy.console.pages.policies import lines_of
from tests.console import scene


def test_lines_are_told_apart_and_nothing_of_them_is_lost() -> None:
    text = 'a: 1  # why\n  # whole\n- b: "x # y"\nc:\n\n  - d'
    lines = list(lines_of(text, 3))
    joined = ["".join((it.indent, it.key, it.rest, it.comment)) for it in lines]
    assert "\n".join(joined) == text
    assert [(it.key, it.comment) for it in lines[:3]] == [
        ("a:", " # why"),
        ("", "  # whole"),
        ("b:", ""),
    ]
    assert [it.number for it in lines if it.is_meant] == [3]


async def test_policies_in_force_are_listed(look) -> None:
    text = (await look("/policies")).text
    assert 'href="/policy?name=acme-baseline"' in text
    assert "version 7" in text


async def test_a_policy_is_read_at_the_rule_that_is_meant(look) -> None:
    rule = "acme-baseline/rules.no-credential-files"
    text = (await look(f"/policy?name=acme-baseline&rule={rule}")).text
    line = scene.POLICY[: scene.POLICY.index("- id: no-credential-files")].count("\n") + 1
    assert f'<li id="L{line}" class="meant">' in text
    assert text.count('class="meant"') == 1
    assert f'href="#L{line}"' in text
    assert "says something else by now" not in text


async def test_a_file_that_says_something_else_by_now_is_told(look, ports) -> None:
    ports.policy_paths[0].write_text("policy: [")
    text = (await look("/policy?name=acme-baseline")).text
    assert "The file says something else by now." in text
    assert "no-credential-files" in text, "what is in force is shown"
    assert not ports.policies.reload(ports.policy_paths)
    every = (await look("/")).text
    assert "A policy was not loaded. The old version stays in force." in every
    assert "policy.yaml:1:" in every


@pytest.mark.parametrize("name", ["", "none", "%3Cscript%3E"])
async def test_a_policy_that_is_not_in_force_is_a_404(look, name) -> None:
    assert (await look(f"/policy?name={name}")).status == 404
