"""A tool call that an answer let through is known again when a hook asks about it, once."""

from proxy.policy import released
from proxy.policy.released import Released
from proxy.slip import Identity

ME = Identity("acme", "coder", "s1")


def test_a_call_is_known_to_its_own_session_and_once() -> None:
    known = Released()
    known.add(ME, "toolu_1")
    assert known.take(Identity("acme", "coder", "s2"), "toolu_1") is None
    assert known.take(ME, "toolu_2") is None
    assert known.take(ME, "toolu_1") == ""
    assert known.take(ME, "toolu_1") is None, "it stands for one check, not for many"


def test_what_was_approved_is_known_with_what_it_does() -> None:
    known = Released()
    known.add(ME, "toolu_1", "digest")
    assert known.take(ME, "toolu_1") == "digest"


def test_a_call_without_an_id_is_no_other_call() -> None:
    known = Released()
    known.add(ME, "")
    assert known.take(ME, "") is None
    assert known.take(ME, None) is None


def test_it_forgets_the_oldest(monkeypatch) -> None:
    monkeypatch.setattr(released, "_KEPT_MAX", 2)
    known = Released()
    for each in ("a", "b", "c"):
        known.add(ME, each)
    assert [known.take(ME, each) for each in ("a", "b", "c")] == [None, "", ""]
