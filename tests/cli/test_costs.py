import asyncio
import csv
import io
import json

import pytest
from typer.testing import CliRunner

from proxy.cli.costs import app
from proxy.ledger.records import Decision, Outcome, Usage
from proxy.ledger.sqlite import SqliteLedger

HOUR_MS = 3_600_000
START_MS = 1_795_000_000_000  # 2026-11-18T11:06:40Z


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("costs") / "ledger.sqlite"
    calls = (("coder", "a", 1_000_000), ("coder", "b", 2_000_000), ("tester", "a", 4_000_000))

    async def fill():
        ledger = await SqliteLedger.open(path)
        for number, (agent, model, nanousd) in enumerate(calls):
            ts_ms = START_MS + number * HOUR_MS
            decided = Decision(
                id=f"call-{number}",
                ts_ms=ts_ms,
                decision="allow",
                action="llm.call",
                org="acme",
                agent=agent,
                session="s-1",
                model=model,
            )
            await ledger.append(decided)
            await ledger.append(
                Outcome(
                    decision_id=decided.id,
                    ts_ms=ts_ms + 1,
                    status="answered",
                    usage=Usage(10, 5),
                    cost_nanousd=nanousd,
                    tokens=15,
                    estimated=number == 2,
                )
            )
        await ledger.close()

    asyncio.run(fill())
    return path


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def rows(path, *words):
    return json.loads(run("--ledger", path, "--format", "json", *words).stdout)


def test_costs_are_summed_by_agent_the_dearest_first(path):
    got = [(row["agent"], row["calls"], row["usd"], row["estimated"]) for row in rows(path)]
    assert got == [("tester", 1, "$0.004", 1), ("coder", 2, "$0.003", 0)]


def test_costs_by_several_dimensions(path):
    got = [
        (row["agent"], row["model"], row["nanousd"]) for row in rows(path, "--by", "agent,model")
    ]
    assert got == [("tester", "a", 4_000_000), ("coder", "b", 2_000_000), ("coder", "a", 1_000_000)]


def test_costs_between_two_times(path):
    between = ("--since", "2026-11-18T12:00:00Z", "--until", "2026-11-18T13:00:00+00:00")
    assert [row["nanousd"] for row in rows(path, *between)] == [2_000_000]


def test_the_table_closes_with_a_total(path):
    last = run("--ledger", path).stdout.strip().splitlines()[-1].split()
    assert last == ["total", "3", "3", "0", "30", "15", "0", "0", "45", "$0.007", "1"]


def test_csv_has_one_row_a_group(path):
    got = list(csv.DictReader(io.StringIO(run("--ledger", path, "--format", "csv").stdout)))
    assert [(row["agent"], row["usd"]) for row in got] == [
        ("tester", "$0.004"),
        ("coder", "$0.003"),
    ]


def test_a_dimension_that_does_not_exist_is_named_with_those_that_do(path):
    result = run("--ledger", path, "--by", "agent,colour")
    assert result.exit_code == 2
    assert "--by 'colour': no such dimension; choose of org, agent" in result.stderr
