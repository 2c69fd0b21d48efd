"""One approval: told from what was parsed, decided by form, with a reason, by who may."""

import pytest

from proxy.console.pages.approval import look_up, source
from proxy.ledger.store import Filter
from tests.console.pages.people import ask


async def test_one_is_told_from_what_was_parsed_and_decided_by_two_with_reasons(
    look, ports, desk
) -> None:
    it = await ask(ports)
    page = f"/approvals/{it.id}"
    text = (await look(page)).text
    for words in ("/srv", "p/rules.r", "0 of 2 needed", "2 people must approve", "/calls/call-1"):
        assert words in text
    form = {"verb": "approve", "reason": "I looked"}
    answer = await look(page, form, role="approver")
    assert (answer.status, answer.headers["location"]) == (303, page)
    text = (await look(page, role="approver")).text
    assert "You have approved it." in text
    assert 'name="verb"' not in text
    assert (await look(page, {**form, "reason": "So did I"})).status == 303
    text = (await look(page)).text
    for words in ("2 of 2 needed", "I looked", "So did I", "approved"):
        assert words in text
    assert (await look(page, form | {"verb": "deny"})).status == 409
    records = await ports.ledger.find(Filter(kind="approval"), 10)
    said = [each.body["result"]["status"] for each in reversed(records)]
    assert said == ["pending", "pending", "approved"]


async def test_a_denial_is_told(look, ports) -> None:
    it = await ask(ports)
    await look(f"/approvals/{it.id}", {"verb": "deny", "reason": "Not <today>"})
    text = (await look(f"/approvals/{it.id}")).text
    assert "Not &lt;today&gt;" in text
    assert "denied" in text
    assert 'name="verb"' not in text


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"verb": "approve", "reason": "  "}, "Say why"),
        ({"verb": "approve", "reason": "x" * 501}, "Say why"),
        ({"verb": "perhaps", "reason": "x"}, "verb: approve, grant or deny"),
    ],
)
async def test_without_a_reason_or_a_word_nothing_is_decided(look, ports, form, words) -> None:
    it = await ask(ports)
    answer = await look(f"/approvals/{it.id}", form)
    assert answer.status == 400
    assert words in answer.text
    known = ports.approvals.known(it.id)
    assert known is not None
    assert known.votes == ()


async def test_who_may_not_decide_is_told_why(look, ports) -> None:
    it, own = await ask(ports, "k"), await ask(ports, "o", agent="approver")
    assert "An approver decides this" in (await look(f"/approvals/{it.id}", role="viewer")).text
    form = {"verb": "approve", "reason": "x"}
    assert (await look(f"/approvals/{it.id}", form, role="viewer")).status == 403
    assert "You asked for this" in (await look(f"/approvals/{own.id}", role="approver")).text
    assert (await look(f"/approvals/{own.id}", form, role="approver")).status == 403


async def test_one_that_nobody_knows_is_no_page(look) -> None:
    answer = await look("/approvals/A-nothing")
    assert answer.status == 404
    assert "the ledger has it" in answer.text


async def test_the_feed_draws_it_anew_and_an_end_is_an_end(ports) -> None:
    it = await ask(ports)
    assert look_up(ports, it.id, None).is_open
    assert "0 of 2 needed" in (await source(ports)({"approval": it.id}, -1)).told[0].html
    await ports.approvals.decide(it.id, "ann", False, "no")
    news = await source(ports)({"approval": it.id}, -1)
    assert "denied" in news.told[0].html
    assert news.again_s is None
    assert not look_up(ports, it.id, None).is_open


async def test_a_yes_can_give_more_of_a_budget_by_form(look, ports) -> None:
    it = await ask(ports)
    page = f"/approvals/{it.id}"
    text = (await look(page)).text
    assert 'value="usd.day/org=acme"' in text
    given = {"verb": "grant", "reason": "A release", "amount": "$5.00", "minutes": "30"}
    for bad, words in (
        ({"amount": "much"}, "how much more"),
        ({"minutes": "0"}, "how much more"),
        ({"limit": "usd.day/org=other"}, "choose one of the list"),
    ):
        answer = await look(page, {**given, "limit": "usd.day/org=acme", **bad})
        assert answer.status == 400
        assert words in answer.text
    assert ports.approvals.known(it.id).votes == ()
    given["limit"] = "usd.day/org=acme"
    assert (await look(page, given, role="approver")).status == 303
    assert ports.permits.in_force == (), "two must agree"
    assert (await look(page, given)).status == 303
    (grant,) = ports.permits.in_force
    assert (grant.budget, grant.amount) == ("org-day", 5 * 10**9)
