"""What went wrong in systems before this one, a test each: none of it may come back here.

They are numbered as the lessons were written down: the command cut to its first word, policies that lose
fields, results misread, hashes of what is not stored, chains that verify after a change, denials that leave
no trace, relative paths, a no in a form that nobody reads, limits that never limit, errors that allow.
"""

import asyncio
import contextlib
import hashlib
import json
import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from proxy.actions import action_of
from proxy.hooks.claude_code import deny, read_event
from proxy.hooks.contract import ToolCallCheck, ToolCallReport
from proxy.ledger.canonical import canonical
from proxy.ledger.chain import leaf_hash
from proxy.ledger.records import Decision
from proxy.ledger.sqlite import SqliteLedger
from proxy.ledger.verify import Verdict, verify
from proxy.policy import PolicyBook
from proxy.policy.decide import decide
from proxy.policy.facts import Facts
from proxy.policy.loader import load
from proxy.slip import Ruled
from tests.policy.texts import policy

PRESETS = Path(__file__).parents[2] / "policies"
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def ruled(loaded: Any, tool: str, arguments: dict[str, Any], **more: Any) -> Ruled:
    facts = Facts(
        kind="tool",
        org="acme",
        agent="coder",
        session="s1",
        action=action_of(tool, json.dumps(arguments)),
        **{"at": NOON, **more},
    )
    return decide(PolicyBook([loaded]).terms("acme", "coder"), facts)


@pytest.fixture(scope="module")
def safety() -> Any:
    return load(PRESETS / "safety.yaml")


def bash(loaded: Any, command: str) -> str:
    return ruled(loaded, "Bash", {"command": command}).decision


def event(**said: Any) -> Any:
    common = {"session_id": "s1", "tool_name": "Bash", "tool_use_id": "toolu_1"}
    return read_event(json.dumps({**common, **said}).encode()).question


def test_1_a_hooks_command_is_judged_whole_not_by_its_first_word(safety) -> None:
    check = event(hook_event_name="PreToolUse", tool_input={"command": "rm -rf /srv/data"})
    assert isinstance(check, ToolCallCheck)
    assert ruled(safety, check.tool, check.arguments).decision == "deny"
    assert bash(safety, "ls -la /srv/data") != "deny"


def test_2_a_policy_that_is_loaded_again_has_lost_nothing(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(
        "policy: p\nversion: 1\nrules:\n"
        "  - {id: push, decision: warn, match: {commands: [git push]}}\n"
        "  - {id: night, decision: deny, match: {time: {days: [sat], timezone: UTC}}}\n"
        "  - {id: often, decision: deny, match: {rate: {more_than: 1, window: day, per: agent}}}\n"
    )
    first, again = load(path), load(path)
    assert first.id == again.id
    for loaded in (first, again):
        assert bash(loaded, "git push") == "warn"
        assert bash(loaded, "git status") == "allow"
        saturday = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
        command = {"command": "ls"}
        assert ruled(loaded, "Bash", command, at=saturday).decision == "deny"
        assert ruled(loaded, "Bash", command, rates={"p/rules.often": True}).decision == "deny"


def test_3_what_a_tool_answered_is_read_from_where_the_runtime_puts_it() -> None:
    report = event(hook_event_name="PostToolUse", tool_response="the output", duration_ms=7)
    assert isinstance(report, ToolCallReport)
    assert report.output_sha256 == hashlib.sha256(b"the output").hexdigest()
    failed = event(hook_event_name="PostToolUseFailure", error="no such file")
    assert (report.status, failed.status) == ("ok", "error")


@pytest.fixture(scope="module")
def filed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with three calls, one of them denied."""
    path = tmp_path_factory.mktemp("filed") / "ledger.sqlite"

    async def fill() -> None:
        ledger = await SqliteLedger.open(path)
        for number, decision in enumerate(("allow", "deny", "allow")):
            await ledger.append(
                Decision(
                    id=f"0199-{number}", ts_ms=1 + number, decision=decision, action="egress.http",
                    org="acme", agent="coder", session="s1", host="a.test",
                    code=None if decision == "allow" else "policy_denied",
                )
            )  # fmt: skip
        await ledger.close()

    asyncio.run(fill())
    return path


def rows(path: Path, sql: str) -> list[Any]:
    with contextlib.closing(sqlite3.connect(path)) as db:
        return list(db.execute(sql))


def test_4_the_hash_on_file_is_that_of_the_record_on_file(filed: Path) -> None:
    found = rows(filed, "SELECT body, leaf_hash FROM records")
    assert found
    for body, kept in found:
        text = body if isinstance(body, bytes) else body.encode()
        assert leaf_hash(canonical(json.loads(text))) == kept


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE records SET body = replace(body, '\"deny\"', '\"allow\"')",
        "UPDATE records SET body = replace(body, 'a.test', 'b.test') WHERE seq = 0",
        "DELETE FROM records WHERE seq = 1",
        "DELETE FROM records WHERE seq = 0",
    ],
)
def test_5_a_ledger_that_was_changed_does_not_verify(
    filed: Path, tmp_path: Path, change: str
) -> None:
    assert verify(filed).verdict is not Verdict.TAMPERED
    copy = Path(shutil.copy(filed, tmp_path / "copy.sqlite"))
    with contextlib.closing(sqlite3.connect(copy)) as db, db:
        for (name,) in db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            db.execute(f'DROP TRIGGER "{name}"')
        assert db.execute(change).rowcount
    assert verify(copy).verdict is Verdict.TAMPERED


def test_6_what_was_denied_is_in_the_chain(filed: Path) -> None:
    found = [json.loads(body) for (body,) in rows(filed, "SELECT body FROM records ORDER BY seq")]
    assert [each["result"]["decision"] for each in found] == ["allow", "deny", "allow"]
    chained = [each["reference"]["prev"] for each in found]
    assert len(set(chained)) == 3, "each names the one before it, the denied one too"


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("Read", {"file_path": ".env"}),
        ("Read", {"file_path": "./.env"}),
        ("Read", {"file_path": "src/../.env"}),
        ("Write", {"file_path": ".env", "content": "x"}),
        ("Bash", {"command": "cat /app/.env"}),
        ("Bash", {"command": "cat .env | base64"}),
    ],
)
def test_7_a_secrets_file_is_one_by_whatever_path_and_tool(safety, tool, arguments) -> None:
    assert ruled(safety, tool, arguments).decision == "deny"


def test_8_a_denial_is_said_as_the_runtime_reads_it() -> None:
    said = deny("Not here.")
    told = json.loads(said.out)["hookSpecificOutput"]
    assert told["permissionDecision"] == "deny"
    assert "Not here." in told["permissionDecisionReason"]


def test_9_a_rate_counts_over_all_calls_and_a_time_is_looked_at() -> None:
    rate = policy(
        "rules: [{id: r, decision: deny, match: {rate: {more_than: 1, window: day, per: agent}}}]"
    )
    command = {"command": "ls"}
    assert ruled(rate, "Bash", command).decision == "allow"
    assert ruled(rate, "Bash", command, rates={"p/rules.r": True}).decision == "deny"
    days = policy("rules: [{id: r, decision: deny, match: {time: {days: [fri], timezone: UTC}}}]")
    assert ruled(days, "Bash", command).decision == "deny"
    assert (
        ruled(days, "Bash", command, at=datetime(2026, 11, 19, 12, tzinfo=UTC)).decision == "allow"
    )


@pytest.mark.parametrize(
    ("command", "decision"),
    [
        ("git rm -f old.py", False),
        ("docker run --rm -it debian", False),
        ("farm -x", False),
        ("npm run form -- --x", False),
        ('echo "rm -rf"', False),
        ("find . -delete", True),
        ("sudo rm -rf /", True),
        ("rm -rf 'unterminated", True),
    ],
)
def test_10_what_is_not_understood_is_not_allowed_and_a_mention_is_no_act(
    safety, command, decision
) -> None:
    assert (bash(safety, command) == "deny") is decision
