"""One task: all that is known of it, its question answered by an approver, cancelled by an admin."""

from dataclasses import replace

import pytest

from proxy.board import limit_of
from proxy.board.acts import Ask, Complete, Fail, NewArtifact
from proxy.budgets import Charge, CountersUnavailable, Reservation
from proxy.console.pages.task import ACTS, look_up, source
from proxy.endpoint import Problem
from proxy.ledger.store import Filter
from tests.console.pages.board import ADA, make, work

QUESTION = Ask(fence=1, question="Which <shed>?")


async def test_it_shows_what_it_is_what_became_of_it_and_the_records_of_that(look, ports) -> None:
    task = await make(ports, "Gather the hats", text="All of them.")
    artifact = NewArtifact(name="hats.csv", text="hat,<b>")
    await work(ports, task, Complete(fence=1, result="Seven.", artifacts=(artifact,)))
    text = (await look(f"/tasks/{task}")).text
    for words in ("All of them.", "Seven.", "completed", "claimed", "begun", "made", "hats.csv"):
        assert words in text
    records = await ports.ledger.find(Filter(kind="task", task=task))
    assert len(records) == 4
    for each in records:
        assert f'href="/ledger/{each.seq}"' in text
    assert "hat,&lt;b&gt;" in (await look(f"/tasks/{task}/artifacts/hats.csv")).text
    assert (await look(f"/tasks/{task}/artifacts/nothing")).status == 404
    assert (await look("/tasks/nothing")).status == 404


async def test_every_act_has_its_words() -> None:
    named = {"Claim", "Start", "Ask", "Answer", "Complete", "Fail", "Release", "Cancel", "Depend"}
    assert {each.lower() for each in named} | {"create", "lapse"} == set(ACTS)


async def test_dependencies_are_shown_both_ways_and_so_is_what_was_made_for_it(look, ports) -> None:
    first = await make(ports, "First")
    second = await make(ports, "Second", depends_on=[first])
    under = await make(ports, "Part", replace(ADA, task=second))
    view = await look_up(ports, second)
    assert [each.task.id for each in view.before] == [first]
    assert [each.task.id for each in view.below] == [under]
    assert [each.task.id for each in (await look_up(ports, first)).behind] == [second]
    above = (await look_up(ports, under)).above
    assert above is not None
    assert above.task.id == second
    text = (await look(f"/tasks/{second}")).text
    assert f"/tasks/{first}" in text
    assert "It waits for" in text
    assert "These wait for it" in (await look(f"/tasks/{first}")).text


async def test_an_allowance_is_a_gauge_with_what_is_held(look, ports) -> None:
    task = await make(ports, "Dear", allowance_nanousd=1_000_000_000)
    charge = Charge(limit_of("acme", task, 1_000_000_000), 250_000_000, 0)
    now_ms = ports.now_ms()
    await ports.accounts.reserve(Reservation("h", "acme", (charge,), 0, 0, 60_000), now_ms)
    view = await look_up(ports, task)
    assert view.allowance is not None
    assert (view.allowance.held, view.allowance.cap) == (250_000_000, 1_000_000_000)
    assert "25 % used" in (await look(f"/tasks/{task}")).text


async def test_while_counters_do_not_answer_the_rest_is_shown(look, ports, monkeypatch) -> None:
    task = await make(ports, "Dear", allowance_nanousd=1)

    async def broken(*_: object) -> None:
        raise CountersUnavailable("the counters are away")

    monkeypatch.setattr(ports.accounts, "balances", broken)
    answer = await look(f"/tasks/{task}")
    assert (answer.status, "the counters are away" in answer.text) == (200, True)


async def test_an_approver_answers_the_question_and_work_goes_on(look, ports) -> None:
    task = await make(ports, "Gather")
    await work(ports, task, QUESTION)
    assert "<textarea" not in (await look(f"/tasks/{task}", role="viewer")).text
    page = (await look(f"/tasks/{task}", role="approver")).text
    assert "Which &lt;shed&gt;?" in page
    assert "<textarea" in page
    answer = await look(f"/tasks/{task}/answer", {"answer": "The red one"}, role="approver")
    assert (answer.status, answer.headers["location"]) == (303, f"/tasks/{task}")
    shown = (await ports.board.get("acme", task, ports.now_ms())).task
    assert (shown.state, shown.answer) == ("in_progress", "The red one")
    again = await look(f"/tasks/{task}/answer", {"answer": "No, the blue"}, role="approver")
    assert again.status == 409, "it was answered already, by whom the page says"


async def test_an_admin_cancels_with_a_reason_that_is_shown_and_on_record(look, ports) -> None:
    task = await make(ports, "Gather")
    assert "Cancel …" not in (await look(f"/tasks/{task}", role="approver")).text
    assert (await look(f"/tasks/{task}/cancel", {"reason": " "})).status == 400
    assert (await look(f"/tasks/{task}/cancel", {"reason": "no need"})).status == 303
    text = (await look(f"/tasks/{task}")).text
    for words in ("no need", "Why it was cancelled", "(a person)"):
        assert words in text
    assert "Cancel …" not in text, "it has ended"
    (record, *_) = await ports.ledger.find(Filter(kind="task", task=task))
    assert record.body["result"]["facts"]["by"] == "admin"


@pytest.mark.parametrize(
    ("act", "role"), [("answer", "viewer"), ("cancel", "viewer"), ("cancel", "approver")]
)
async def test_who_may_not_does_not(look, ports, act, role) -> None:
    task = await make(ports, "Gather")
    form = {"answer": "x", "reason": "x"}
    assert (await look(f"/tasks/{task}/{act}", form, role=role)).status == 403
    assert (await look(f"/tasks/nothing/{act}", form)).status == 404


async def test_the_feed_draws_all_but_the_forms(ports) -> None:
    task = await make(ports, "Gather")
    await work(ports, task, QUESTION)
    news = await source(ports)({"task": task}, -1)
    drawn = "".join(told.html for told in news.told)
    assert "Which &lt;shed&gt;?" in drawn
    assert "<form" not in drawn
    with pytest.raises(Problem):
        await source(ports)({}, -1)


async def test_why_it_failed_is_shown(look, ports) -> None:
    task = await make(ports, "Gather")
    await work(ports, task, Fail(fence=1, reason="The shed is locked."))
    assert "The shed is locked." in (await look(f"/tasks/{task}")).text
