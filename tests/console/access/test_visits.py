"""Visits: how long they last, and what a form must carry."""

import pytest

from proxy.console.access.visits import Lengths, Visit, csrf_of, is_csrf, new_visit_secret

LENGTHS = Lengths(idle_ms=300, max_ms=1000)


def visit(began_ms: int, seen_ms: int) -> Visit:
    return Visit("ann", "viewer", None, began_ms, seen_ms)


@pytest.mark.parametrize(
    ("seen_ms", "now_ms", "is_good"),
    [(0, 299, True), (0, 300, False), (700, 999, True), (900, 1000, False)],
)
def test_a_visit_ends_when_nobody_is_there_and_in_any_case_after_its_time(seen_ms, now_ms, is_good):
    assert visit(0, seen_ms).is_good(now_ms, LENGTHS) is is_good


def test_that_somebody_is_there_is_noted_now_and_then():
    assert not visit(0, 100).is_to_touch(109, LENGTHS)
    assert visit(0, 100).is_to_touch(110, LENGTHS)


def test_what_a_form_carries_is_the_visits_own_and_does_not_tell_its_secret():
    secret, other = new_visit_secret(), new_visit_secret()
    assert is_csrf(secret, csrf_of(secret))
    assert not is_csrf(secret, csrf_of(other))
    assert not is_csrf(secret, "")
    assert not is_csrf(secret, "\udcff")
    assert secret not in csrf_of(secret)
    assert len(secret) == 43
