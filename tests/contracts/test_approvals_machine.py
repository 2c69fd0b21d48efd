"""Any interleaving of askers, approvers and claimers in two processes keeps what approvals promise, in
memory and in Redis alike.

Held against a model that knows only the rules: one question at a time for what is the same, one decision
each, a yes used once at most unless it was given back, nothing used that nobody approved, and every change
on file once.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from proxy.approvals.approval import Approval, NotDecided
from proxy.approvals.approvals import Approvals
from proxy.approvals.memory import MemoryApprovals
from proxy.approvals.redis import RedisApprovals
from proxy.approvals.store import ApprovalStore
from proxy.approving import ApprovalsSection
from proxy.redis import Redis
from tests.addons.slips import MemoryLedger
from tests.approvals.questions import NOW, wanted
from tests.redis_server import RedisServer

WAIT_MAX = 3
picks = st.integers(0, 99)
processes = st.integers(0, 1)
keys = st.sampled_from("klmno")
people = st.sampled_from(["ann", "bob", "cid", "coder"])


class ApprovalMachine(RuleBasedStateMachine):
    server: RedisServer | None = None

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.now_ms = NOW
        self.ids: list[str] = []
        self.calls = 0
        self.using: dict[str, str] = {}
        """Which call has claimed what, and not given it back."""
        self.used: dict[str, Approval] = {}
        self.given_back: set[str] = set()
        """These may be there to be used again beside what was asked meanwhile."""
        self.ledger = MemoryLedger()
        terms = ApprovalsSection(needed=2, ttl_s=60, claim_s=30, pending_max=WAIT_MAX)
        self.stores: list[ApprovalStore]
        if self.server is None:
            self.stores = [MemoryApprovals()]
        else:
            self.server.command("FLUSHALL")
            self.stores = [RedisApprovals(Redis(self.server.url, timeout_s=10)) for _ in range(2)]
        self.here = [
            Approvals(each, self.ledger, terms, now_ms=lambda: self.now_ms)  # type: ignore[arg-type]
            for each in self.stores
        ]
        for each in self.here:
            self.do(each.open())

    def teardown(self) -> None:
        for each in self.here:
            self.do(each.aclose())
        self.loop.close()

    def do[T](self, work: "asyncio.Future[T] | object") -> T:
        return self.loop.run_until_complete(work)  # type: ignore[arg-type]

    def process(self, number: int) -> Approvals:
        return self.here[number % len(self.here)]

    def call(self) -> str:
        self.calls += 1
        return f"call-{self.calls}"

    @rule(process=processes, key=keys)
    def ask(self, process: int, key: str) -> None:
        it: Approval | None = self.do(self.process(process).ask(wanted(key), self.call()))
        if it is None:
            assert self.waiting() >= WAIT_MAX
        elif it.id not in self.ids:
            self.ids.append(it.id)

    @rule(process=processes, pick=picks, by=people, yes=st.booleans())
    def decide(self, process: int, pick: int, by: str, yes: bool) -> None:
        if not self.ids:
            return
        which = self.ids[pick % len(self.ids)]
        no = ""
        try:
            it: Approval = self.do(self.process(process).decide(which, by, yes, "ok"))
        except NotDecided as error:
            no = error.code
        assert no != "unknown"
        if no:
            return
        assert by != "coder"
        assert any(vote.by == by and vote.says_yes == yes for vote in it.votes)

    @rule(process=processes, pick=picks)
    def claim(self, process: int, pick: int) -> None:
        if not self.ids:
            return
        here, call = self.process(process), self.call()
        it: Approval | None = self.do(self.stores[0].get(self.ids[pick % len(self.ids)]))
        assert it is not None
        done: Approval | None = self.do(here.claim(it, call))
        if done is not None:
            self.is_used(done, call)

    @rule(process=processes, key=keys)
    def take_now(self, process: int, key: str) -> None:
        """Its process has heard of everything: what holds when it has not is another test's."""
        here, call = self.process(process), self.call()
        self.do(here._look())

        async def take() -> object:
            taken = here.take_now(wanted(key), call)
            if here._tasks:
                await asyncio.wait(tuple(here._tasks))
            return taken

        taken = self.do(take())
        if taken.is_granted:  # type: ignore[attr-defined]
            self.is_used(taken.approval, call)  # type: ignore[attr-defined]
        elif taken.approval is not None:  # type: ignore[attr-defined]
            it = taken.approval  # type: ignore[attr-defined]
            if it.id not in self.ids and here.known(it.id) is not None:
                self.ids.append(it.id)

    @rule(process=processes, pick=picks)
    def give_back(self, process: int, pick: int) -> None:
        if not self.using:
            return
        which = sorted(self.using)[pick % len(self.using)]
        self.given_back.add(which)
        here = self.process(process)
        self.do(here._look())
        self.do(here.give_back(self.used[which], self.using.pop(which)))

    @rule(process=processes, seconds=st.sampled_from([1, 20, 40, 61]))
    def time_passes(self, process: int, seconds: int) -> None:
        self.now_ms += seconds * 1000
        here = self.process(process)
        self.do(here._look())
        self.do(here.sweep())

    def is_used(self, it: Approval, call: str) -> None:
        assert it.id not in self.using, "used twice"
        assert it.claimed_by == call
        assert len({vote.by for vote in it.votes if vote.says_yes}) == 2
        assert all(vote.says_yes for vote in it.votes)
        assert "coder" not in {vote.by for vote in it.votes}
        self.using[it.id], self.used[it.id] = call, it

    def all(self) -> tuple[Approval, ...]:
        return self.do(self.stores[0].since(0, "")).approvals  # type: ignore[attr-defined, no-any-return]

    def waiting(self) -> int:
        return sum(it.state == "pending" and self.now_ms < it.until_ms for it in self.all())

    @invariant()
    def no_more_wait_than_may_and_one_for_what_is_the_same(self) -> None:
        assert self.waiting() <= WAIT_MAX
        asked = [it for it in self.all() if it.id not in self.given_back]
        open_ = Counter(it.wanted.key for it in asked if self.now_ms < it.joins_until_ms)
        assert all(count == 1 for count in open_.values())

    @invariant()
    def every_change_is_on_file_once(self) -> None:
        filed = Counter(event.id for event in self.ledger.filed)
        assert all(count == 1 for count in filed.values()), filed
        assert len(filed) == sum(it.version for it in self.all())


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with RedisServer.running() as server:
        yield server


@pytest.mark.parametrize("kind", ["memory", "redis"])
def test_any_interleaving_keeps_what_is_promised(kind: str, redis_server: RedisServer) -> None:
    class Machine(ApprovalMachine):
        server = redis_server if kind == "redis" else None

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=40 if kind == "memory" else 10,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
