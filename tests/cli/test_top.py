"""exeat top: one look, and what is drawn of it."""

import asyncio
from typing import Any

from rich.console import Console
from typer.testing import CliRunner

from proxy.cli import app
from proxy.cli.top import Since, frame
from proxy.metrics.reading import Figures
from tests.addons.slips import chat, model_slip
from tests.console.conftest import Desk

NOW_MS = 1_795_000_010_000
CALL: dict[str, Any] = {
    "id": "c1",
    "opened_ms": NOW_MS - 1_500,
    "org": "acme",
    "agent": "coder",
    "session": "s1",
    "method": "POST",
    "host": "api.openai.com",
    "model": "gpt-4o-mini",
    "held_nanousd": 60_000,
    "answer_bytes": 12_345,
    "stamps": ["route", "gate"],
}


def drawn(now: Figures, since: Since | None, *calls: dict[str, Any]) -> str:
    terminal = Console(width=160, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    with terminal.file:
        terminal.print(frame(now, since, calls, NOW_MS))
    return terminal.export_text()


def test_a_call_is_a_row_and_money_is_dollars():
    figures = Figures({"exeat_cost_nanousd_total": 2e9, "exeat_held_nanousd": 60_000.0,
                       "exeat_ledger_up": 1.0})  # fmt: skip
    text = drawn(figures, None, CALL)

    for word in ("1.5 s", "acme/coder", "api.openai.com", "gpt-4o-mini", "12,345", "gate"):
        assert word in text
    assert "spent $2.00" in text
    assert "held $0.00006" in text
    assert "ledger up" in text


def test_rates_are_by_the_second_and_never_below_nought():
    before = Figures({"exeat_calls_total": 10.0, "exeat_tokens_total": 500.0})
    now = Figures({"exeat_calls_total": 30.0})
    text = drawn(now, Since(before, 4.0))

    assert "calls 30 (5.0/s)" in text
    assert "tokens 0 (0.0/s)" in text, "it was started anew"
    assert "ledger DOWN" in text


def test_what_is_hidden_is_counted_and_what_a_caller_wrote_draws_nothing():
    text = drawn(Figures({}), None, *[{**CALL, "host": "\x1b[2J[red]x"}] * 45)

    assert "and 5 more" in text
    assert "\\u001b[2J[red]x" in text


async def test_it_asks_the_console(desk: Desk) -> None:
    desk.calls.live = [model_slip(chat(), opened_ms=NOW_MS)]
    arguments = ["top", "--once", "--console", f"http://127.0.0.1:{desk.port}"]
    env = {"EXEAT_TOKEN": desk.tokens["viewer"], "COLUMNS": "160"}
    done = await asyncio.to_thread(CliRunner().invoke, app, arguments, env=env)

    assert done.exit_code == 0, done.output
    assert "gpt-4o-mini" in done.output
    assert "in flight 0" in done.output, "the figures are the metrics' own"


async def test_without_a_token_it_says_what_to_do(desk: Desk) -> None:
    arguments = ["top", "--once", "--console", f"http://127.0.0.1:{desk.port}"]
    done = await asyncio.to_thread(CliRunner().invoke, app, arguments, env={"EXEAT_TOKEN": ""})

    assert done.exit_code == 2
    assert "exeat console token" in done.output
