"""The slip's own facts."""

import time
import uuid

import pytest

from proxy.slip import Bells, Destination, Slip, Stamped, new_id


def test_an_id_is_a_uuid_of_version_7_that_carries_its_millisecond():
    made = uuid.UUID(new_id(1_795_000_000_123))

    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert made.int >> 80 == 1_795_000_000_123


def test_ids_sort_by_time_and_never_repeat():
    assert new_id(1) < new_id(2) < new_id(2**48 - 1)
    assert len({new_id(7) for _ in range(10_000)}) == 10_000


def test_an_id_carries_the_wall_clock_when_no_time_is_given():
    before = time.time_ns() // 1_000_000

    assert before <= uuid.UUID(new_id()).int >> 80 <= time.time_ns() // 1_000_000


@pytest.mark.parametrize(
    ("to", "authority"),
    [
        (Destination("https", "a.test", 443), "a.test"),
        (Destination("http", "a.test", 80), "a.test"),
        (Destination("https", "a.test", 80), "a.test:80"),
        (Destination("http", "a.test", 443), "a.test:443"),
        (Destination("https", "::1", 443), "[::1]"),
        (Destination("https", "::1", 8443), "[::1]:8443"),
    ],
)
def test_an_authority_names_the_port_only_where_it_is_not_the_schemes_own(to, authority):
    assert to.authority == authority


def test_a_new_slip_is_neither_cleared_nor_decided_nor_stamped():
    slip = Slip("id", 0, 0, "forward", "GET", "/")

    assert not slip.cleared
    assert slip.decided_seq is None
    assert slip.addresses == ()
    assert slip.stamped_by() == set()


def test_a_slip_knows_who_said_yes():
    slip = Slip("id", 0, 0, "forward", "GET", "/")
    slip.stamps += [Stamped("route", 1, ""), Stamped("identity", 2, "acme/coder s1")]

    assert slip.stamped_by() == {"route", "identity"}


def test_slips_share_nothing():
    one, two = (Slip("id", 0, 0, "forward", "GET", "/") for _ in range(2))
    one.notes["x"] = "y"
    one.stamps.append(Stamped("route", 1, ""))

    assert two.notes == {}
    assert two.stamps == []


def test_how_long_a_person_was_waited_for_is_known(monkeypatch):
    now = [5_000_000]
    monkeypatch.setattr(time, "perf_counter_ns", lambda: now[0])
    bells, rung = Bells(), []
    one, other = (lambda: rung.append(1)), (lambda: rung.append(2))
    assert bells.waited_us == 0

    bells.append(one)
    now[0] += 3_000
    bells.append(other)
    now[0] += 3_000
    bells.ring()
    assert (bells.waited_us, rung) == (6, [1, 2]), "both wait, and it is one time"
    bells.remove(one)
    now[0] += 3_000
    bells.remove(other)
    now[0] += 50_000
    assert bells.waited_us == 9
    bells.append(one)
    now[0] += 1_000
    assert bells.waited_us == 10
