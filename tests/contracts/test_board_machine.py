"""Any interleaving of any agents keeps the board's promises; in memory and in SQL alike.

The machine does acts with right and wrong tokens, lets time pass, and holds every answer against a
model that knows only the rules: one holder at a time, a stale token does nothing, nothing leaves an
ended state, and no dependent is claimed early.
"""

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from proxy.board import Board, Outbox, Roles
from proxy.board.acts import (
    Act,
    Answer,
    Ask,
    Cancel,
    Claim,
    Complete,
    Depend,
    Fail,
    Heartbeat,
    NewTask,
    Release,
    Start,
)
from proxy.board.states import ENDED, HELD
from proxy.board.store import TaskFilter
from proxy.board.task import Task
from proxy.endpoint import Problem
from proxy.slip import Identity
from tests.board.people import NOW, Diary, counting
from tests.contracts.board_stores import STORES, opened

AGENTS = [Identity("acme", agent, session) for agent in ("ada", "bob") for session in ("s1", "s2")]
agents = st.sampled_from(AGENTS)
picks = st.integers(0, 99)


class BoardMachine(RuleBasedStateMachine):
    kind = "memory"

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.directory = tempfile.TemporaryDirectory()
        self.opening = opened(self.kind, Path(self.directory.name))
        self.diary = Diary()
        self.now_ms = NOW
        self.ids: list[str] = []
        self.seen: dict[str, Task] = {}
        self.won: dict[str, list[tuple[int, Identity]]] = {}
        """Every claim that was granted: its token, and whose it is."""

    def teardown(self) -> None:
        self.opening.__exit__(None, None, None)
        self.directory.cleanup()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()

    @initialize()
    def open(self) -> None:
        store = self.opening.__enter__()
        self.board = Board(Outbox(store, self.diary), Roles(), counting())

    def do(self, task: str, act: Act, who: Identity) -> Task | None:
        try:
            shown = self.loop.run_until_complete(
                self.board.act("acme", task, act, who, self.now_ms)
            )
        except Problem:
            return None
        return shown.task

    def tasks(self) -> dict[str, Task]:
        page = self.loop.run_until_complete(
            self.board.find(TaskFilter("acme"), self.now_ms, limit=1000)
        )
        return {shown.task.id: shown.task for shown in page.tasks}

    @rule(who=agents, waits=st.sets(picks, max_size=3))
    def create(self, who: Identity, waits: set[int]) -> None:
        depends_on = {self.ids[each % len(self.ids)] for each in waits} if self.ids else set()
        new = NewTask(title="t", depends_on=tuple(sorted(depends_on)))
        shown = self.loop.run_until_complete(self.board.create(new, who, self.now_ms))
        assert shown.task.state == "open"
        self.ids.append(shown.task.id)
        self.won[shown.task.id] = []

    @precondition(lambda self: self.ids)
    @rule(who=agents, pick=picks, lease_s=st.integers(1, 20))
    def claim(self, who: Identity, pick: int, lease_s: int) -> None:
        task = self.ids[pick % len(self.ids)]
        before = self.tasks()
        after = self.do(task, Claim(lease_s=lease_s), who)
        waits = [before[each].state for each in before[task].depends_on]
        is_free = before[task].state == "open" and all(state == "completed" for state in waits)
        assert (after is not None) == is_free, "claimable is open and waiting for nothing"
        if after is not None:
            assert after.fence > max((fence for fence, _ in self.won[task]), default=0)
            self.won[task].append((after.fence, who))

    @precondition(lambda self: self.ids)
    @rule(
        who=agents,
        pick=picks,
        fence=st.integers(1, 4),
        make=st.sampled_from(
            [
                lambda fence: Heartbeat(fence=fence, lease_s=5),
                lambda fence: Start(fence=fence),
                lambda fence: Ask(fence=fence, question="?"),
                lambda fence: Complete(fence=fence, key="k"),
                lambda fence: Complete(fence=fence),
                lambda fence: Fail(fence=fence, reason="no"),
                lambda fence: Release(fence=fence),
            ]
        ),
    )
    def work(self, who: Identity, pick: int, fence: int, make: object) -> None:
        task = self.ids[pick % len(self.ids)]
        before = self.tasks()[task]
        act = make(fence)  # type: ignore[operator]
        after = self.do(task, act, who)
        if after is None:
            return
        assert (fence, who) == self.won[task][-1], "only the newest claim counts, for its maker"
        is_repeat = isinstance(act, Complete) and act.key == "k" == before.complete_key
        assert before.state in HELD or (is_repeat and after == before)

    @precondition(lambda self: self.ids)
    @rule(
        who=agents,
        pick=picks,
        act=st.sampled_from([Answer(answer="7"), Cancel(), Depend(depends_on=())]),
    )
    def steer(self, who: Identity, pick: int, act: Act) -> None:
        task = self.ids[pick % len(self.ids)]
        before = self.tasks()[task]
        after = self.do(task, act, who)
        assert after is None or who.agent == before.created_by

    @precondition(lambda self: self.ids)
    @rule(pick=picks, waits=picks)
    def wait_for(self, pick: int, waits: int) -> None:
        task, other = self.ids[pick % len(self.ids)], self.ids[waits % len(self.ids)]
        creator = Identity("acme", self.tasks()[task].created_by, "s9")
        self.do(task, Depend(depends_on=(other,)), creator)

    @rule(ms=st.integers(1, 15_000))
    def pass_time(self, ms: int) -> None:
        self.now_ms += ms

    @rule()
    def sweep(self) -> None:
        self.loop.run_until_complete(self.board.sweep(self.now_ms))

    @invariant()
    def keeps_its_promises(self) -> None:
        if not hasattr(self, "board"):
            return
        now = self.tasks()
        for task_id, before in self.seen.items():
            after = now[task_id]
            if before.state in ENDED:
                assert after == before, "nothing leads out of an ended state"
            assert after.fence >= before.fence
            assert after.version >= before.version
        for task in now.values():
            assert (task.holder is not None) == (task.state in HELD) or task.has_ended
            assert task.state not in ("claimed", "in_progress") or (
                task.lease_until_ms is not None and task.lease_until_ms > self.now_ms
            )
            assert not _waits_for_itself(now, task.id)
        self.seen = now
        self.tells_the_ledger(now)

    def tells_the_ledger(self, now: dict[str, Task]) -> None:
        """The ledger alone says where every task stands, and each transition is there once."""
        for task in now.values():
            told = [event for event in self.diary.events if event.task == task.id]
            assert [event.facts["version"] for event in told] == list(range(1, task.version + 1))
            assert told[-1].status == task.state
            states = [event.status for event in told]
            assert [event.facts["from"] for event in told] == [None, *states[:-1]]


def _waits_for_itself(tasks: dict[str, Task], task: str) -> bool:
    ahead, met = list(tasks[task].depends_on), set()
    while ahead:
        one = ahead.pop()
        if one not in met:
            met.add(one)
            ahead += tasks[one].depends_on
    return task in met


@pytest.mark.parametrize("kind", STORES)
def test_b1_any_interleaving_keeps_the_boards_promises(kind: str) -> None:
    machine = type("Machine", (BoardMachine,), {"kind": kind})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=60 if kind == "memory" else 15,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
