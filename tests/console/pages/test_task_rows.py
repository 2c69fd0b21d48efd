"""A task's row: its state in shape and word, its allowance, and what of it goes into exports."""

from dataclasses import replace

from proxy.board.states import STATES as BOARD_STATES
from proxy.board.task import Dependency, Holder, Shown, Task
from proxy.budgets import CountersUnavailable
from proxy.console.pages.task_rows import BLOCKED, COLUMNS, STATES, exported, task_row, tasks_of
from tests.console.pages.board import ADA, make, work

TASK = Task(
    id="t1", org="acme", title="Count", priority=3, created_by="ada", created_ms=1, changed_ms=2
)


def test_every_state_of_the_board_has_a_shape_and_a_word_of_its_own() -> None:
    assert set(STATES) == set(BOARD_STATES)
    shapes = [each.name for each in (*STATES.values(), BLOCKED)]
    assert len(set(shapes)) == len(shapes)


def test_who_waits_for_others_is_blocked_and_only_while_open() -> None:
    waits = (Dependency("t0", "claimed"),)
    assert task_row(Shown(TASK, waits)).state is BLOCKED
    assert task_row(Shown(TASK)).state.word == "open"
    assert task_row(Shown(replace(TASK, state="failed"), waits)).state.word == "failed"


def test_a_lease_is_told_only_of_who_has_one() -> None:
    held = replace(TASK, state="claimed", holder=Holder("bob", "s9"), lease_until_ms=9)
    assert task_row(Shown(held)).has_lease
    assert not task_row(Shown(replace(held, state="input_required", lease_until_ms=None))).has_lease


def test_an_export_has_every_column_and_no_other() -> None:
    held = replace(TASK, state="claimed", holder=Holder("bob", "s9"), allowance_nanousd=7)
    row = exported(task_row(Shown(held)))
    assert tuple(row) == COLUMNS
    assert (row["holder"], row["holder_session"], row["allowance_nanousd"]) == ("bob", "s9", 7)
    assert row["spent_nanousd"] is None


async def test_what_an_agent_took_is_found_also_by_session(ports) -> None:
    task = await make(ports, "first", allowance_nanousd=50)
    await make(ports, "second")
    await work(ports, task)
    found = await tasks_of(ports, "acme", "ada", None)
    assert [(each.task.title, each.balance.remaining) for each in found] == [("first", 50)]
    assert await tasks_of(ports, "acme", "ada", ADA.session) == found
    assert await tasks_of(ports, "acme", "ada", "other") == []


async def test_without_counters_tasks_are_shown_all_the_same(ports, monkeypatch) -> None:
    await work(ports, await make(ports, "first", allowance_nanousd=50))

    async def broken(*_: object) -> None:
        raise CountersUnavailable("away")

    monkeypatch.setattr(ports.accounts, "balances", broken)
    assert [each.balance for each in await tasks_of(ports, "acme", "ada", None)] == [None]
