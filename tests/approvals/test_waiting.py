"""How long a call waits for a person: never beyond what its client or the network bears."""

import pytest

from proxy.approvals.waiting import MARGIN_S, WAIT_MAX_S, _patience_s


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
