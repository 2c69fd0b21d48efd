"""What stands around every page, and who may see it."""

import pytest

from proxy.console.pages import pages, sources
from proxy.console.pages.page import NAV
from proxy.policy import PolicyBook


async def test_every_page_in_the_rail_is_there_and_says_where_one_is(look) -> None:
    for item in NAV:
        answer = await look(item.href)
        assert answer.status == 200, item.href
        if item.name != "api":
            assert f'href="{item.href}" aria-current="page"' in answer.text


async def test_no_page_is_shown_to_nobody(desk, ports) -> None:
    for each in pages(ports):
        path = each.path.replace(r"{seq:\d{1,15}}", "1").replace("{which}", "x")
        answer = await desk.get(path, method=each.method, authorization="")
        assert answer.status == 401, path


async def test_a_form_that_is_not_for_a_role_is_not_taken(look, ports) -> None:
    for each in pages(ports):
        if each.role == "admin":
            path = each.path.replace("{task}", "x")
            assert (await look(path, {}, role="approver")).status == 403, path


async def test_pages_change_nothing_by_get(ports) -> None:
    assert {each.role for each in pages(ports) if each.method == "GET"} == {"viewer"}


async def test_without_a_policy_every_page_says_that_all_is_refused(look, ports) -> None:
    object.__setattr__(ports.policies, "policies", PolicyBook().policies)
    assert "No policy is in force." in (await look("/calls")).text


async def test_a_ledger_that_cannot_be_written_is_told_on_every_page(look, ports) -> None:
    ports.ledger._writer.problem = "disk full"
    assert "Nothing can be filed, so nothing leaves." in (await look("/agents")).text


@pytest.mark.parametrize("name", ["now", "calls", "call", "session", "tasks", "task"])
def test_live_pages_have_their_sources(ports, name) -> None:
    assert name in sources(ports)


async def test_no_page_styles_or_scripts_in_place(look) -> None:
    for item in NAV:
        text = (await look(item.href)).text
        assert " style=" not in text
        assert "<script>" not in text
        assert " onclick" not in text
