"""Dependencies: no task may wait for itself, however far around."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.board.dependencies import circle

EDGES = {"a": ("b",), "b": ("c",), "c": (), "d": ("a", "b")}


@pytest.mark.parametrize(
    ("task", "depends_on", "ring"),
    [
        ("c", ["a"], ("c", "a", "b", "c")),
        ("c", ["d", "b"], ("c", "b", "c")),
        ("a", ["a"], ("a", "a")),
        ("c", [], ()),
        ("a", ["b", "c"], ()),
        ("e", ["d", "a"], ()),
    ],
)
def test_a_ring_is_found_and_told_in_order(task, depends_on, ring):
    assert circle(task, depends_on, lambda each: EDGES.get(each, ())) == ring


@given(st.data())
def test_tasks_that_wait_only_for_older_ones_never_make_a_ring(data):
    count = data.draw(st.integers(1, 12))
    edges = {
        number: tuple(data.draw(st.sets(st.integers(0, number - 1)))) if number else ()
        for number in range(count)
    }
    named = {str(one): tuple(map(str, others)) for one, others in edges.items()}
    task = data.draw(st.sampled_from(sorted(named)))
    assert circle(task, named[task], lambda each: named[each]) == ()
    waiting = [one for one in named if _reaches(named, one, task)]
    for one in waiting:
        ring = circle(task, [one], lambda each: named[each])
        assert ring[0] == ring[-1] == task
        assert all(b in named[a] for a, b in pairwise(ring[1:]))


def _reaches(edges, one, other):
    return one == other or any(_reaches(edges, each, other) for each in edges[one])
