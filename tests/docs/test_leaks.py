"""docs/leaks.md names every kind, in the order of the code, and where each is at home."""

from proxy.leaks import KINDS
from proxy.leaks.rules import FORMATS
from tests.docs.pages import ROOT, table

ROWS = table((ROOT / "docs" / "leaks.md").read_text("utf-8"), "kind")


def test_every_kind_has_a_row_and_no_other() -> None:
    assert [row[0].strip("`") for row in ROWS] == list(KINDS)


def test_what_is_at_home_nowhere_says_so() -> None:
    homes = {row[0].strip("`"): row[2] for row in ROWS}
    for rule in FORMATS:
        has_home = bool(rule.providers or rule.hosts)
        assert has_home == (homes[rule.kind] not in ("nowhere", "any host, as a credential"))
