"""The state machine: every act in every state, by everybody."""

from dataclasses import replace

import pytest

from proxy.board.acts import (
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
from proxy.board.roles import Roles
from proxy.board.states import ENDED, STATES
from proxy.board.task import Dependency, Holder, Person, Shown
from proxy.board.tasks import acted, is_same, lapsed, made
from proxy.endpoint import Problem
from proxy.slip import Identity
from tests.board.people import ADA, BOB, NOW, TASK, task

OTHER = "00000000-0000-7000-8000-000000000002"
LATER = NOW + 1000


def at(state, **more):
    """A task of Ada's in this state; Bob has its claim 3, where anybody has."""
    one = task(**more)
    if state == "open":
        return one
    one = replace(one, fence=2)
    one = acted(one, Claim(lease_s=60), BOB, NOW)
    if state == "claimed":
        return one
    one = acted(one, Start(fence=3), BOB, NOW)
    ways = {
        "in_progress": [],
        "input_required": [(Ask(fence=3, question="how many?"), BOB)],
        "completed": [(Complete(fence=3, result="42"), BOB)],
        "failed": [(Fail(fence=3, reason="no hats"), BOB)],
        "cancelled": [(Cancel(reason="no need"), ADA)],
    }
    for act, who in ways[state]:
        one = acted(one, act, who, NOW)
    assert one.state == state
    return one


def refused(one, act, who, **more):
    with pytest.raises(Problem) as caught:
        acted(one, act, who, LATER, **more)
    return caught.value.code


SAME = "same"
WHO = {"ada": ADA, "bob": BOB}
ACTS = {
    # act, by whom -> what becomes of it in each state
    (Claim(), "bob"): {
        "open": "claimed",
        "claimed": "already_yours",
        "in_progress": "already_yours",
        "input_required": "already_yours",
    },
    (Claim(), "ada"): {
        "open": "claimed",
        "claimed": "task_taken",
        "in_progress": "task_taken",
        "input_required": "task_taken",
    },
    (Heartbeat(fence=3), "bob"): {
        "open": "stale_fence",
        "claimed": "claimed",
        "in_progress": "in_progress",
        "input_required": SAME,
    },
    (Start(fence=3), "bob"): {
        "open": "stale_fence",
        "claimed": "in_progress",
        "in_progress": SAME,
        "input_required": "wrong_state",
    },
    (Ask(fence=3, question="why?"), "bob"): {
        "open": "stale_fence",
        "claimed": "wrong_state",
        "in_progress": "input_required",
        "input_required": "wrong_state",
    },
    (Ask(fence=3, question="how many?"), "bob"): {
        "open": "stale_fence",
        "claimed": "wrong_state",
        "in_progress": "input_required",
        "input_required": SAME,
    },
    (Answer(answer="7"), "ada"): {
        "open": "wrong_state",
        "claimed": "wrong_state",
        "in_progress": "wrong_state",
        "input_required": "in_progress",
    },
    (Answer(answer="7"), "bob"): dict.fromkeys(
        ("open", "claimed", "in_progress", "input_required"), "not_creator"
    ),
    (Complete(fence=3), "bob"): {
        "open": "stale_fence",
        "claimed": "wrong_state",
        "in_progress": "completed",
        "input_required": "wrong_state",
    },
    (Fail(fence=3, reason="no"), "bob"): {
        "open": "stale_fence",
        "claimed": "failed",
        "in_progress": "failed",
        "input_required": "failed",
    },
    (Release(fence=3), "bob"): {
        "open": "stale_fence",
        "claimed": "open",
        "in_progress": "open",
        "input_required": "open",
    },
    (Cancel(), "ada"): dict.fromkeys(
        ("open", "claimed", "in_progress", "input_required"), "cancelled"
    ),
    (Depend(depends_on=[OTHER]), "ada"): {
        "open": "open",
        "claimed": "wrong_state",
        "in_progress": "wrong_state",
        "input_required": "wrong_state",
    },
}


@pytest.mark.parametrize(
    ("act", "who", "state", "becomes"),
    [
        pytest.param(act, WHO[who], state, becomes, id=f"{type(act).__name__} by {who} {state}")
        for (act, who), row in ACTS.items()
        for state, becomes in row.items()
    ],
)
def test_an_act_leads_where_the_table_says(act, who, state, becomes):
    before = at(state)
    if becomes == SAME:
        assert acted(before, act, who, LATER) is before
    elif becomes in STATES:
        after = acted(before, act, who, LATER)
        assert after.state == becomes
        is_transition = not isinstance(act, Heartbeat)
        assert after.version == before.version + is_transition
    else:
        assert refused(before, act, who) == becomes


@pytest.mark.parametrize("state", sorted(ENDED))
@pytest.mark.parametrize(
    ("act", "who"), [pytest.param(act, WHO[who], id=type(act).__name__) for act, who in ACTS]
)
def test_nothing_leads_out_of_an_ended_state(state, act, who):
    before = at(state)
    is_again = isinstance(act, Cancel) and state == "cancelled"
    if is_again:
        assert acted(before, act, who, LATER) is before
    else:
        assert refused(before, act, who) in ("task_ended", "not_creator")


WORK = [
    Heartbeat(fence=3),
    Start(fence=3),
    Ask(fence=3, question="?"),
    Complete(fence=3),
    Fail(fence=3, reason="no"),
    Release(fence=3),
]


@pytest.mark.parametrize("act", WORK, ids=lambda act: type(act).__name__)
def test_b1_with_an_older_token_nothing_can_be_done(act):
    before = at("in_progress")
    stale = act.model_copy(update={"fence": 2})
    assert refused(before, stale, BOB) == "stale_fence"
    again = acted(lapsed(before, NOW + 60_000), Claim(), ADA, NOW + 60_000)
    assert again.fence == 4
    assert refused(again, act, BOB) == "stale_fence"


@pytest.mark.parametrize("act", WORK, ids=lambda act: type(act).__name__)
@pytest.mark.parametrize(
    "who", [ADA, Identity("acme", "bob", "s2")], ids=["another", "its other session"]
)
def test_only_the_session_that_claimed_can_work_on_it(act, who):
    assert refused(at("in_progress"), act, who) == "not_holder"


def test_the_token_rises_with_every_claim():
    one, seen = task(), []
    for _ in range(3):
        one = acted(one, Claim(), BOB, NOW)
        seen.append(one.fence)
        one = acted(one, Release(fence=one.fence), BOB, NOW)
    assert seen == [1, 2, 3]


def test_a_lease_ends_at_its_moment_and_a_heartbeat_moves_it():
    one = acted(task(), Claim(lease_s=10), BOB, NOW)
    assert lapsed(one, NOW + 9_999) is None
    back = lapsed(one, NOW + 10_000)
    assert (back.state, back.holder, back.fence, back.version) == ("open", None, 1, 3)
    kept = acted(one, Heartbeat(fence=1, lease_s=30), BOB, NOW + 9_000)
    assert kept.lease_until_ms == NOW + 39_000
    assert kept.version == one.version, "a heartbeat is no transition"
    assert lapsed(back, NOW + 10_000) is None


def test_beginning_to_work_renews_the_lease_that_was_asked_for():
    one = acted(task(), Claim(lease_s=10), BOB, NOW)
    assert acted(one, Start(fence=1), BOB, NOW + 5_000).lease_until_ms == NOW + 15_000


def test_while_an_answer_is_waited_for_no_lease_runs_and_the_answer_starts_it_anew():
    asking = at("input_required")
    assert lapsed(asking, NOW + 10**9) is None
    going_on = acted(asking, Answer(answer="7"), ADA, NOW + 10**9)
    assert going_on.lease_until_ms == NOW + 10**9 + 60_000
    assert (going_on.question, going_on.answer, going_on.holder) == (
        "how many?",
        "7",
        Holder("bob", "s1"),
    )
    assert acted(going_on, Answer(answer="7"), ADA, LATER) is going_on


def test_a_person_may_answer_and_cancel_and_do_nothing_else():
    person = Person("grace")
    assert acted(at("input_required"), Answer(answer="7"), person, LATER).state == "in_progress"
    assert acted(at("claimed"), Cancel(), person, LATER).state == "cancelled"
    for act in [Claim(), *WORK]:
        assert refused(at("in_progress"), act, person) == "agents_only"


def test_who_may_claim_is_said_by_globs_and_by_role_and_both_must_hold():
    roles = Roles({"counter": ["bob"]})
    assert acted(task(for_agents=["b*"]), Claim(), BOB, NOW).state == "claimed"
    assert refused(task(for_agents=["a*", "c*"]), Claim(), BOB) == "not_for_you"
    assert acted(task(for_role="counter"), Claim(), BOB, NOW, roles=roles).state == "claimed"
    assert refused(task(for_role="counter"), Claim(), ADA, roles=roles) == "not_for_you"
    both = task(for_role="counter", for_agents=["ada"])
    assert refused(both, Claim(), BOB, roles=roles) == "not_for_you"


def test_what_waits_cannot_be_claimed_and_says_for_what_it_waits():
    with pytest.raises(Problem, match=rf"waits for {OTHER} \(in_progress\).*Claim another"):
        acted(task(), Claim(), BOB, NOW, [Dependency(OTHER, "in_progress")])
    with pytest.raises(Problem, match=r"\(failed\).*ada, who made the task, can change"):
        acted(task(), Claim(), BOB, NOW, [Dependency(OTHER, "failed")])


@pytest.mark.parametrize("state", STATES)
def test_only_a_dependency_that_ended_badly_is_hopeless(state):
    assert Dependency(OTHER, state).is_hopeless == (state in ("failed", "cancelled"))


def test_blocked_is_open_and_waiting():
    waiting = (Dependency(OTHER, "open"),)
    assert Shown(at("open"), waiting).is_blocked
    assert not Shown(at("open")).is_blocked
    assert not Shown(at("claimed"), waiting).is_blocked


def test_completing_again_under_its_key_is_the_same_and_anything_else_is_refused():
    act = Complete(fence=3, result="42", artifacts=[{"name": "a", "text": "x"}], key="k")
    done = acted(at("in_progress"), act, BOB, NOW)
    assert acted(done, act, BOB, LATER) is done
    for other in (
        act.model_copy(update={"result": "43"}),
        act.model_copy(update={"artifacts": ()}),
    ):
        assert refused(done, other, BOB) == "key_reused"
    assert refused(done, act, ADA) == "key_reused"
    assert refused(done, act.model_copy(update={"key": None}), BOB) == "task_ended"
    assert refused(done, act.model_copy(update={"key": "other"}), BOB) == "task_ended"


def test_an_artifact_is_told_by_name_size_and_hash():
    act = Complete(fence=3, artifacts=[{"name": "hats.csv", "media_type": "text/csv", "text": "ü"}])
    (artifact,) = acted(at("in_progress"), act, BOB, NOW).artifacts
    assert (artifact.name, artifact.media_type, artifact.size_bytes) == ("hats.csv", "text/csv", 2)
    assert len(artifact.sha256) == 64


def test_a_task_made_under_a_key_is_known_by_its_words():
    new = NewTask(title="t", key="k")
    one = made(new, ADA, TASK, NOW)
    assert is_same(one, new)
    with pytest.raises(Problem, match="from another request"):
        is_same(one, NewTask(title="u", key="k"))


def test_a_dependency_named_twice_is_one():
    assert task(depends_on=[OTHER, OTHER]).depends_on == (OTHER,)


def test_what_was_given_away_is_no_part_of_the_cap_any_more():
    assert task().cap_nanousd is None
    assert replace(task(allowance_nanousd=10), given_nanousd=4).cap_nanousd == 6


def test_no_text_stands_in_a_tasks_representation():
    one = replace(at("completed", text="SECRET"), question="SECRET", answer="SECRET")
    assert "SECRET" not in repr(one)
    assert "hats" not in repr(one)
    assert "42" not in repr(one).replace(str(NOW), "")
