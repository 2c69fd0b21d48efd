"""docs/clients.md names every variable that `exeat env` prints, and every header that is stripped."""

import re
from pathlib import Path

from proxy.cli.env import client_variables
from proxy.identity.claims import OWN_HEADERS, VENDOR_HEADERS, is_identity_header
from tests.docs.pages import ROOT, table

PAGE = (ROOT / "docs" / "clients.md").read_text("utf-8")


def test_every_variable_stands_in_the_table_and_no_other() -> None:
    told = [
        name for row in table(PAGE, "variable") for name in re.findall(r"`([A-Za-z_]+)`", row[0])
    ]
    printed = client_variables("127.0.0.1:8080", "acme", "coder", "s1", Path("certs"))
    assert sorted(told) == sorted(printed)


def test_every_identity_header_is_named() -> None:
    lowered = PAGE.lower()
    for name in OWN_HEADERS:
        assert f"`{name}`" in lowered or name.startswith("x-exeat-"), name
    for name, _ in VENDOR_HEADERS:
        assert f"`{name}`" in lowered, name
        assert not is_identity_header(name)
