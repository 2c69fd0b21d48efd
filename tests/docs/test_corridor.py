"""The corridor is one list: the code's, its docstring's and the README's."""

from datetime import UTC, datetime
from pathlib import Path

import addons
from proxy.budgets import Accounts, MemoryCounters
from proxy.config import Settings
from proxy.engine.dial import Dialler, Pinned
from proxy.ledger.sqlite import SqliteLedger
from proxy.policy import PolicyBook
from proxy.policy.released import Released
from proxy.pricing.prices import Prices
from proxy.pricing.tokens import TokenCounter
from proxy.seal import Seal
from tests.addons.slips import NoAllowances
from tests.docs.pages import ROOT


def rows(text: str) -> list[str]:
    """The corridor's table as it is written."""
    lines = [line.strip() for line in text.splitlines()]
    start = lines.index("| | addon | asks |")
    return [line for line in lines[start : start + 16] if line.startswith("|")]


def test_the_readme_shows_the_same_table_as_the_code() -> None:
    assert rows((ROOT / "README.md").read_text("utf-8")) == rows(addons.__doc__ or "")


async def test_the_table_is_the_order_in_which_a_call_meets_the_addons(tmp_path: Path) -> None:
    ledger = await SqliteLedger.open(tmp_path / "ledger.sqlite")
    try:
        accounts = Accounts(MemoryCounters(), ledger)
        ports = addons.Ports(
            PolicyBook(),
            Prices(at=datetime.now(UTC)),
            TokenCounter(),
            accounts,
            ledger,
            Dialler({}),
            Pinned(("127.0.0.1",), 1),
            Seal(bytes(32)),
            {},
            NoAllowances(),
            Released(),
        )
        chain = [addon.name for addon in addons.chain(Settings(), ports)]
        await accounts.aclose()
    finally:
        await ledger.close()
    told = [row.split("|")[2].strip() for row in rows(addons.__doc__ or "")[2:]]
    assert told == chain
