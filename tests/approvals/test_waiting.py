"""How long a call waits for a person: never beyond what its client or the network bears."""

import time

import pytest

from proxy.approvals.waiting import MARGIN_S, WAIT_MAX_S, _patience_s, waited
from tests.addons.slips import slip
from tests.approvals.questions import question


@pytest.mark.parametrize(
    ("headers", "longest"),
    [
        ({}, WAIT_MAX_S),
        ({"x-stainless-timeout": "60"}, 50),
        ({"x-stainless-timeout": "600", "x-stainless-read-timeout": "30"}, 20),
        ({"x-stainless-timeout": "soon"}, WAIT_MAX_S),
        ({"x-stainless-timeout": "inf"}, WAIT_MAX_S),
        ({"x-stainless-timeout": "-1"}, WAIT_MAX_S),
        ({"x-stainless-timeout": "nan"}, WAIT_MAX_S),
    ],
)
def test_a_client_that_says_how_long_it_waits_is_answered_before(
    headers: dict[str, str], longest: float
) -> None:
    assert _patience_s(headers.get) - MARGIN_S == longest  # type: ignore[arg-type]


async def test_what_was_waited_for_before_is_part_of_a_clients_patience() -> None:
    """A rule that holds, then a budget without room: two people may be asked for one call."""
    asked_for: list[float] = []

    class Waits:
        async def wait(self, it: object, bell: object, longest_s: float, is_over: object) -> object:
            asked_for.append(longest_s)
            return it

    made = slip()
    for gone_s in (0, 8, 80):
        made.opened_ns = time.monotonic_ns() - gone_s * 10**9
        header = {"x-stainless-timeout": "30"}.get
        await waited(Waits(), made, question(), header, 280)  # type: ignore[arg-type]
    first, second, third = asked_for
    assert 19 < first <= 20
    assert 11 < second <= 12
    assert third == 0
