"""What is let through for a time, by form: who may, what it says, and that it is in force."""

import csv
import io
import json

import pytest

from proxy.console import said
from proxy.policy.permits import Bypass, Grant
from tests.console import scene

RULE = "acme-baseline/rules.no-destructive-commands"
BYPASS = {"org": "acme", "agent": "coder", "rules": RULE, "minutes": "30", "reason": "cleaning"}
GRANT = {"org": "acme", "budget": "org-day", "amount": "$2.50", "minutes": "30", "reason": "busy"}


async def test_an_admin_lets_rules_pass_and_every_page_says_so(look, ports) -> None:
    assert "No rule is passed over." in (await look("/permits")).text
    answer = await look("/permits/bypass", BYPASS | {"rules": f"{RULE}  acme-baseline/egress.*"})
    assert (answer.status, answer.headers["location"]) == (303, "/permits")
    (made,) = ports.permits.in_force
    assert isinstance(made, Bypass)
    assert made.rules == (RULE, "acme-baseline/egress.*")
    assert (str(made.scope), made.by, made.reason) == ("org acme, agent coder", "admin", "cleaning")
    text = (await look("/permits")).text
    assert RULE in text
    assert "min left" in text
    assert "Rules are passed over (1)." in (await look("/calls")).text, "as a badge in the rail"
    for path in ("/", "/policies"):
        every = (await look(path)).text
        assert "What those rules refuse passes for a time, flagged." in every
        assert 'href="/permits"' in every


async def test_an_approver_lifts_a_budget_and_takes_it_back(look, ports) -> None:
    assert (await look("/permits/grant", GRANT, role="approver")).status == 303
    (made,) = ports.permits.in_force
    assert isinstance(made, Grant)
    assert (made.budget, made.unit, made.amount) == ("org-day", "usd", 2_500_000_000)
    assert "$2.50" in (await look("/permits")).text
    assert "Rules are passed over" not in (await look("/")).text, "a grant passes over no rule"
    gone = {"id": made.id, "reason": "enough"}
    assert (await look("/permits/revoke", gone, role="approver")).status == 303
    assert ports.permits.in_force == ()
    assert (await look("/permits/revoke", gone)).status == 404


@pytest.mark.parametrize(
    ("path", "form", "status", "words"),
    [
        ("/permits/bypass", BYPASS | {"rules": ""}, 400, "rules"),
        ("/permits/bypass", BYPASS | {"reason": ""}, 400, "Say why"),
        ("/permits/bypass", BYPASS | {"minutes": "1441"}, 400, "minutes"),
        ("/permits/grant", GRANT | {"amount": "much"}, 400, "amount"),
        ("/permits/grant", GRANT | {"budget": "none"}, 404, "there are: "),
        ("/permits/grant", GRANT | {"budget": "agent-day"}, 404, "needs that to be named"),
    ],
)
async def test_what_cannot_be_given_is_told_why(look, ports, path, form, status, words) -> None:
    answer = await look(path, form)
    assert answer.status == status
    assert words in answer.text
    assert ports.permits.in_force == ()


@pytest.mark.parametrize(
    ("path", "form", "role"),
    [
        ("/permits/bypass", BYPASS, "approver"),
        ("/permits/grant", GRANT, "viewer"),
        ("/permits/revoke", {"id": "x", "reason": "y"}, "viewer"),
    ],
)
async def test_nobody_does_more_than_their_role(look, ports, path, form, role) -> None:
    assert (await look(path, form, role=role)).status == 403
    assert ports.permits.in_force == ()


@pytest.mark.parametrize(
    ("role", "forms"),
    [
        ("viewer", []),
        ("approver", ["/permits/grant"]),
        ("admin", ["/permits/grant", "/permits/bypass"]),
    ],
)
async def test_a_form_is_shown_to_whoever_may_send_it(look, role, forms) -> None:
    text = (await look("/permits", role=role)).text
    every = ("/permits/grant", "/permits/bypass")
    assert [path for path in every if f'action="{path}"' in text] == forms


async def test_the_forms_begin_with_whom_the_page_was_opened_for(look) -> None:
    text = (await look("/permits?org=acme&agent=coder&budget=agent-day&rule=a/b&odd=x")).text
    for value in ("acme", "coder", "agent-day", "a/b"):
        assert f'value="{value}"' in text
    assert scene.POLICY.count("agent-day") == 1


async def test_what_is_in_force_is_a_file_too(look, ports) -> None:
    await look("/permits/bypass", BYPASS)
    await look("/permits/grant", GRANT)
    answer = await look("/permits.csv", role="viewer")
    bypass, grant = csv.DictReader(io.StringIO(answer.text))
    assert (bypass["kind"], bypass["rules"], bypass["agent"]) == ("bypass", RULE, "coder")
    assert (grant["kind"], grant["budget"], grant["unit"]) == ("grant", "org-day", "usd")
    assert grant["amount"] == "2500000000"
    assert grant["until"] == said.iso(ports.permits.in_force[1].until_ms)
    lines = (await look("/permits.jsonl")).text.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [bypass["id"], grant["id"]]
    assert 'href="/permits.csv"' in (await look("/permits")).text
