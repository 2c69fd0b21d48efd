"""Metrics read back."""

import pytest

from proxy.metrics import Metrics
from proxy.metrics.reading import read
from tests.metrics.calls import answered, refused
from tests.metrics.test_metrics import Filing


def test_a_figure_is_the_sum_over_its_labels():
    it = Metrics({}, Filing(), lambda: 1, lambda: 0, dict)
    for call in (answered(), refused(), refused()):
        it.ended(call)
    found = read(it.text())

    assert found.of("exeat_calls_total") == 3
    assert found.of("exeat_tokens_total") == 100 + 20 + 5 + 7 + 7
    assert found.of("exeat_ledger_waiting") == 3
    assert found.of("never_measured") == 0


def test_what_is_no_such_text_is_an_error():
    with pytest.raises(ValueError, match="float"):
        read("<html>{")
