"""docs/clients.md names every variable that `exeat env` prints, and every header that is stripped."""

import re
from pathlib import Path

from proxy.cli.env import client_variables
from proxy.identity.claims import OWN_HEADERS, VENDOR_HEADERS, is_identity_header
from proxy.providers.homes import HOMES
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


def test_every_route_that_is_known_by_name_stands_in_the_table_with_its_home() -> None:
    told = {row[0].strip("`"): row[1] for row in table(PAGE, "route")}
    assert list(told) == list(HOMES)
    for name, home in HOMES.items():
        assert f"`{home.url}" in told[name] if home.url else "operator" in told[name]
