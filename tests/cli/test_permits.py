"""exeat permits, exeat policy bypass: as typed, against a console that listens."""

from tests.cli.test_kill import typed
from tests.console.conftest import Desk

WHO = ("--org", "acme", "--agent", "coder")


async def test_h4_a_bypass_says_until_when_and_what_takes_it_back(desk: Desk) -> None:
    words = ("policy", "bypass", *WHO, "--rule", "p/rules.a", "--rule", "p/egress.*")
    code, said = await typed(desk, *words, "--minutes", "30", "--reason", "An outage")
    assert code == 0
    assert "passes p/rules.a, p/egress.*" in said
    code, seen = await typed(desk, "permits", "list", "--format", "csv", role="viewer")
    assert code == 0
    assert "bypass,acme,coder,," in seen
    which = seen.partition(",")[0]
    code, said = await typed(desk, "permits", "revoke", which, "--reason", "Mended")
    assert (code, said) == (0, f"revoked: {which}, passes p/rules.a, p/egress.*")
    code, said = await typed(desk, "permits", "revoke", which, "--reason", "Mended")
    assert code == 1
    assert "No such permit is in force" in said


async def test_a_grant_says_how_much_of_what(desk: Desk) -> None:
    words = ("permits", "grant", *WHO, "--budget", "day", "--amount", "5", "--minutes", "30")
    code, said = await typed(desk, *words, "--reason", "A release", role="approver")
    assert code == 0
    assert "$5.00 more of day" in said


async def test_a_bypass_without_an_end_or_a_rule_cannot_be_typed(desk: Desk) -> None:
    words = ("policy", "bypass", *WHO, "--reason", "x")
    assert (await typed(desk, *words, "--rule", "p/*"))[0] == 2
    assert (await typed(desk, *words, "--minutes", "5"))[0] == 2
    assert (await typed(desk, *words, "--rule", "p/*", "--minutes", "0"))[0] == 2
