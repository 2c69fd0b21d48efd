"""What we record of an exchange is what the provider says of it, to the token and the nano-dollar.

Our own exchanges are always replayed; with EXEAT_RECORDINGS=/folder, those in that folder too.
"""

from pathlib import Path

import pytest

from tests.replay.exchanges import Exchange, exchanges_in
from tests.replay.judge import folder_named, judge

OWN = Path(__file__).parent / "exchanges"
MORE = folder_named()
FOLDERS = [OWN, Path(MORE)] if MORE else [OWN]


@pytest.mark.parametrize(
    "exchange",
    [exchange for folder in FOLDERS for exchange in exchanges_in(folder)],
    ids=lambda exchange: exchange.where,
)
def test_what_is_read_is_what_the_provider_says(exchange: Exchange) -> None:
    assert judge(exchange).faults == []


def test_every_format_has_an_exchange_of_its_own() -> None:
    from proxy.providers.formats import FORMATS

    seen = {judge(exchange).wire for exchange in exchanges_in(OWN)}
    assert set(FORMATS) - seen == {"anthropic.count_tokens"}
