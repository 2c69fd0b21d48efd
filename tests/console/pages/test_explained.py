"""Explain: the form's URL is the answer's."""

import pytest

from proxy.console.pages.explained import asked_of
from proxy.endpoint import Problem
from proxy.ledger.store import Filter


def test_an_empty_form_asks_nothing() -> None:
    assert asked_of({}) is None
    assert asked_of({"org": "acme", "host": ""}) is None


def test_a_form_asks_what_is_filled_in() -> None:
    asked = asked_of({"tool": "Bash", "org": "acme", "arguments": "", "other": "x"})
    assert asked is not None
    assert (asked.tool, asked.org, asked.arguments) == ("Bash", "acme", "{}")


def test_what_is_too_long_is_a_problem() -> None:
    with pytest.raises(Problem, match="host"):
        asked_of({"host": "a" * 3000})


async def test_a_tool_call_is_decided_and_every_rule_is_shown(look) -> None:
    text = (
        await look(
            "/policies/explain?org=acme&agent=coder&session=s1&tool=Bash"
            "&arguments=%7B%22command%22%3A%22rm+-rf+build%22%7D"
        )
    ).text
    assert '<span class="stamp no">deny</span>' in text
    assert "acme-baseline/rules.no-destructive-commands" in text
    assert "no: categories" in text


async def test_a_call_on_file_is_explained_by_its_id(look, ports) -> None:
    call = (await ports.ledger.calls(Filter(agent="coder", status="answered"), 1))[0]
    text = (await look(f"/policies/explain?record={call.decision.body['id']}")).text
    assert '<span class="stamp">allow</span>' in text


@pytest.mark.parametrize("query", ["record=nothing-there", "record=x", "host=a..b"])
async def test_what_cannot_be_explained_is_told_on_the_page(look, query) -> None:
    assert (await look(f"/policies/explain?{query}")).status == 200
