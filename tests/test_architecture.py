"""The shape of the house: the corridor's order, one class an addon, a test for every module."""

import ast
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

import addons
from addons import Ports, chain
from proxy.budgets import Accounts, MemoryCounters
from proxy.config import Settings
from proxy.engine.dial import Dialler, Pinned
from proxy.pinning import PinBook
from proxy.policy import PolicyBook
from proxy.policy.released import Released
from proxy.pricing.prices import Prices
from proxy.pricing.tokens import TokenCounter
from proxy.seal import Seal
from tests.addons.slips import MemoryLedger, NoAllowances, approvals, switch
from tests.budgets.diary import Diary

ROOT = Path(__file__).parent.parent
ADDONS = sorted(path for path in (ROOT / "addons").glob("*.py") if path.stem != "__init__")

ELSEWHERE = {
    # module: (the test that covers it, why it has none of its own)
    "proxy/actions/asked": ("policy/test_safety_places.py", "a table of arguments, both ways"),
    "proxy/actions/conditions": (
        "actions/test_statements.py",
        "conditions, statement by statement",
    ),
    "proxy/actions/chosen": ("actions/test_evasions.py", "tables of commands, both ways"),
    "proxy/actions/cmd": ("actions/test_evasions.py", "tables of commands, both ways"),
    "proxy/actions/command": ("actions/test_patterns.py", "one table of commands, both ways"),
    "proxy/actions/digest": ("actions/test_action.py", "one digest for one call, however written"),
    "proxy/actions/interpreters": ("actions/test_evasions.py", "tables of commands, both ways"),
    "proxy/actions/options": ("actions/test_evasions.py", "tables of commands, both ways"),
    "proxy/actions/patch": ("actions/test_action.py", "a patch is one tool's argument"),
    "proxy/actions/places": ("actions/test_action.py", "a table, as categories are told by"),
    "proxy/actions/powershell": ("actions/test_patterns.py", "one table of commands, both ways"),
    "proxy/actions/quirks": ("actions/test_evasions.py", "tables of commands, both ways"),
    "proxy/actions/running": ("actions/test_evasions.py", "tables of commands, both ways"),
    "proxy/actions/runs": ("actions/test_evasions.py", "tables of commands, both ways"),
    "proxy/actions/script": ("actions/test_patterns.py", "one table of commands, both ways"),
    "proxy/actions/shapes": ("actions/test_evasions.py", "tables of calls, both ways"),
    "proxy/actions/snippets": ("actions/test_patterns.py", "one table of commands, both ways"),
    "proxy/actions/tools": ("actions/test_action.py", "a table, one row a tool"),
    "proxy/actions/touching": ("actions/test_action.py", "targets, command by command"),
    "proxy/actions/variables": ("actions/test_evasions.py", "tables of commands, both ways"),
    "proxy/actions/words": ("actions/test_patterns.py", "one table of commands, both ways"),
    "proxy/actions/wrappers": ("actions/test_patterns.py", "one table of commands, both ways"),
    "addons/approval": (
        "journeys/test_approvals.py",
        "held calls and people; sockets are its test",
    ),
    "addons/mcp": ("journeys/test_mcp.py", "messages both ways; a server is its test"),
    "addons/tool_calls": (
        "journeys/test_tool_calls.py",
        "an answer's filter; answers are its test",
    ),
    "proxy/board/acts": ("board/test_words.py", "what may be sent, with its bounds"),
    "proxy/board/asked": ("inside/test_tasks.py", "as agents ask"),
    "proxy/board/board": ("contracts/test_board.py", "one suite for every store"),
    "proxy/board/commons": ("inside/test_tasks.py", "put together, and asked through"),
    "proxy/board/conditions": ("board/test_tasks.py", "the state machine's own"),
    "proxy/board/memory": ("contracts/test_board.py", "a store: one suite for every store"),
    "proxy/board/message": ("contracts/test_messages.py", "one suite for every store"),
    "proxy/board/message_steps": ("contracts/test_messages.py", "one suite for every store"),
    "proxy/board/messages": ("contracts/test_messages.py", "one suite for every store"),
    "proxy/board/sql_messages": ("contracts/test_messages.py", "one suite for every store"),
    "proxy/board/sql_tables": ("contracts/test_board.py", "one suite for every store"),
    "proxy/board/sql_tasks": ("contracts/test_board.py", "one suite for every store"),
    "proxy/board/store": ("contracts/test_board.py", "a port: one suite for every store"),
    "proxy/board/task": ("board/test_tasks.py", "facts, as the state machine changes them"),
    "proxy/board/task_steps": ("contracts/test_board.py", "one suite for every store"),
    "proxy/board/views": ("inside/test_tasks.py", "as it is shown to agents"),
    "proxy/inside/asgi": (
        "inside/test_mcp_server.py",
        "an adapter; MCP's own application is its test",
    ),
    "proxy/inside/mcp_messages": ("inside/test_mcp_server.py", "what the server is not shown"),
    "proxy/inside/tool_table": ("inside/test_tools.py", "a table, as called by"),
    "proxy/inside/caller": ("inside/test_tasks.py", "a line, asked by every handler"),
    "proxy/board/witness": ("board/test_witnesses.py", "as it is attested and read back"),
    "proxy/budgets/amounts": ("budgets/test_limits.py", "asked by every limit and every store"),
    "proxy/budgets/counters": ("contracts/test_budgets.py", "a port: one suite for every store"),
    "proxy/budgets/flight": ("budgets/test_accounts.py", "Accounts' own; seen through it"),
    "proxy/budgets/memory": ("contracts/test_budgets.py", "a store: one suite for every store"),
    "proxy/budgets/memory_book": ("contracts/test_budgets.py", "the memory store's inside"),
    "proxy/budgets/rebuild": ("budgets/test_accounts.py", "Accounts' own; seen through it"),
    "proxy/budgets/redis_scripts": ("budgets/test_redis.py", "the Redis store's inside"),
    "proxy/budgets/redis_wire": ("budgets/test_redis.py", "the Redis store's inside"),
    "proxy/budgets/results": ("contracts/test_budgets.py", "facts, no logic"),
    "proxy/budgets/unfinished": ("budgets/test_accounts.py", "Accounts' own; seen through it"),
    "proxy/cli/demo": ("docs/test_commands.py", "a show of the parts; its parts have tests"),
    "proxy/cli/rows": ("cli/test_costs.py", "every way of printing, through a command"),
    "proxy/cli/reading": ("cli/test_audit.py", "a ledger that is none, through a command"),
    "proxy/cli/up": ("journeys/test_stores.py", "a process; journeys start, kill and stop it"),
    "proxy/demo/authority": ("journeys/conftest.py", "the stand-in; every journey dials it"),
    "proxy/demo/standin": ("journeys/conftest.py", "the stand-in; every journey talks to it"),
    "proxy/engine/answers": ("engine/test_corridor.py", "the corridor's own; seen through it"),
    "proxy/engine/sockets": ("journeys/test_sockets.py", "a protocol; real sockets are its test"),
    "proxy/engine/severing": ("journeys/test_kill.py", "cuts connections; real ones are its test"),
    "proxy/approvals/memory": ("contracts/test_approvals.py", "a store: one suite for every store"),
    "proxy/approvals/redis": ("contracts/test_approvals.py", "a store: one suite for every store"),
    "proxy/approvals/store": ("contracts/test_approvals.py", "a port: one suite for every store"),
    "proxy/console/granting": (
        "console/api/test_approvals.py",
        "what an approver gives, and everything that can be wrong with it",
    ),
    "proxy/identity/scope": ("kill/test_stops.py", "what a stop covers is what its scope does"),
    "proxy/kill/memory": ("contracts/test_kill.py", "a store: one suite for every store"),
    "proxy/kill/redis": ("contracts/test_kill.py", "a store: one suite for every store"),
    "proxy/permits/memory": ("contracts/test_permits.py", "a store: one suite for every store"),
    "proxy/permits/redis": ("contracts/test_permits.py", "a store: one suite for every store"),
    "proxy/permits/store": ("contracts/test_permits.py", "a port: one suite for every store"),
    "proxy/permits/words": ("permits/test_permits.py", "what is shared and filed, read back there"),
    "proxy/kill/store": ("contracts/test_kill.py", "a port: one suite for every store"),
    "proxy/redis": ("contracts/test_kill.py", "a server; every store over it is its test"),
    "proxy/engine/turns": ("journeys/test_sockets.py", "the corridor's own; seen through a socket"),
    "proxy/engine/opening": ("engine/test_corridor.py", "the corridor's own; seen through it"),
    "proxy/delegate/attempts": ("journeys/test_delegate.py", "a client; real sockets are its test"),
    "proxy/delegate/opening": ("journeys/test_delegate.py", "put together; every journey uses it"),
    "proxy/delegate/sender": ("delegate/test_delegation.py", "a port"),
    "proxy/metrics/standing": ("metrics/test_metrics.py", "gauges, as they are printed"),
    "proxy/metrics/tally": ("metrics/test_metrics.py", "counters, as they are printed"),
    "proxy/inside/delegating": ("journeys/test_delegate.py", "what clients are told, by a call"),
    "proxy/inside/ports": ("inside/test_server.py", "facts, no logic"),
    "proxy/inside/asked": ("inside/test_server.py", "a list; the server serves it"),
    "proxy/leaks/guesses": ("leaks/test_formats.py", "two tables, of secrets and of others"),
    "proxy/leaks/leak": ("leaks/test_scanner.py", "facts, no logic"),
    "proxy/leaks/likeness": ("leaks/test_formats.py", "two tables, of secrets and of others"),
    "proxy/leaks/rules": ("leaks/test_formats.py", "a table, as found by"),
    "proxy/ledger/chain": ("ledger/test_verify.py", "two lines; a tampered chain is the test"),
    "proxy/ledger/file": ("ledger/test_failures.py", "the store's inside, with faults"),
    "proxy/ledger/holds": ("ledger/test_sqlite.py", "the store's inside"),
    "proxy/ledger/opening": ("ledger/test_failures.py", "the store's inside, with faults"),
    "proxy/ledger/queries": ("ledger/test_sqlite.py", "statements; a database is their test"),
    "proxy/ledger/r6": ("ledger/test_records.py", "how records are written down"),
    "proxy/ledger/reader": ("ledger/test_sqlite.py", "the store's inside"),
    "proxy/ledger/sequencer": ("ledger/test_sqlite.py", "the store's inside"),
    "proxy/ledger/store": ("ledger/test_sqlite.py", "a port"),
    "proxy/ledger/tables": ("ledger/test_sqlite.py", "the store's inside"),
    "proxy/ledger/walk": ("ledger/test_verify.py", "verify's own"),
    "proxy/ledger/writer": ("ledger/test_failures.py", "the store's inside, with faults"),
    "proxy/pricing/catalogue": ("cli/test_prices.py", "every figure, through a command"),
    "proxy/policy/decide": ("policy/test_rules.py", "what rules come to, asked through it"),
    "proxy/policy/facts": ("policy/test_rules.py", "facts, no logic"),
    "proxy/policy/history": ("policy/test_explain.py", "records as facts; one table, both ways"),
    "proxy/policy/telling": ("cli/test_policy_tools.py", "what commands print"),
    "proxy/cli/explaining": ("cli/test_policy_tools.py", "a command of the policy group"),
    "proxy/console/access/tables": ("console/access/test_access.py", "tables; seen through it"),
    "proxy/ledger/listed": ("cli/test_audit.py", "a record as a line, as it is printed"),
    "proxy/console/ports": ("console/test_server.py", "facts, no logic"),
    "proxy/policy/rule_schema": ("policy/test_rules.py", "the words of rules, each by its use"),
    "proxy/policy/words": ("journeys/test_tool_calls.py", "what callers are told, by a call"),
    "proxy/pricing/encoding": ("pricing/test_tokens.py", "the rank table, as counted with"),
    "proxy/pricing/families": ("pricing/test_tokens.py", "a table, as counted with"),
    "proxy/pricing/generate_limits": ("pricing/test_prices.py", "writes the table that is tested"),
    "proxy/pricing/limits": ("pricing/test_prices.py", "a table, as priced with"),
    "proxy/pricing/names": ("pricing/test_prices.py", "a look-up, as priced with"),
    "proxy/pricing/quote": ("pricing/test_prices.py", "the worst case, as priced with"),
    "proxy/pricing/rates": ("pricing/test_prices.py", "arithmetic, as priced with"),
    "proxy/pricing/table": ("pricing/test_prices.py", "a look-up, as priced with"),
    "proxy/pricing/tiers": ("pricing/test_prices.py", "a table, as priced with"),
    "proxy/providers/hosts": ("providers/test_recognise.py", "a table, as recognised by"),
    "proxy/providers/amend": ("providers/test_requests.py", "one suite for every format"),
    "proxy/providers/answer": ("providers/test_answers.py", "one suite for every format"),
    "proxy/providers/anthropic_answer": ("providers/test_answers.py", "one suite for all"),
    "proxy/providers/anthropic_messages": ("providers/test_requests.py", "one suite for all"),
    "proxy/providers/body": ("providers/test_requests.py", "one suite for every format"),
    "proxy/providers/call": ("providers/test_requests.py", "facts, no logic"),
    "proxy/providers/dialogue": ("providers/test_dialogues.py", "one suite for every dialogue"),
    "proxy/providers/live_dialogue": ("providers/test_dialogues.py", "one suite for all"),
    "proxy/providers/realtime_dialogue": ("providers/test_dialogues.py", "one suite for all"),
    "proxy/providers/responses_dialogue": ("providers/test_dialogues.py", "one suite for all"),
    "proxy/providers/decoding": ("providers/test_answers.py", "codings, answer by answer"),
    "proxy/providers/format": ("providers/test_requests.py", "a port"),
    "proxy/providers/bedrock": ("providers/test_formats.py", "one suite for every format"),
    "proxy/providers/bedrock_answer": ("providers/test_formats.py", "replay/ has its answers"),
    "proxy/providers/bedrock_invoke": ("providers/test_formats.py", "one suite for every format"),
    "proxy/providers/cohere": ("providers/test_formats.py", "one suite for every format"),
    "proxy/providers/cohere_answer": ("providers/test_formats.py", "replay/ has its answers"),
    "proxy/providers/payee": ("addons/test_credentials.py", "whose key goes on, row by row"),
    "proxy/providers/plain": ("providers/test_formats.py", "one suite for every format"),
    "proxy/providers/dialects": ("providers/test_formats.py", "a table, as read by"),
    "proxy/providers/event_stream": ("providers/test_framing.py", "one suite for every framing"),
    "proxy/providers/gemini": ("providers/test_formats.py", "one suite for every format"),
    "proxy/providers/gemini_answer": ("providers/test_formats.py", "replay/ has its answers"),
    "proxy/providers/json_stream": ("providers/test_framing.py", "one suite for every framing"),
    "proxy/providers/ollama": ("providers/test_formats.py", "one suite for every format"),
    "proxy/providers/openai_chat_answer": ("providers/test_answers.py", "one suite for all"),
    "proxy/providers/openai_completions": ("providers/test_formats.py", "one suite for all"),
    "proxy/providers/paths": ("providers/test_recognise.py", "a table, as recognised by"),
    "proxy/providers/openai": ("providers/test_requests.py", "one suite for every format"),
    "proxy/providers/openai_chat": ("providers/test_requests.py", "one suite for every format"),
    "proxy/providers/openai_embeddings": ("providers/test_requests.py", "one suite for all"),
    "proxy/providers/openai_responses": ("providers/test_requests.py", "one suite for all"),
    "proxy/providers/prompt": ("providers/test_requests.py", "one suite for every format"),
    "proxy/providers/sse": ("providers/test_answers.py", "streams, cut at every byte"),
    "proxy/providers/tool_gate_bedrock": ("providers/test_tool_gate.py", "one suite for all"),
    "proxy/providers/tool_gate_chat": ("providers/test_tool_gate.py", "one suite for all"),
    "proxy/providers/tool_gate_cohere": ("providers/test_tool_gate.py", "one suite for all"),
    "proxy/providers/tool_gate_gemini": ("providers/test_tool_gate.py", "one suite for all"),
    "proxy/providers/tool_gate_interactions": ("providers/test_tool_gate.py", "one suite for all"),
    "proxy/providers/tool_gate_items": ("providers/test_tool_gate.py", "one suite for all"),
    "proxy/providers/tool_gate_live": ("providers/test_tool_gate_socket.py", "one suite for all"),
    "proxy/providers/tool_gate_messages": ("providers/test_tool_gate.py", "one suite for all"),
    "proxy/providers/tool_gate_ollama": ("providers/test_tool_gate.py", "one suite for all"),
    "proxy/providers/tool_gate_realtime": ("providers/test_tool_gate_socket.py", "one for all"),
    "proxy/providers/tool_gate_responses": ("providers/test_tool_gate.py", "one suite for all"),
    "proxy/providers/tool_gate_responses_socket": (
        "providers/test_tool_gate_socket.py",
        "one suite for all",
    ),
    "proxy/providers/tool_gate_sockets": ("providers/test_tool_gate_socket.py", "a table"),
    "proxy/providers/tool_gate_sieve": ("providers/test_tool_gate_events.py", "seen through it"),
    "proxy/providers/usage": ("providers/test_answers.py", "facts, no logic"),
    "proxy/routes": ("addons/test_route.py", "where routes lead, by every door"),
    "proxy/rounds": (
        "journeys/test_policy_reload.py",
        "looks at files and files what changed, in a running house",
    ),
    "proxy/runtime": ("journeys/conftest.py", "puts the house together; every journey runs it"),
}


def modules() -> list[str]:
    """Every module with something in it to test."""
    return sorted(
        str(path.relative_to(ROOT).with_suffix(""))
        for top in ("proxy", "addons")
        for path in (ROOT / top).rglob("*.py")
        if not path.stem.startswith("__")
    )


def mirror(module: str) -> Path:
    """Where a module's own test stands: tests/ mirrors proxy/, and tests/addons/ addons/."""
    path = ROOT / "tests" / module.removeprefix("proxy/")
    return path.with_name(f"test_{path.name}.py")


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def test_the_corridor_is_walked_in_the_order_in_which_its_page_says_it_is() -> None:
    rows = re.findall(r"^\| (\d+) \| (\w+) \|", addons.__doc__ or "", re.MULTILINE)
    accounts = Accounts(MemoryCounters(), Diary())
    prices = Prices(at=datetime(2026, 11, 21, tzinfo=UTC))
    ledger = MemoryLedger()
    ports = Ports(
        policies=PolicyBook(),
        prices=prices,
        counter=TokenCounter(),
        accounts=accounts,
        ledger=ledger,  # type: ignore[arg-type]
        dialler=Dialler({}),
        inside=Pinned(("127.0.0.1",), 1),
        seal=Seal(bytes(32)),
        live={},
        allowances=NoAllowances(),
        released=Released(),
        kill=switch(ledger),
        approvals=approvals(ledger),
        pins=PinBook(ledger),  # type: ignore[arg-type]
    )
    walked = chain(Settings(), ports)

    assert [int(number) for number, _ in rows] == list(range(1, len(rows) + 1))
    assert [name for _, name in rows] == [addon.name for addon in walked]
    assert {addon.name for addon in walked} == {path.stem for path in ADDONS}, "none is left out"


def test_the_question_of_each_row_is_the_question_its_addon_asks() -> None:
    asked = dict(re.findall(r"\| (\w+) \| ([^|]+\?) \|", addons.__doc__ or ""))
    for path in ADDONS:
        docstring = ast.get_docstring(tree(path)) or ""
        assert docstring.lower().startswith(asked[path.stem].lower()), path


@pytest.mark.parametrize("path", ADDONS, ids=lambda path: path.stem)
def test_an_addon_is_one_public_class_that_has_its_files_name(path: Path) -> None:
    classes = [node for node in tree(path).body if isinstance(node, ast.ClassDef)]
    public = [node for node in classes if not node.name.startswith("_")]
    assert [node.name for node in public] == [path.stem.title().replace("_", "")]

    named = [
        ast.literal_eval(node.value)
        for node in public[0].body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "name"
    ]
    assert named == [path.stem]


@pytest.mark.parametrize("path", ADDONS, ids=lambda path: path.stem)
def test_an_addon_imports_no_other(path: Path) -> None:
    found = [
        name
        for node in ast.walk(tree(path))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    ]
    assert not [name for name in found if name.partition(".")[0] == "addons"]


@pytest.mark.parametrize("module", modules())
def test_every_module_has_its_own_test_or_says_which_one_covers_it(module: str) -> None:
    own = mirror(module)
    row = ELSEWHERE.get(module)
    if row is None:
        assert own.exists(), f"write {own.relative_to(ROOT)}, or a row in ELSEWHERE with the reason"
    else:
        assert not own.exists(), (
            f"{module} has a test of its own now: take its row out of ELSEWHERE"
        )


@pytest.mark.parametrize("module", ELSEWHERE)
def test_every_row_names_a_module_and_a_test_that_exist(module: str) -> None:
    test, why = ELSEWHERE[module]
    assert module in modules()
    assert (ROOT / "tests" / test).is_file()
    assert why
