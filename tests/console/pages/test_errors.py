"""What goes wrong: a page for people, JSON for machines."""

import pytest

from proxy.ledger.store import LedgerUnavailable


@pytest.mark.parametrize("path", ["/none", "/calls/none/such", "/policy?name=none"])
async def test_a_page_that_is_not_there_is_told_as_a_page(look, path) -> None:
    answer = await look(path)
    assert answer.status == 404
    assert "There is no such page" in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("path", ["/api/none", "/static/x/y.css", "/feed?page=none"])
async def test_machines_are_told_in_their_own_words(look, path) -> None:
    answer = await look(path)
    assert (answer.status, answer.headers["content-type"]) == (
        404,
        "application/json; charset=utf-8",
    )


async def test_who_does_not_read_pages_is_told_as_a_machine(look) -> None:
    answer = await look("/none", accept="*/*")
    assert answer.headers["content-type"].startswith("application/json")


async def test_a_bug_says_nothing_of_itself(look, ports, monkeypatch) -> None:
    async def breaks(*_, **__):
        raise RuntimeError("sk-secret")

    monkeypatch.setattr(ports.ledger, "calls", breaks)
    answer = await look("/calls")
    assert (answer.status, "Something is broken here" in answer.text) == (500, True)
    assert "sk-secret" not in answer.text


async def test_what_cannot_be_asked_now_says_why(look, ports, monkeypatch) -> None:
    async def cannot(*_, **__):
        raise LedgerUnavailable("disk full")

    monkeypatch.setattr(ports.ledger, "calls", cannot)
    answer = await look("/calls")
    assert (answer.status, "disk full" in answer.text) == (503, True)


async def test_the_wrong_method_is_told_as_a_page(look) -> None:
    assert (await look("/calls", {})).status == 405
