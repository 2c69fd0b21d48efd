"""The board's contract: what it keeps, for whom, and what the ledger hears; in memory and in SQL alike."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.board import Board, Outbox, Roles, task_steps
from proxy.board.acts import (
    Act,
    Answer,
    Ask,
    Cancel,
    Claim,
    Complete,
    Depend,
    NewTask,
    Release,
    Start,
)
from proxy.board.store import Store, TaskFilter
from proxy.board.task import Person, Shown
from proxy.endpoint import Problem
from proxy.ledger.store import LedgerUnavailable
from proxy.slip import Identity
from tests.board.people import ADA, BOB, CAL, NOW, STRANGER, Diary, counting
from tests.contracts.board_stores import STORES, opened

ROLES = Roles({"reviewer": ["review/*"]})
NOWHERE = "00000000-0000-7000-8000-00000000dead"


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with opened(request.param, tmp_path) as store:
        yield store


@pytest.fixture
def diary() -> Diary:
    return Diary()


@pytest.fixture
def board(store: Store, diary: Diary) -> Board:
    return Board(Outbox(store, diary), ROLES, counting())


async def make(board: Board, title: str = "t", by: Identity = ADA, **more: object) -> str:
    new = NewTask(title=title, **more)  # type: ignore[arg-type]
    return (await board.create(new, by, NOW)).task.id


async def do(board: Board, task: str, act: Act, who: Identity = BOB, now_ms: int = NOW) -> Shown:
    return await board.act(who.org, task, act, who, now_ms)


async def refusal(doing: object) -> Problem:
    with pytest.raises(Problem) as caught:
        await doing  # type: ignore[misc]
    return caught.value


async def titles(board: Board, now_ms: int = NOW, **more: object) -> list[str]:
    names = ("states", "holder", "created_by", "waits_for")
    wanted = {name: more.pop(name) for name in names if name in more}
    page = await board.find(TaskFilter("acme", **wanted), now_ms, **more)  # type: ignore[arg-type]
    return [each.task.title for each in page.tasks]


async def test_a_task_is_kept_with_all_that_was_said_of_it(board):
    before = await make(board, "first")
    task = await make(
        board,
        "second",
        text="all of it: ü\x00 ok",
        priority=3,
        for_agents=["b*"],
        for_role="reviewer",
        depends_on=[before],
        allowance_nanousd=5,
        key="k",
    )
    shown = await board.get("acme", task, NOW)
    one = shown.task
    assert (one.title, one.text, one.priority) == ("second", "all of it: ü\x00 ok", 3)
    assert (one.for_agents, one.for_role, one.depends_on) == (("b*",), "reviewer", (before,))
    assert (one.created_by, one.created_ms, one.allowance_nanousd) == ("ada", NOW, 5)
    assert (one.state, one.fence, one.version) == ("open", 0, 1)
    assert [(each.id, each.state) for each in shown.waits_for] == [(before, "open")]


async def test_a_task_is_worked_on_from_its_claim_to_its_end(board, diary):
    task = await make(board)
    claimed = (await do(board, task, Claim())).task
    await do(board, task, Start(fence=claimed.fence))
    await do(board, task, Ask(fence=1, question="how many?"))
    await do(board, task, Answer(answer="7"), ADA)
    artifact = {"name": "hats.csv", "media_type": "text/csv", "text": "hat\n" * 9}
    done = await do(board, task, Complete(fence=1, result="seven", artifacts=[artifact]))
    assert done == await board.get("acme", task, NOW + 1)
    assert (done.task.state, done.task.result, done.task.answer) == ("completed", "seven", "7")
    found, text = await board.artifact("acme", task, "hats.csv")
    assert (found, text) == (done.task.artifacts[0], "hat\n" * 9)
    assert (await refusal(board.artifact("acme", task, "caps.csv"))).code == "artifact_not_found"
    assert diary.told == ["create", "claim", "start", "ask", "answer", "complete"]


async def test_another_org_sees_nothing_and_can_do_nothing(board):
    task = await make(board)
    done = await make(board, key="k")
    await do(board, done, Claim())
    await do(board, done, Start(fence=1))
    await do(board, done, Complete(fence=1, artifacts=[{"name": "a", "text": "x"}]))
    for doing in (
        board.get("other", task, NOW),
        board.artifact("other", done, "a"),
        do(board, task, Claim(), STRANGER),
        do(board, task, Cancel(), STRANGER),
    ):
        assert (await refusal(doing)).code == "task_not_found"
    depends = board.create(NewTask(title="t", depends_on=[task]), STRANGER, NOW)
    assert (await refusal(depends)).code == "dependency_not_found"
    assert (await board.find(TaskFilter("other"), NOW)).tasks == ()
    own = await board.create(NewTask(title="t", key="k"), STRANGER, NOW)
    assert own.task.id != done, "keys are an agent's own"
    assert len((await board.find(TaskFilter(), NOW)).tasks) == 3, "the operator sees all"


async def test_the_operator_finds_a_task_without_its_org(board):
    task = await make(board)
    assert (await board.get(None, task, NOW)).task.org == "acme"
    gone = await board.act("acme", task, Cancel(reason="no need"), Person("grace"), NOW)
    assert (gone.task.state, gone.task.reason) == ("cancelled", "no need")


async def test_a_dependent_is_claimable_when_all_that_it_waits_for_is_completed(board):
    first, second = await make(board, "1"), await make(board, "2")
    third = await make(board, "3", depends_on=[first, second])
    for one in (first, second):
        assert (await refusal(do(board, third, Claim()))).code == "task_blocked"
        await do(board, one, Claim())
        await do(board, one, Start(fence=1))
        await do(board, one, Complete(fence=1))
    assert (await do(board, third, Claim())).task.state == "claimed"


async def test_what_waits_for_a_cancelled_task_shows_it_until_its_maker_lets_go_of_it(board):
    first = await make(board, "1")
    second = await make(board, "2", depends_on=[first])
    await do(board, first, Cancel(), ADA)
    (waiting,) = (await board.get("acme", second, NOW)).waits_for
    assert (waiting.id, waiting.is_hopeless) == (first, True)
    assert (await refusal(do(board, second, Claim()))).code == "task_blocked"
    await do(board, second, Depend(depends_on=[]), ADA)
    assert (await do(board, second, Claim())).task.state == "claimed"


async def test_tasks_cannot_be_made_to_wait_for_each_other(board):
    first = await make(board, "1")
    second = await make(board, "2", depends_on=[first])
    third = await make(board, "3", depends_on=[second])
    problem = await refusal(do(board, first, Depend(depends_on=[third]), ADA))
    assert problem.code == "dependency_circle"
    assert f"{first} -> {third} -> {second} -> {first}" in problem.message
    assert (await refusal(do(board, first, Depend(depends_on=[first]), ADA))).status == 409
    missing = await refusal(do(board, first, Depend(depends_on=[NOWHERE]), ADA))
    assert missing.code == "dependency_not_found"
    assert (await board.get("acme", first, NOW)).task.depends_on == ()


async def test_a_lease_that_ends_opens_the_task_and_the_ledger_hears_of_it_once(board, diary):
    task = await make(board)
    await do(board, task, Claim(lease_s=10))
    assert (await board.get("acme", task, NOW + 9_999)).task.state == "claimed"
    for _ in range(2):
        shown = await board.get("acme", task, NOW + 10_000)
    assert (shown.task.state, shown.task.holder) == ("open", None)
    assert diary.told == ["create", "claim", "lapse"]
    assert diary.events[-1].agent is None
    assert (await do(board, task, Claim(), CAL, NOW + 10_000)).task.fence == 2


async def test_b1_a_zombie_cannot_complete_what_another_has_now(board):
    task = await make(board)
    await do(board, task, Claim(lease_s=10))
    await do(board, task, Start(fence=1))
    late = NOW + 10_001
    assert (await refusal(do(board, task, Complete(fence=1), BOB, late))).code == "stale_fence"
    await do(board, task, Claim(), CAL, late)
    await do(board, task, Start(fence=2), CAL, late)
    for fence, code in ((1, "stale_fence"), (2, "not_holder")):
        problem = await refusal(do(board, task, Complete(fence=fence), BOB, late))
        assert problem.code == code
    assert (await do(board, task, Complete(fence=2), CAL, late)).task.state == "completed"


async def test_the_round_opens_what_nobody_asks_about(board, diary):
    await make(board)
    task = await make(board)
    await do(board, task, Claim(lease_s=10))
    await board.sweep(NOW + 10_000)
    assert diary.told[-1] == "lapse"
    assert await titles(board, NOW + 10_000, states=("open",)) == ["t", "t"]


async def test_making_again_under_a_key_is_the_same_task_and_other_words_are_refused(board, diary):
    first = await make(board, "t", key="k")
    await do(board, first, Claim())
    again = await board.create(NewTask(title="t", key="k"), ADA, NOW + 5)
    assert (again.task.id, again.task.state) == (first, "claimed")
    assert diary.told == ["create", "claim"]
    other = board.create(NewTask(title="u", key="k"), ADA, NOW)
    assert (await refusal(other)).code == "key_reused"
    assert await make(board, "u", BOB, key="k") != first


async def test_a_page_goes_on_where_the_last_one_ended(board):
    for number, priority in enumerate([5, 1, 3, 1, 3]):
        await make(board, str(number), priority=priority)
    seen, after = [], None
    while True:
        page = await board.find(TaskFilter("acme"), NOW, after=after, limit=2)
        seen += [each.task.title for each in page.tasks]
        after = page.following
        if after is None:
            break
    assert seen == ["1", "3", "2", "4", "0"]


async def test_a_list_shows_what_was_asked_for(board):
    open_ = await make(board, "open")
    await make(board, "bobs", BOB)
    claimed = await make(board, "claimed")
    blocked = await make(board, "blocked", depends_on=[open_])
    await make(board, "reviewers", for_role="reviewer")
    await make(board, "cals", for_agents=["cal"])
    await do(board, claimed, Claim())
    under = Identity("acme", "ada", "s1", task=blocked)
    await make(board, "under", under)
    assert await titles(board, states=("claimed",)) == ["claimed"]
    assert await titles(board, states=("claimed", "failed")) == ["claimed"]
    assert await titles(board, created_by="bob") == ["bobs"]
    assert await titles(board, holder="bob") == ["claimed"]
    assert await titles(board, claimable_by=BOB) == ["open", "bobs", "under"]
    assert await titles(board, claimable_by=CAL) == ["open", "bobs", "cals", "under"]
    reviewer = Identity("acme", "review/x", "s1")
    assert await titles(board, claimable_by=reviewer) == ["open", "bobs", "reviewers", "under"]
    (found,) = (await board.find(TaskFilter("acme", under=blocked), NOW)).tasks
    assert found.task.title == "under"


async def test_a_task_is_found_by_what_it_waits_for(board):
    first = await make(board, "first")
    await make(board, "second", depends_on=[first])
    await make(board, "third")
    assert await titles(board, waits_for=first) == ["second"]
    assert await titles(board, waits_for="nothing") == []


async def test_a_role_that_there_is_not_cannot_be_asked_for(board):
    problem = await refusal(board.create(NewTask(title="t", for_role="boss"), ADA, NOW))
    assert problem.code == "role_not_found"
    assert "reviewer" in problem.message


async def test_what_ended_long_ago_is_forgotten_unless_something_waits_for_it(board, store):
    old, waited_for = await make(board, "old"), await make(board, "waited for")
    for task in (old, waited_for):
        await do(board, task, Claim())
        await do(board, task, Start(fence=1))
        await do(board, task, Complete(fence=1, artifacts=[{"name": "a", "text": "x"}]))
    waiting = await make(board, "waiting", depends_on=[waited_for])
    far = NOW + task_steps.KEPT_MS
    await board.sweep(far)
    assert await titles(board, far) == ["old", "waited for", "waiting"]
    await board.sweep(far + 1)
    assert await titles(board, far) == ["waited for", "waiting"]
    assert await store.run(lambda shelf: shelf.tasks.artifact(old, "a")) is None
    await do(board, waiting, Cancel(), ADA, far)
    await board.sweep(far + 1)
    assert await titles(board, far) == ["waiting"]


async def test_a_full_board_lets_go_of_what_ended_first_and_takes_no_more_when_nothing_has(
    board, monkeypatch
):
    monkeypatch.setattr(task_steps, "TASKS_MAX", 3)
    first, second = await make(board, "1"), await make(board, "2")
    await make(board, "3")
    await do(board, second, Cancel(), ADA, NOW)
    await do(board, first, Cancel(), ADA, NOW + 1)
    await make(board, "4")
    assert await titles(board) == ["1", "3", "4"]
    await board.create(NewTask(title="5"), ADA, NOW + 2)
    assert (await refusal(board.create(NewTask(title="6"), ADA, NOW + 2))).code == "board_full"
    assert (await board.create(NewTask(title="t"), STRANGER, NOW)).task.state == "open"


async def test_an_agent_has_a_share_of_the_board_and_no_more(board, monkeypatch):
    monkeypatch.setattr(task_steps, "SHARE_MAX", 2)
    first = await make(board, "1", key="k")
    await make(board, "2")
    full = await refusal(board.create(NewTask(title="3"), ADA, NOW))
    assert (full.status, full.code) == (409, "share_full")
    assert (await board.create(NewTask(title="1", key="k"), ADA, NOW)).task.id == first
    assert await titles(board) == ["1", "2"]
    assert (await board.create(NewTask(title="4"), BOB, NOW)).task.state == "open"
    await do(board, first, Cancel(), ADA)
    await make(board, "3")


async def test_what_ones_tasks_wait_for_is_of_ones_share(board, monkeypatch):
    monkeypatch.setattr(task_steps, "SHARE_MAX", 3)
    ended = []
    for number in range(3):
        ended.append(await make(board, str(number)))
        await do(board, ended[-1], Cancel(), ADA)
    waits = await make(board, "waits", depends_on=ended[:2])
    again = NewTask(title="again", depends_on=ended[:1])
    assert (await refusal(board.create(again, ADA, NOW))).code == "share_full"
    every = Depend(depends_on=tuple(ended))
    assert (await refusal(do(board, waits, every, ADA))).code == "share_full"
    assert len((await board.get("acme", waits, NOW)).task.depends_on) == 2
    other = NewTask(title="bob's", depends_on=ended)
    assert (await refusal(board.create(other, BOB, NOW))).code == "share_full"
    await do(board, waits, Depend(depends_on=(ended[2],)), ADA)
    await make(board, "again", depends_on=ended[2:])
    assert (await board.create(NewTask(title="b", depends_on=ended[:2]), BOB, NOW)).is_blocked


async def test_whoever_fills_a_board_with_what_has_ended_loses_its_own_first(board, monkeypatch):
    monkeypatch.setattr(task_steps, "TASKS_MAX", 4)
    monkeypatch.setattr(task_steps, "SHARE_MAX", 2)

    async def ended(title: str, who: Identity) -> None:
        made = await board.create(NewTask(title=title), who, NOW)
        await do(board, made.task.id, Cancel(), who)

    await ended("bob", BOB)
    for number in range(4):
        await ended(f"ada {number}", ADA)
    assert await titles(board) == ["bob", "ada 1", "ada 2", "ada 3"]
    await ended("cal", CAL)
    assert await titles(board) == ["ada 1", "ada 2", "ada 3", "cal"]


async def test_what_is_refused_changes_nothing(board, diary):
    task = await make(board)
    before = await board.get("acme", task, NOW)
    asked = diary.asked
    await refusal(do(board, task, Complete(fence=1)))
    assert await board.get("acme", task, NOW) == before
    assert diary.asked == asked


async def test_the_ledger_hears_ids_and_hashes_and_no_word_of_what_was_written(board, diary):
    secret = "SECRET hats"
    task = await make(board, secret, text=secret, key="SECRET-key")
    await do(board, task, Claim())
    await do(board, task, Start(fence=1))
    await do(board, task, Ask(fence=1, question=secret))
    await do(board, task, Answer(answer=secret), ADA)
    artifact = {"name": "SECRET.txt", "text": secret}
    await do(board, task, Complete(fence=1, result=secret, artifacts=[artifact]))
    failed = await make(board, secret)
    await do(board, failed, Cancel(reason=secret), ADA)
    assert len(diary.events) == 8
    for event in diary.events:
        assert "SECRET" not in repr(event)
        assert (event.kind, event.org, event.task in (task, failed)) == ("task", "acme", True)
    hashes = [name for event in diary.events for name in event.facts if name.endswith("sha256")]
    assert len(hashes) == 2 * 2 + 5


@pytest.mark.parametrize("times", [1, 3])
async def test_what_could_not_be_filed_was_done_and_is_filed_when_that_can_be(board, diary, times):
    task = await make(board)
    diary.fails = times
    for _ in range(times):
        with pytest.raises((LedgerUnavailable, Problem)):
            await do(board, task, Claim())
    diary.fails = 0
    assert (await refusal(do(board, task, Claim()))).code == "already_yours"
    await board.sweep(NOW)
    assert diary.told == ["create", "claim"]


async def test_a_lost_reply_of_the_ledger_files_nothing_twice(board, diary):
    diary.loses_replies = 1
    with pytest.raises(LedgerUnavailable):
        await make(board, "t", key="k")
    again = await make(board, "t", key="k")
    await do(board, again, Claim())
    await board.sweep(NOW)
    assert diary.told == ["create", "claim"]
    assert diary.asked == 3


async def test_a_new_process_files_what_the_last_one_did_not(board, diary, store):
    diary.fails = 2
    for title in "ab":
        with pytest.raises(LedgerUnavailable):
            await make(board, title)
    diary.fails = 0
    await Board(Outbox(store, diary), ROLES, counting()).sweep(NOW)
    assert diary.told == ["create", "create"]
    assert len({event.id for event in diary.events}) == 2


async def test_b1_of_fifty_agents_that_claim_one_task_exactly_one_gets_it(board, diary):
    task = await make(board)
    agents = [Identity("acme", f"agent-{number}", "s1") for number in range(50)]
    got = await asyncio.gather(
        *(do(board, task, Claim(), who) for who in agents), return_exceptions=True
    )
    winners = [each for each in got if isinstance(each, Shown)]
    losers = [each for each in got if isinstance(each, Problem)]
    assert (len(winners), len(losers)) == (1, 49)
    assert {each.code for each in losers} == {"task_taken"}
    shown = await board.get("acme", task, NOW)
    assert shown == winners[0]
    assert shown.task.fence == 1
    assert diary.told == ["create", "claim"]


async def test_who_watches_hears_all_that_happens_in_its_own_org_in_order(board):
    task = await make(board)
    watched = board.watch("acme", 0)
    heard = [(await anext(watched)).change.event]
    waiting = asyncio.ensure_future(anext(watched))
    await board.create(NewTask(title="t"), STRANGER, NOW)
    await do(board, task, Claim())
    heard.append((await waiting).change.event)
    await do(board, task, Release(fence=1))
    last = await anext(watched)
    heard.append(last.change.event)
    assert [(each.facts["act"], each.status, each.task) for each in heard] == [
        ("create", "open", task),
        ("claim", "claimed", task),
        ("release", "open", task),
    ]
    await watched.aclose()

    from_there = board.watch("acme", last.seq - 1)
    assert (await anext(from_there)).seq == last.seq
    await from_there.aclose()


async def test_who_watches_from_now_on_hears_nothing_of_before(board):
    task = await make(board)
    watched = board.watch("acme")
    waiting = asyncio.ensure_future(anext(watched))
    await asyncio.sleep(0)
    page = await board.find(TaskFilter("acme"), NOW)
    assert page.at == 1
    while not waiting.done():
        await do(board, task, Claim())
        await do(board, task, Release(fence=(await board.get("acme", task, NOW)).task.fence))
        await asyncio.sleep(0)
    assert (await waiting).change.event.facts["act"] in ("claim", "release")
    await watched.aclose()


@pytest.mark.parametrize("after", [-5, 99])
async def test_who_missed_what_is_forgotten_is_told_to_look_again(board, after, store):
    await make(board)
    watched = board.watch("acme", after)
    first = await anext(watched)
    assert (first.change, first.seq) == (None, 1)
    await watched.aclose()
