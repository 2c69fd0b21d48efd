"""Permits: filed first, then shared, then in force; and what happens when a part fails."""

from typing import Any

import pytest

from proxy.budgets import Limit
from proxy.identity.scope import Scope
from proxy.ledger.store import LedgerUnavailable
from proxy.permits.memory import MemoryPermits
from proxy.permits.permits import BLIND_S, Permits, TooManyPermits
from proxy.permits.store import PermitsUnavailable
from proxy.permits.words import KINDS, dumped, loaded, permits_of
from proxy.policy import permits as pure
from proxy.policy.permits import InForce, Permit
from tests.addons.slips import MemoryLedger

AGENT = Scope("acme", "coder")
DAY = Limit("day", (("org", "acme"), ("session", "s1")), "usd", "day", 5)


class Frail(MemoryPermits):
    """A store that outlives processes, and can be away."""

    keeps = True

    def __init__(self) -> None:
        super().__init__()
        self.is_down = False

    async def load(self) -> tuple[Permit, ...]:
        self._look()
        return await super().load()

    async def put(self, permit: Permit) -> None:
        self._look()
        await super().put(permit)

    async def remove(self, permit_id: str) -> Permit | None:
        self._look()
        return await super().remove(permit_id)

    def _look(self) -> None:
        if self.is_down:
            raise PermitsUnavailable("away")


class Process:
    """Permits with what they cut, and clocks that stand still."""

    def __init__(self, store: MemoryPermits, ledger: MemoryLedger | None = None) -> None:
        self.ledger = ledger or MemoryLedger()
        self.now_ms = 1_795_000_000_000
        self.now_s = 10.0
        self.cuts = 0
        self.permits = Permits(
            store,
            self.ledger,  # type: ignore[arg-type]
            InForce(),
            now_ms=lambda: self.now_ms,
            clock=lambda: self.now_s,
        )
        self.permits.connect(self._cut)

    def _cut(self) -> int:
        self.cuts += 1
        return 2

    async def bypass(self, length_s: int = 60) -> Any:
        return await self.permits.bypass(AGENT, ("p/*",), length_s, "ann", "an outage")

    def filed(self) -> list[tuple[str, str | None, Any]]:
        return [(it.kind, it.status, it.facts.get("severed")) for it in self.ledger.filed]


@pytest.fixture
def store() -> Frail:
    return Frail()


async def opened(store: MemoryPermits, ledger: MemoryLedger | None = None) -> Process:
    made = Process(store, ledger)
    await made.permits.open()
    return made


async def test_h4_a_bypass_is_on_file_with_its_end_before_it_holds(store: Frail) -> None:
    here = await opened(store)
    made = await here.bypass()
    assert here.permits.in_force == (made,)
    (event,) = here.ledger.filed
    assert (event.kind, event.id, event.agent) == ("bypass", made.id, "coder")
    assert event.facts == {
        "by": "ann",
        "reason": "an outage",
        "rules": '["p/*"]',
        "until_ms": here.now_ms + 60_000,
    }


async def test_h4_what_cannot_be_filed_does_not_hold(store: Frail) -> None:
    here = await opened(store)
    here.ledger.is_down = True
    with pytest.raises(LedgerUnavailable):
        await here.bypass()
    assert here.permits.in_force == ()
    assert await store.load() == ()


@pytest.mark.parametrize("length_s", [0, -1, pure.LENGTH_MAX_S + 1])
async def test_h4_there_is_none_without_an_end(store: Frail, length_s: int) -> None:
    here = await opened(store)
    with pytest.raises(ValueError, match="a permit lasts"):
        await here.bypass(length_s)


async def test_h4_it_ends_by_itself_with_what_it_let_through(store: Frail) -> None:
    here = await opened(store)
    await here.bypass()
    here.now_ms += 60_000
    assert here.permits.in_force == ()
    await here.permits._look()
    assert here.cuts == 1
    assert here.filed()[-1] == ("permit_end", "expired", 2)
    assert await store.load() == ()


async def test_what_is_taken_back_ends_at_once_and_names_who_did(store: Frail) -> None:
    here = await opened(store)
    made = await here.bypass()
    assert await here.permits.revoke(made.id, "bob", "mended") == made
    assert here.permits.in_force == ()
    assert here.cuts == 1
    end = here.ledger.filed[-1]
    assert (end.decision_id, end.status) == (made.id, "revoked")
    assert end.facts == {"by": "bob", "reason": "mended", "severed": 2}
    assert await here.permits.revoke(made.id, "bob", "again") is None


async def test_the_end_of_a_grant_cuts_nothing(store: Frail) -> None:
    here = await opened(store)
    made = await here.permits.grant(DAY, 7, 60, "ann", "a release")
    assert (made.scope, made.limit, made.amount) == (Scope("acme"), DAY.key, 7)
    await here.permits.revoke(made.id, "bob", "spent")
    assert here.cuts == 0


async def test_another_process_takes_it_over_files_it_and_ends_it(store: Frail) -> None:
    here, there = await opened(store), await opened(store)
    made = await here.bypass()
    await there.permits._look()
    assert there.permits.in_force == (made,)
    await here.permits.revoke(made.id, "bob", "mended")
    await there.permits._look()
    assert there.permits.in_force == ()
    assert there.filed() == [("bypass", "in_force", None), ("permit_end", "revoked", 2)]


async def test_while_the_store_is_away_nothing_new_holds_and_soon_nothing_at_all(
    store: Frail,
) -> None:
    here = await opened(store)
    made = await here.bypass()
    store.is_down = True
    with pytest.raises(PermitsUnavailable):
        await here.bypass()
    await here.permits._look()
    assert here.permits.in_force == (made,)
    here.now_s += BLIND_S
    await here.permits._look()
    assert here.permits.in_force == ()
    store.is_down = False
    await here.permits._look()
    assert here.permits.in_force == (made,)


async def test_a_lost_reply_of_the_store_leaves_it_on_file_and_for_all_to_see(
    store: Frail,
) -> None:
    here = await opened(store)
    put = store.put

    async def put_and_fall_silent(permit: Permit) -> None:
        await put(permit)
        raise PermitsUnavailable("no answer")

    store.put = put_and_fall_silent  # type: ignore[method-assign]
    with pytest.raises(PermitsUnavailable):
        await here.bypass()
    await here.permits._look()
    assert len(here.permits.in_force) == 1
    assert here.filed() == [("bypass", "in_force", None)]


async def test_so_many_that_they_are_no_exceptions_are_refused(
    store: Frail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.permits.permits.PERMITS_MAX", 1)
    here = await opened(store)
    await here.bypass()
    with pytest.raises(TooManyPermits, match="Revoke some"):
        await here.bypass()


async def test_what_is_shared_and_what_is_filed_is_read_as_it_was(store: Frail) -> None:
    here = await opened(store)
    made = [await here.bypass(), await here.permits.grant(DAY, 2**53 - 1, 60, "ann", "x")]
    assert [loaded(dumped(each)) for each in made] == made
    entries = await here.ledger.events(KINDS)
    assert list(permits_of(entry.body for entry in entries).values()) == made


async def test_a_restart_of_a_process_alone_goes_by_its_ledger() -> None:
    here = await opened(MemoryPermits())
    kept, gone = await here.bypass(), await here.bypass()
    await here.permits.revoke(gone.id, "bob", "mended")
    anew = await opened(MemoryPermits(), here.ledger)
    assert anew.permits.in_force == (kept,)
    assert [kind for kind, *_ in anew.filed()] == ["bypass", "bypass", "permit_end"]


async def test_what_was_over_before_the_start_is_ended_then() -> None:
    here = await opened(MemoryPermits())
    await here.bypass()
    anew = Process(MemoryPermits(), here.ledger)
    anew.now_ms += 60_000
    await anew.permits.open()
    assert anew.permits.in_force == ()
