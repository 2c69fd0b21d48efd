import asyncio
import csv
import io
import json
import sqlite3

import pytest
from typer.testing import CliRunner

from proxy.cli.audit import app
from proxy.ledger.records import Decision, Outcome, Usage
from proxy.ledger.sqlite import SqliteLedger

IDS = [f"0192f3a0-7b1c-7def-8abc-00000000000{number}" for number in range(3)]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("audit") / "ledger.sqlite"

    async def fill():
        ledger = await SqliteLedger.open(path)
        for number, (agent, verdict) in enumerate(
            (("coder", "allow"), ("tester", "deny"), ("coder", "allow"))
        ):
            await ledger.append(
                Decision(
                    id=IDS[number],
                    ts_ms=1_795_000_000_000 + number,
                    decision=verdict,
                    action="llm.call",
                    org="acme",
                    agent=agent,
                    session="s-1",
                    host="api.openai.com",
                    model="=evil\x1b[31m" if number == 2 else "gpt-4.1",
                    code="policy_denied" if verdict == "deny" else None,
                )
            )
        await ledger.append(
            Outcome(
                decision_id=IDS[0],
                ts_ms=1_795_000_000_900,
                status="answered",
                usage=Usage(12, 8),
                cost_nanousd=1_500_000,
                tokens=20,
                model="gpt-4.1-2025-04-14",
            )
        )
        await ledger.close()

    asyncio.run(fill())
    return path


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_list_shows_the_newest_first_and_narrows_by_every_option_given(path):
    result = run("list", "--ledger", path, "--format", "json", "--agent", "coder")
    assert [row["seq"] for row in json.loads(result.stdout)] == [3, 2, 0]
    result = run("list", "--ledger", path, "--format", "json", "--decision", "deny")
    assert [row["code"] for row in json.loads(result.stdout)] == ["policy_denied"]
    assert (
        json.loads(run("list", "--ledger", path, "--format", "json", "--since", "1s").stdout) == []
    )


def test_list_as_lines_of_json_is_one_record_a_line(path):
    lines = run("list", "--ledger", path, "--format", "jsonl", "--limit", 2).stdout.splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [3, 2]
    assert json.loads(lines[0])["usd"] == "$0.0015"
    assert [json.loads(line)["answered"] for line in lines] == ["gpt-4.1-2025-04-14", None]


def test_a_callers_text_reaches_neither_the_terminal_nor_a_spreadsheet_alive(path):
    table = run("list", "--ledger", path).stdout
    assert "=evil\\u001b[31m" in table
    assert "\x1b" not in table
    rows = list(
        csv.DictReader(io.StringIO(run("list", "--ledger", path, "--format", "csv").stdout))
    )
    assert rows[1]["model"].startswith("'=evil")
    assert "\x1b" not in run("show", "2", "--ledger", path).stdout


def test_show_gives_a_call_with_its_outcome_by_number_or_the_start_of_its_id(path):
    assert "record 0 · decision" in run("show", "0", "--ledger", path).stdout
    bodies = json.loads(run("show", IDS[0], "--ledger", path, "--format", "json").stdout)
    assert [body["kind"] for body in bodies] == ["decision", "outcome"]
    page = run("show", IDS[0][:13], "--ledger", path).stdout
    assert page.count("record ") == 4
    assert "nanousd 1500000" in page


def test_show_says_how_to_find_what_is_not_there(path):
    result = run("show", "99", "--ledger", path)
    assert result.exit_code == 1
    assert "exeat audit list" in result.stderr
    assert "at least 8 characters" in run("show", "0192", "--ledger", path).stderr


def test_verify_exits_3_and_says_what_it_cannot_see(path):
    result = run("verify", "--ledger", path)
    assert result.exit_code == 3
    assert "Internally consistent: 4 records. Not proved" in result.stdout
    assert "Open: record 2" in result.stdout


def test_verify_exits_1_and_names_the_first_bad_record(path, tmp_path):
    copy = tmp_path / "copy.sqlite"
    copy.write_bytes(path.read_bytes())
    db = sqlite3.connect(copy, isolation_level=None)
    db.execute("UPDATE records SET status = 'allow' WHERE seq = 1")
    db.close()
    result = run("verify", "--ledger", copy)
    assert result.exit_code == 1
    assert "Tampered: record 1" in result.stdout
    facts = json.loads(run("verify", "--ledger", copy, "--format", "json").stdout)
    assert facts["findings"][0]["seq"] == 1
    assert facts["verdict"] == "tampered"


def test_verify_exits_2_for_what_is_no_ledger(tmp_path):
    result = run("verify", "--ledger", tmp_path / "none.sqlite")
    assert result.exit_code == 2
    assert "none.sqlite" in result.stdout


@pytest.mark.parametrize("words", [("list",), ("show", "0")])
def test_a_missing_ledger_is_named_with_the_next_step(tmp_path, words):
    result = run(*words, "--ledger", tmp_path / "none.sqlite")
    assert result.exit_code == 2
    assert "none.sqlite: no ledger is here; start exeat, or name one with --ledger" in result.stderr


def test_a_time_nobody_understands_is_shown_with_what_would_be(path):
    result = run("list", "--ledger", path, "--since", "yesterday")
    assert result.exit_code == 2
    assert "--since 'yesterday' is no time; write 90s" in result.stderr


def test_reading_leaves_no_file_beside_the_ledger(path):
    run("list", "--ledger", path)
    run("verify", "--ledger", path)
    assert sorted(file.name for file in path.parent.iterdir()) == [
        "ledger.sqlite",
        "ledger.sqlite.lock",
    ]
