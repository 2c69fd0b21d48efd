"""The circuit breaker: who rests, for how long, and who tries them again."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.delegate.health import FAILURES, REST_MS, REST_MS_MAX, Health, Standing

T = 1_000_000


def fallen(health: Health, name: str = "a", now_ms: int = T) -> None:
    for _ in range(FAILURES):
        health.failed(name, now_ms)


def rests(health: Health, now_ms: int, name: str = "a") -> bool:
    return health.standing(name, now_ms).is_resting


def test_nobody_is_known_at_first():
    assert Health().standing("a", T) == Standing(False, None)


def test_failures_in_a_row_make_it_rest_and_one_answer_between_them_does_not():
    health = Health()
    health.failed("a", T)
    health.failed("a", T)
    assert not rests(health, T)
    health.answered("a", 10)
    health.failed("a", T)
    health.failed("a", T)
    assert not rests(health, T)
    health.failed("a", T)
    assert rests(health, T)
    assert not rests(health, T, "b"), "another is not to blame"


def test_after_its_rest_one_call_tries_it_and_the_others_keep_away():
    health = Health()
    fallen(health)
    later = T + REST_MS
    assert rests(health, later - 1)
    assert not rests(health, later)
    health.begins("a", later)
    assert rests(health, later)


def test_a_trial_that_is_answered_ends_it():
    health = Health()
    fallen(health)
    health.begins("a", T + REST_MS)
    health.answered("a", 10)
    assert not rests(health, T + REST_MS)
    health.failed("a", T + REST_MS)
    assert not rests(health, T + REST_MS), "it begins anew"


def test_each_trial_that_fails_doubles_the_rest_up_to_a_limit():
    health, now = Health(), T
    fallen(health)
    rest = REST_MS
    for _ in range(8):
        now += rest
        health.begins("a", now)
        health.failed("a", now)
        rest = min(2 * rest, REST_MS_MAX)
        assert rests(health, now + rest - 1)
        assert not rests(health, now + rest)
    assert rest == REST_MS_MAX


def test_many_that_fail_at_once_are_one_failure():
    health = Health()
    for _ in range(50):
        health.begins("a", T)
    for _ in range(50):
        health.failed("a", T)
    assert not rests(health, T + REST_MS)


def test_a_trial_whose_caller_left_leaves_it_to_the_next():
    health = Health()
    fallen(health)
    health.begins("a", T + REST_MS)
    assert not rests(health, T + 2 * REST_MS)


def test_who_says_when_to_come_back_is_heard_within_reason():
    health = Health()
    health.failed("a", T, retry_after_s=7)
    assert rests(health, T + 6_999)
    assert not rests(health, T + 7_000)
    health.failed("b", T, retry_after_s=10**6)
    assert not rests(health, T + REST_MS_MAX, "b")


def test_latency_is_a_running_mean():
    health = Health()
    health.answered("a", 100)
    assert health.standing("a", T).latency_ms == 100
    health.answered("a", 200)
    assert health.standing("a", T).latency_ms == 130


def test_what_is_remembered_is_bounded():
    health = Health(names_max=10)
    for number in range(1000):
        health.answered(str(number), 1)
    assert len(health) == 10
    assert health.standing("999", T).latency_ms == 1


STEPS = st.lists(
    st.tuples(st.sampled_from(["begins", "answered", "failed"]), st.integers(0, 400_000)),
    max_size=60,
)


@given(STEPS)
def test_whatever_happened_nobody_rests_for_longer_than_the_limit(steps):
    health, now = Health(), T
    for step, wait_ms in steps:
        now += wait_ms
        if step == "begins":
            health.begins("a", now)
        elif step == "answered":
            health.answered("a", 5)
            assert not rests(health, now)
        else:
            health.failed("a", now)
        assert not rests(health, now + REST_MS_MAX)
