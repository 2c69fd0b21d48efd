"""What the running system filed is explained and replayed as it was decided."""

import json
from pathlib import Path

from typer.testing import CliRunner

from proxy.cli import app
from tests.house import chat, house

RULES = """policy: test
version: 1
egress: {default: allow}
rules:
  - {id: minis, decision: deny, reason: no small models, match: {models: ["*-mini"]}}
  - {id: trees, decision: deny, match: {commands: [rm -r]}}
  - {id: posts, decision: warn, match: {methods: [POST]}}
"""


async def test_e7_what_was_decided_on_the_wire_is_what_a_replay_and_an_explanation_decide(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, RULES) as built:
        async with built.client() as client:
            for number, model in enumerate(("gpt-4o", "gpt-4o-mini", "gpt-4o")):
                script = "rm -rf build" if number else "ls"
                built.says(tool="Bash", arguments=json.dumps({"command": script}))
                await client.post("/openai/v1/chat/completions", json=chat(model, n=1))
        await built.outcomes(2)
        calls = await built.records(kind="decision")
        tools = await built.records(kind="tool_call")
    assert (len(calls), len(tools)) == (3, 2)

    policy, ledger = tmp_path / "policy.yaml", tmp_path / "state" / "ledger.sqlite"
    words = ["policy", "replay", str(policy), "--ledger", str(ledger), "--json"]
    told = json.loads(CliRunner().invoke(app, words).stdout)
    assert (told["calls"], told["tool_calls"], told["changes"]) == (3, 2, [])
    for record in (*calls, *tools):
        words = ["policy", "explain", str(policy), "--record", record["id"], "--json"]
        said = json.loads(CliRunner().invoke(app, [*words, "--ledger", str(ledger)]).stdout)
        if record["kind"] == "decision":
            was = record["result"]["stamps"], record["rules"]["rule"]
            assert said["ruled"]["rule"] in json.dumps(was)
            assert said["passes"] is (record["result"]["decision"] == "allow")
        else:
            was = record["result"]["status"], record["result"]["facts"]["rule"]
            assert (said["ruled"]["decision"], said["ruled"]["rule"]) == was
