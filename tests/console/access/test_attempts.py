"""Attempts to log in."""

from proxy.console.access.attempts import _ADDRESSES_MAX, Attempts, Rate


def test_an_address_may_try_so_often_and_then_waits():
    attempts = Attempts(each=Rate(3, 1000), all=Rate(100, 1))
    assert [attempts.take("10.0.0.1", 0) for _ in range(4)] == [0, 0, 0, 1000]
    assert attempts.take("10.0.0.1", 400) == 600
    assert attempts.take("10.0.0.2", 400) == 0, "another is not concerned"
    assert attempts.take("10.0.0.1", 1000) == 0
    assert attempts.take("10.0.0.1", 1000) == 1000


def test_what_was_no_failure_is_given_back():
    attempts = Attempts(each=Rate(1, 1000), all=Rate(1, 1000))
    for _ in range(5):
        assert attempts.take("10.0.0.1", 0) == 0
        attempts.give_back("10.0.0.1")


def test_many_addresses_together_are_not_let_try_without_end():
    attempts = Attempts(each=Rate(3, 1000), all=Rate(10, 1000))
    taken = [attempts.take(f"10.0.0.{number}", 0) for number in range(20)]
    assert taken == [0] * 10 + [1000] * 10


def test_a_refused_attempt_does_not_make_the_wait_longer():
    attempts = Attempts(each=Rate(1, 1000), all=Rate(100, 1))
    attempts.take("10.0.0.1", 0)
    for _ in range(50):
        attempts.take("10.0.0.1", 0)
    assert attempts.take("10.0.0.1", 1000) == 0


def test_a_host_is_one_however_many_addresses_it_has():
    attempts = Attempts(each=Rate(1, 1000), all=Rate(100, 1))
    assert attempts.take("2001:db8::1", 0) == 0
    assert attempts.take("2001:db8::ffff:2", 0) > 0
    assert attempts.take("2001:db8:0:1::1", 0) == 0
    assert attempts.take("fe80::1%eth0", 0) == 0
    assert attempts.take("no address", 0) == 0
    assert attempts.take("::ffff:10.0.0.1", 0) == 0
    assert attempts.take("::ffff:10.0.0.2", 0) == 0


def test_memory_is_bounded():
    attempts = Attempts(all=Rate(10**9, 1))
    for number in range(_ADDRESSES_MAX + 50):
        attempts.take(f"{number}", 0)
    assert len(attempts._each) == _ADDRESSES_MAX
