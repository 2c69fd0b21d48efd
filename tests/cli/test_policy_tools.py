"""exeat policy explain, replay, diff, learn: on a ledger's file."""

import asyncio
import json
import re

import pytest
from typer.testing import CliRunner

from proxy.actions import action_of
from proxy.cli import app
from proxy.ledger.filing import tool_call_of
from proxy.ledger.records import Decision, Outcome, Stamp
from proxy.ledger.sqlite import SqliteLedger
from proxy.slip import Identity, Ruled, Slip, new_id

NO_RM = """policy: mine
version: 1
egress: {default: allow}
models: {deny: ["*-mini"]}
rules:
  - {id: trees, decision: deny, reason: not trees, match: {commands: [rm -r]}}
"""
OPEN = "policy: open\nversion: 1\negress: {default: allow}\n"
IDS = [new_id(1_795_000_000_000) for _ in range(6)]
TOOL = new_id(1_795_000_000_600)
"""In a millisecond of its own, so that its first characters name nothing else."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("policy")

    async def fill():
        ledger = await SqliteLedger.open(folder / "ledger.sqlite")
        for number, each in enumerate(IDS):
            await ledger.append(
                Decision(
                    id=each,
                    ts_ms=1_795_000_000_000 + number,
                    decision="allow",
                    action="llm.call",
                    org="acme",
                    agent="coder",
                    session="s1",
                    identity_strength="headers",
                    method="POST",
                    host="api.openai.com",
                    port=443,
                    path="/v1/responses",
                    provider="openai",
                    model="gpt-4o-mini" if number < 2 else "gpt-4o",
                    stamps=(Stamp("policy", 1, "open/rules.default"),),
                )
            )
            await ledger.append(
                Outcome(
                    decision_id=each,
                    ts_ms=1_795_000_000_500,
                    status="answered",
                    cost_nanousd=9_100_000_000,
                )
            )
        slip = Slip(IDS[-1], 0, 0, "tunnel", "POST", "/v1/responses")
        slip.identity = Identity("acme", "coder", "s1")
        action = action_of("Bash", {"command": "sudo rm -rf build"})
        ruled = Ruled("allow", "open/tools.default")
        event = tool_call_of(slip, "t1", action, ruled, "", 0)
        await ledger.append(type(event)(**{**_fields(event), "id": TOOL}))
        await ledger.close()

    asyncio.run(fill())
    (folder / "mine.yaml").write_text(NO_RM)
    (folder / "open.yaml").write_text(OPEN)
    return folder


def _fields(event):
    return {name: getattr(event, name) for name in type(event).__slots__}


def run(folder, *words):
    texts = [str(word) for word in words]
    ledger = [] if texts[0] == "explain" and "--record" not in texts else ["--ledger"]
    more = [str(folder / "ledger.sqlite")] if ledger else []
    return CliRunner().invoke(app, ["policy", *texts, *ledger, *more])


def test_explain_names_every_rule_what_it_misses_and_the_decision(folder):
    said = run(folder, "explain", folder / "mine.yaml", "--tool", "Bash", "--arguments",
               '{"command": "rm -r x"}')  # fmt: skip
    assert said.exit_code == 1
    assert "mine/rules.trees: wins" in said.stdout
    assert "decision: deny by mine/rules.trees" in said.stdout
    assert "reason: not trees" in said.stdout

    said = run(folder, "explain", folder / "mine.yaml", "--host", "a.test")
    assert said.exit_code == 0
    assert "mine/rules.trees: misses: commands" in said.stdout


def test_explain_as_json_is_the_same(folder):
    said = run(folder, "explain", folder / "mine.yaml", "--model", "gpt-4o-mini", "--json")
    told = json.loads(said.stdout)
    assert (said.exit_code, told["passes"], told["ruled"]["rule"]) == (1, False, "mine/models.deny")


@pytest.mark.parametrize("which", [TOOL, TOOL[:16], "12"], ids=["id", "prefix", "number"])
def test_explain_takes_its_facts_from_a_record(folder, which):
    said = run(folder, "explain", folder / "mine.yaml", "--record", which)
    assert said.exit_code == 1
    assert "tool by acme/coder" in said.stdout


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--record", "x"),
        ("--record", "0" * 12),
        ("--host", "a.test", "--costs", "x"),
        ("--host", "a.test", "--identity", "strong"),
    ],
)
def test_explain_without_anything_that_can_be_asked_is_a_use_error(folder, words):
    said = run(folder, "explain", folder / "mine.yaml", *words)
    assert said.exit_code == 2
    assert said.stderr.startswith("exeat: ")


def test_replay_says_what_it_would_have_refused_and_saved(folder):
    said = run(folder, "replay", folder / "mine.yaml")
    assert said.exit_code == 0, said.output
    assert said.stdout.startswith(
        "Would have refused 2 of 6 calls, and saved $18.20; and 1 of 1 tool calls."
    )
    assert re.search(r"2  call: allow -> deny by mine/models.deny, \$18.20", said.stdout)
    assert IDS[0] in said.stdout


def test_replay_as_json_has_the_same_counts(folder):
    told = json.loads(run(folder, "replay", folder / "mine.yaml", "--json").stdout)
    assert (told["refused_calls"], told["saved_nanousd"]) == (2, 18_200_000_000)
    assert len(told["examples"]) == 3


def test_replay_of_what_was_in_force_changes_nothing(folder):
    said = run(folder, "replay", folder / "open.yaml")
    assert said.stdout.startswith("Would have refused 0 of 6 calls, and saved $0.00")


def test_replay_since_a_moment_after_everything_is_of_nothing(folder):
    assert "0 of 0 calls" in run(folder, "replay", folder / "mine.yaml", "--since", "1s").stdout


def test_diff_says_how_two_policies_differ(folder):
    said = run(folder, "diff", folder / "open.yaml", folder / "mine.yaml")
    assert said.stdout.startswith("3 of 7 calls and tool calls are decided otherwise.")


def test_learn_writes_a_policy_that_checks_and_refuses_nothing_of_what_was_seen(folder):
    said = run(folder, "learn", "--org", "acme")
    assert said.exit_code == 0, said.output
    (folder / "learned.yaml").write_text(said.stdout)
    assert CliRunner().invoke(app, ["policy", "check", str(folder / "learned.yaml")]).exit_code == 0
    again = run(folder, "replay", folder / "learned.yaml")
    assert again.stdout.startswith(
        "Would have refused 0 of 6 calls, and saved $0.00; and 0 of 1 tool calls."
    )


def test_learn_from_nothing_says_so(folder):
    said = run(folder, "learn", "--agent", "nobody")
    assert (said.exit_code, said.stdout) == (1, "")


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("egres: {}", "'egress'"),
        ("egress: {alow: []}", "'allow'"),
        ("rules: [{id: r, decision: denny}]", "'deny'"),
        ("rules: [{id: r, decision: deny, match: {tool: [x]}}]", "'tools'"),
        ("rules: [{id: r, decision: deny, match: {categories: [file_writ]}}]", "'file_write'"),
        ("budgets: [{name: n, usd: 1, windw: day}]", "'window'"),
    ],
)
def test_check_says_what_a_misspelt_word_probably_means(folder, line, meant):
    (folder / "bad.yaml").write_text(f"policy: bad\nversion: 1\n{line}\n")
    said = CliRunner().invoke(app, ["policy", "check", str(folder / "bad.yaml")])
    assert said.exit_code == 1
    assert f"did you mean {meant}?" in said.stderr
