"""What a question may become, step by step."""

import pytest

from proxy.approvals.approval import (
    Approval,
    NotDecided,
    claimed,
    cut_off,
    decided,
    expired,
    returned,
)
from tests.approvals.questions import CLAIM, NOW, TTL, question


def say(it: Approval, by: str, yes: bool = True, now_ms: int = NOW + 1) -> Approval:
    return decided(it, by, yes, "looked", now_ms, claim_ms=CLAIM)


def code_of(it: Approval, by: str, yes: bool = True, now_ms: int = NOW + 1) -> str:
    with pytest.raises(NotDecided) as raised:
        say(it, by, yes, now_ms)
    return raised.value.code


def test_one_yes_approves_and_it_is_claimed_once() -> None:
    it = say(question(), "ann")
    assert (it.state, it.until_ms, it.version) == ("approved", NOW + 1 + CLAIM, 2)
    used = claimed(it, "call-7", NOW + 2)
    assert used is not None
    assert (used.state, used.claimed_by, used.joins_until_ms) == ("claimed", "call-7", 0)
    assert claimed(used, "call-8", NOW + 3) is None


def test_the_same_word_again_is_the_same_answer_and_changes_nothing() -> None:
    it = say(question(), "ann")
    assert say(it, "ann", now_ms=NOW + 9) is it
    used = claimed(it, "call-7", NOW + 2)
    assert used is not None
    assert say(used, "ann") is used


def test_h3_who_comes_second_is_told_who_decided() -> None:
    it = say(question(), "ann")
    assert code_of(it, "bob", yes=False) == "decided"
    assert code_of(it, "bob") == "decided"
    assert code_of(it, "ann", yes=False) == "decided"


def test_m_of_n_takes_different_people_and_one_no_is_enough() -> None:
    first = say(question(needed=2), "ann")
    assert (first.state, first.yes) == ("pending", 1)
    assert say(first, "ann") is first
    assert say(first, "bob").state == "approved"
    assert say(first, "bob", yes=False).state == "denied"
    assert say(first, "ann", yes=False).state == "denied", "who said yes may think better of it"


@pytest.mark.parametrize("name", ["coder", "CODER", "acme/coder", "s1", "boss", "t9", "oidc:Coder"])
def test_nobody_decides_what_they_asked_for(name: str) -> None:
    assert code_of(question(parent="boss", task="t9"), name) == "requester"


def test_what_has_expired_is_not_decided_also_before_anybody_noticed() -> None:
    it = question()
    assert code_of(it, "ann", now_ms=NOW + TTL) == "expired"
    over = expired(it, NOW + TTL)
    assert over is not None
    assert over.state == "expired"
    assert code_of(over, "ann") == "expired"


def test_it_expires_when_it_is_time_and_not_before() -> None:
    it = question()
    assert expired(it, NOW + TTL - 1) is None
    granted = say(it, "ann")
    assert expired(granted, NOW + CLAIM) is None
    late = expired(granted, NOW + 1 + CLAIM)
    assert late is not None
    assert claimed(granted, "c", NOW + 1 + CLAIM) is None
    assert expired(say(it, "ann", yes=False), NOW + 10 * TTL) is None


def test_only_who_claimed_it_gives_it_back_and_the_window_stays() -> None:
    granted = say(question(), "ann")
    used = claimed(granted, "call-7", NOW + 2)
    assert used is not None
    assert returned(used, "call-8", NOW + 3) is None
    back = returned(used, "call-7", NOW + 3)
    assert back is not None
    assert (back.state, back.until_ms, back.claimed_by) == ("approved", granted.until_ms, None)
    assert returned(back, "call-7", NOW + 3) is None


def test_what_a_restart_denies_may_be_asked_anew() -> None:
    for it in (question(), say(question(), "ann")):
        cut = cut_off(it, NOW + 5)
        assert cut is not None
        assert (cut.state, cut.votes[-1].by) == ("denied", "restart")
        assert cut.joins_until_ms <= NOW + 5
    denied = say(question(), "ann", yes=False)
    assert cut_off(denied, NOW + 5) is None
    assert denied.joins_until_ms == NOW + TTL, "a person's no holds"
