"""Figures that the pages state are those of the code."""

import pytest

from proxy import rounds, runtime
from proxy.budgets.amounts import AMOUNT_MAX
from proxy.budgets.counters import GENERATION
from proxy.engine import dial, handler
from proxy.kill import switch, triggers
from proxy.ledger import sqlite
from proxy.money import NANOUSD_MAX, format_usd
from proxy.pricing import limits, tokens
from proxy.pricing.families import family_of
from tests.docs.pages import ROOT

METERING = "docs/metering.md"
STREAMS = "docs/decisions/0002-cancelled-streams.md"
UNKNOWN = limits.UNKNOWN
MARGIN = f"{tokens.CANCEL_TOKENS} tokens per sampling and {tokens.CANCEL_TOKENS_PER_TOOL} per tool"


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("docs/operating.md", f"get {runtime._GRACE_S:.0f} seconds to end by themselves"),
        (METERING, f"allowances: {tokens.MESSAGE_BYTES} per message"),
        (METERING, f"{tokens.BUILTIN_TOOL_TOKENS:,} per tool that the provider describes itself"),
        (METERING, MARGIN),
        (STREAMS, MARGIN),
        (METERING, f"{UNKNOWN.input_tokens:,} tokens in, {UNKNOWN.output_tokens:,} out"),
        (METERING, f"{family_of('nobody', 'x').image_tokens_max:,} tokens each"),
        ("docs/decisions/0001-own-engine-core.md", f"it is {handler._UPSTREAMS_PER_ADDRESS} now"),
        ("docs/decisions/0004-outcomes-linger.md", f"at most {sqlite.LINGER_S * 1000:.0f} ms"),
        ("docs/kill.md", f"after {triggers.SESSIONS_MAX} sessions"),
        ("docs/kill.md", "for three seconds" if switch.BLIND_S == 3 else "no such figure"),
        ("policies/README.md", f"with {triggers.SESSIONS_MAX} stopped sessions"),
        ("policies/README.md", f"within the hour; {triggers.LOOP_TIMES} where it is not said"),
        ("docs/decisions/0008-names-resolved-at-the-gate.md", f"for {dial._PINNED_S:.0f} seconds"),
    ],
)
def test_a_figure_is_the_codes(page: str, words: str) -> None:
    assert words in (ROOT / page).read_text("utf-8")


def test_figures_that_are_written_as_powers_or_in_words_are_the_codes() -> None:
    assert GENERATION == 2**32
    assert AMOUNT_MAX == NANOUSD_MAX == 2**53 - 1
    assert format_usd(NANOUSD_MAX).startswith("$9,007,199.")
    assert rounds._ROUND_S == 1.0
