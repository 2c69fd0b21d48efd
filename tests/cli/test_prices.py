"""exeat prices …: rates as they are applied, a file that is checked, and what it would change."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from proxy.cli import app
from proxy.ledger.records import Decision, Outcome, Usage
from proxy.ledger.sqlite import SqliteLedger

OWN = """
[rates."llm.corp:8000"."*"]
free = true
[rates.openai.gpt-4o]
input = 2
output = "9"
context = 100000
[discounts.anthropic]
"*" = 0.9
[[mappings]]
provider = "azure"
name = "main"
model = "gpt-4o"
"""


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without settings of one's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EXEAT_PRICES_FILE", raising=False)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "prices.toml"
    path.write_text(OWN)
    return path


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["prices", *map(str, words)])


def rows(*words: object) -> list[dict[str, Any]]:
    result = run(*words)
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


class TestShow:
    def test_every_provider_with_the_number_of_its_models(self, own: Path) -> None:
        told = {row["provider"]: row["models"] for row in rows("show", "--json", "--file", own)}
        assert told["openai"] > 50
        assert told["llm.corp:8000"] == 0

    def test_every_model_of_a_provider_with_its_source_and_limits(self, own: Path) -> None:
        told = {row["model"]: row for row in rows("show", "openai", "--json", "--file", own)}
        assert told["gpt-4o"] | {"source": "own"} == told["gpt-4o"]
        assert (told["gpt-4o"]["input"], told["gpt-4o"]["output"]) == ("2", "9")
        assert (told["gpt-4o"]["context"], told["gpt-4o"]["max_output"]) == (100_000, 16_384)
        assert told["gpt-4o-mini"]["source"] == "published"

    def test_every_tier_and_step_of_a_model(self) -> None:
        told = rows("show", "openai", "gpt-5.6-sol", "--format", "json")
        assert {(row["tier"], row["above"], row["input"]) for row in told} >= {
            ("standard", 0, "4"),
            ("standard", 272_000, "8"),
            ("priority", 0, "8"),
            ("flex", 0, "2"),
        }

    def test_a_mapping_and_a_discount_say_where_they_come_from(self, own: Path) -> None:
        (mapped,) = {
            row["source"] for row in rows("show", "azure", "main", "--json", "--file", own)
        }
        assert mapped == "mapped to azure/gpt-4o: published"
        (cheaper, *_) = rows("show", "anthropic", "claude-sonnet-4-5", "--json", "--file", own)
        assert (cheaper["source"], cheaper["input"]) == ("published x 0.9", "2.7")
        (free, *_) = rows("show", "llm.corp:8000", "--json", "--file", own)
        assert (free["model"], free["input"], free["source"]) == ("*", "0", "own, free")

    def test_a_table_begins_with_the_version_that_records_carry(self, own: Path) -> None:
        result = run("show", "openai", "--file", own)
        assert result.stdout.startswith("genai-prices ")
        assert "gpt-4o-mini" in result.stdout

    def test_the_settings_file_is_the_one_that_counts(self, own: Path, tmp_path: Path) -> None:
        (tmp_path / "exeat.toml").write_text('prices_file = "prices.toml"\n')
        (row, *_) = rows("show", "openai", "gpt-4o", "--json")
        assert row["source"] == "own"

    @pytest.mark.parametrize("words", [("nobody",), ("openai", "gpt-99")])
    def test_what_has_no_price_is_an_error_with_its_next_step(self, words: tuple[str, ...]) -> None:
        result = run("show", *words)
        assert result.exit_code == 2
        assert "exeat: " in result.stderr


class TestCheck:
    def test_a_good_file_is_named_with_the_version_it_makes(self, own: Path) -> None:
        result = run("check", own)
        assert result.exit_code == 0, result.output
        assert result.stdout.startswith(f"{own}: ok, genai-prices ")

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("[rates.openai.gpt-99]\ninput = 1\noutput = 1", "openai.gpt-99: no table lists"),
            ("[rates.opneai.x]\ninput = 1\noutput = 1", "rates.opneai: no table lists"),
            ("[rates.openai.gpt-99]\ncontext = 1", "has limits and no price"),
            ("[rates.openai.gpt-4o]\ninput = 0.25\noutput = 10", "input 0.25 is far below"),
            ("[rates.openai.gpt-4o]\nfree = true", "output 0 is far below"),
            ("[discounts.opneai]\n'*' = 0.9", "discounts.opneai: no table lists"),
            ("[discounts.openai]\ngpt-99 = 0.9", "openai.gpt-99: no table lists"),
            ("[discounts.openai]\n'*' = 0.15", "0.15 is far below"),
            ("[discounts.openai]\n'*' = 1.5", "makes it dearer"),
            (
                "[[mappings]]\nprovider = 'azure'\nname = 'a'\nmodel = 'gpt-99'",
                "azure/a stands for azure/gpt-99, which has no price",
            ),
        ],
    )
    def test_what_may_not_be_meant_is_a_warning_and_exit_3(
        self, text: str, says: str, tmp_path: Path
    ) -> None:
        path = tmp_path / "odd.toml"
        path.write_text(text)
        result = run("check", path)
        assert result.exit_code == 3, result.output
        assert says in result.stdout

    def test_a_file_that_cannot_be_used_is_exit_1(self, tmp_path: Path) -> None:
        path = tmp_path / "bad.toml"
        path.write_text("[rates.openai.x]\ninput = 'much'\noutput = 1\n")
        result = run("check", path)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith(f"{path}:2: rates.openai.x.input: ")

    def test_no_file_at_all_is_a_use_error(self) -> None:
        assert run("check").exit_code == 2


class TestDiff:
    def test_every_figure_that_differs_from_what_is_in_force(self, own: Path) -> None:
        told = rows("diff", own, "--format", "json")
        changed = {(row["provider"], row["model"], row["what"]): row for row in told}
        gpt = changed["openai", "gpt-4o", "input"]
        assert (gpt["before"], gpt["after"]) == ("2.5", "2")
        assert changed["openai", "gpt-4o", "context"]["after"] == "100000"
        assert changed["llm.corp:8000", "*", "input"] == {
            "provider": "llm.corp:8000",
            "model": "*",
            "what": "input",
            "before": None,
            "after": "0",
        }
        assert ("azure", "main", "output") in changed
        assert not [key for key in changed if key[:2] == ("openai", "gpt-4o-mini")]

    def test_two_files_against_each_other(self, own: Path, tmp_path: Path) -> None:
        other = tmp_path / "other.toml"
        other.write_text(OWN.replace("input = 2\n", "input = 2.2\n"))
        (row,) = [
            row for row in rows("diff", own, other, "--format", "json") if row["what"] == "input"
        ]
        assert (row["before"], row["after"]) == ("2", "2.2")
        assert run("diff", own, own).stdout == "nothing changes\n"

    def test_the_ledgers_calls_in_dollars(self, own: Path, tmp_path: Path) -> None:
        path = tmp_path / "ledger.sqlite"

        async def fill() -> None:
            ledger = await SqliteLedger.open(path)
            for number, (provider, model) in enumerate([("openai", "gpt-4o"), ("openai", "new")]):
                decided = Decision(
                    id=f"call-{number}",
                    ts_ms=1_795_000_000_000,
                    decision="allow",
                    action="llm.call",
                    org="acme",
                    provider=provider,
                    model=model,
                )
                await ledger.append(decided)
                usage = Usage(1_000_000, 0)
                await ledger.append(
                    Outcome(
                        decision_id=decided.id,
                        ts_ms=1_795_000_000_001,
                        status="answered",
                        usage=usage,
                        cost_nanousd=2_500_000_000,
                        tokens=1_000_000,
                    )
                )
            await ledger.close()

        asyncio.run(fill())
        since = ("--since", "2026-01-01", "--ledger", path, "--format", "json")
        told = {row["model"]: row for row in rows("diff", own, *since)}
        assert told["gpt-4o"] == {
            "provider": "openai",
            "model": "gpt-4o",
            "calls": 1,
            "charged": "$2.50",
            "before": "$2.50",
            "after": "$2.00",
        }
        assert (told["new"]["before"], told["new"]["after"]) == (None, None)

    def test_a_file_that_cannot_be_used_is_named(self, tmp_path: Path) -> None:
        result = run("diff", tmp_path / "none.toml")
        assert result.exit_code == 2
        assert "none.toml: cannot be read" in result.stderr
