"""Rules: who, what and when; of those that match, the first by priority decides."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.actions import action_of
from proxy.policy import PolicyBook, PolicyError
from proxy.policy.decide import decide
from proxy.policy.facts import Facts
from proxy.policy.loader import parse
from proxy.slip import Ruled
from tests.actions.cases import NOT_SEEN, SEEN

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
"""A Friday."""


def book(*texts: str) -> PolicyBook:
    head = "policy: p{}\nversion: 1\negress: {{default: allow}}\n"
    return PolicyBook(
        [
            parse((head.format(n) + text).encode(), Path(f"p{n}.yaml"))
            for n, text in enumerate(texts)
        ]
    )


def ruled(text: str, facts: Facts) -> Ruled:
    return decide(book(text).terms("acme", "coder"), facts)


def http(**more: Any) -> Facts:
    return Facts(
        **{"kind": "http", "org": "acme", "agent": "coder", "session": "s1", "at": NOON} | more
    )


def llm(**more: Any) -> Facts:
    known = {"host": "api.openai.com", "port": 443, "method": "POST", "path": "/v1/responses"}
    return http(**{"kind": "llm", "provider": "openai", "model": "gpt-4o", **known, **more})


def tool(name: str, arguments: dict[str, Any], **more: Any) -> Facts:
    return http(kind="tool", action=action_of(name, json.dumps(arguments)), **more)


def bash(command: str, **more: Any) -> Facts:
    return tool("Bash", {"command": command}, **more)


def deny(match: str) -> str:
    return f"rules:\n  - {{id: r, decision: deny, match: {{{match}}}}}\n"


@pytest.mark.parametrize(
    ("match", "met", "missed"),
    [
        ("orgs: [acme]", http(), http(org="other")),
        ("agents: ['cod*']", http(), http(agent="writer")),
        ("sessions: [s1]", http(), http(session="s2")),
        ("kinds: [llm]", llm(), http()),
        ("hosts: ['*.openai.com']", llm(), llm(host="openai.com")),
        ("ports: [443]", llm(), llm(port=80)),
        ("methods: [post]", llm(), llm(method="GET")),
        ("paths: ['/v1/*']", llm(), llm(path="/v2/x")),
        ("providers: [openai]", llm(), llm(provider="anthropic")),
        ("models: ['gpt-4*']", llm(), llm(model="o1")),
        ("tools: [Bash]", bash("ls"), tool("Read", {"file_path": "a"})),
        ("categories: [file_read]", tool("Read", {"file_path": "a"}), bash("ls")),
        (
            "targets: ['**/.env']",
            tool("Read", {"file_path": "/a/.env"}),
            tool("Read", {"file_path": "a"}),
        ),
        (
            "targets: ['**/.env*'], except_targets: ['**/*.example']",
            bash("cat .env.example .env.x"),
            bash("cat .env.example"),
        ),
        (
            "targets: ['**/*secret*'], except_targets: ['**/*.ts']",
            bash("cat secret*"),
            bash("cat secret*.ts"),
        ),
        (
            "targets: ['**/auth.json'], except_targets: ['http*://**']",
            tool("Read", {"file_path": "auth.json"}),
            tool("WebFetch", {"url": "https://a.test/[x]/auth.json"}),
        ),
        ("commands: ['rm -r']", bash("sudo rm -rf x"), bash("git rm -r x")),
        ("commands: ['rm -r']", bash("echo 'unterminated"), bash("echo done")),
        ("statements: [drop]", bash("psql -c 'DROP TABLE a'"), bash("psql -c 'SELECT 1'")),
        ("statements: [drop]", bash("psql -c 'DROP TABLE \"a'"), bash("psql -c 'SELECT 1'")),
        (
            "targets: ['**/.env']",
            bash("#" * 70_000 + "\ncat .env"),
            bash("#" * 7_000 + "\ncat a"),
        ),
        ("text: ['hunter[0-9]']", bash("echo hunter2"), bash("echo hunter")),
        ("secrets: ['*']", llm(secrets=frozenset({"jwt"})), llm()),
        ("secrets: [canary]", llm(secrets=frozenset({"canary"})), llm(secrets=frozenset({"jwt"}))),
        ("costs_more_than: 0.5", llm(bound_nanousd=500_000_001), llm(bound_nanousd=500_000_000)),
        ("costs_more_than: 0.5", llm(bound_nanousd=None), http()),
        ("identity_weaker_than: token", http(strength=3), http(strength=1)),
        ("repeats_more_than: 3", llm(repeats=4), llm(repeats=3)),
        ("time: {hours: [9, 17]}", http(), http(at=NOON.replace(hour=17))),
        ("time: {hours: [22, 6]}", http(at=NOON.replace(hour=23)), http()),
        ("time: {days: [fri]}", http(), http(at=NOON + timedelta(days=1))),
        ("time: {hours: [12, 13], timezone: Asia/Tokyo}", http(at=NOON.replace(hour=3)), http()),
        (
            "time: {hours: [22, 6], days: [fri]}",
            http(at=NOON.replace(hour=3) + timedelta(days=1)),
            http(at=NOON.replace(hour=3)),
        ),
        ("tools: [Bash], commands: [ls]", bash("ls"), bash("cat a")),
    ],
)
def test_a_criterion_is_met_or_missed(match: str, met: Facts, missed: Facts) -> None:
    assert ruled(deny(match), met).rule == "p0/rules.r"
    assert ruled(deny(match), missed).decision == "allow"


@pytest.mark.parametrize(
    ("match", "within", "beyond"),
    [
        ("commands: [git, ls]", "git status; ls", "git status; rm -rf /"),
        ("commands: [git]", "git status", "git status 'unterminated"),
        ("commands: ['git status']", "git status", "git push"),
        ("commands: ['git status']", "git status", "$X status"),
        ("targets: ['/src/**']", "cat /src/a", "cat /src/a /etc/passwd"),
        ("statements: [select]", "psql -c 'select 1'", "psql -c 'select 1; drop table x'"),
        ("statements: [select]", "psql -c 'select 1'", "psql -c 'select \"'"),
        ("statements: [select]", "psql -c 'select 1'", "ls"),
    ],
)
def test_a_rule_that_allows_must_be_about_all_that_a_tool_would_do(
    match: str, within: str, beyond: str
) -> None:
    text = f"tools: {{default: deny}}\nrules:\n  - {{id: r, decision: allow, match: {{{match}}}}}\n"
    assert ruled(text, bash(within)).rule == "p0/rules.r"
    assert ruled(text, bash(beyond)).rule == "p0/tools.default"


def test_lower_priorities_come_first_and_the_file_breaks_ties() -> None:
    text = """
rules:
  - {id: late, decision: deny, priority: 50}
  - {id: first, decision: warn, priority: 10, match: {kinds: [http]}}
  - {id: second, decision: deny, priority: 10}
"""
    assert ruled(text, http()).rule == "p0/rules.first"
    assert ruled(text, llm()).rule == "p0/rules.second"


def test_a_default_that_denies_is_for_tools_alone() -> None:
    text = "tools: {default: deny}\nrules:\n  - {id: r, decision: allow, match: {tools: [Read]}}\n"
    assert ruled(text, tool("Read", {"file_path": "a"})).decision == "allow"
    assert ruled(text, bash("ls")) == Ruled("deny", "p0/tools.default", "no rule allows this tool")
    assert ruled(text, llm()).decision == "allow"


def test_the_stricter_of_several_policies_wins_and_a_dry_run_is_noted() -> None:
    texts = (
        "rules:\n  - {id: w, decision: warn}\n",
        "rules:\n  - {id: h, decision: hold}\n",
        "enforce: false\nrules:\n  - {id: d, decision: deny}\n",
    )
    found = decide(book(*texts).terms("acme", "coder"), http())
    assert (found.decision, found.rule, found.passes) == ("hold", "p1/rules.h", False)
    assert found.watched is not None
    assert (found.watched.rule, found.watched.passes) == ("p2/rules.d", True)
    alone = decide(book(texts[2]).terms("acme", "coder"), http())
    assert (alone.decision, alone.enforced, alone.passes) == ("deny", False, True)


def test_places_and_models_are_part_of_the_one_decision() -> None:
    text = "models: {deny: ['o1*']}\n"
    assert ruled(text, llm(model="o1-pro")).rule == "p0/models.deny"
    shut = PolicyBook([parse(b"policy: s\nversion: 1\n", Path("s.yaml"))])
    assert decide(shut.terms("acme", "coder"), llm()).rule == "s/egress.default"
    assert decide(PolicyBook().terms("acme", "coder"), http()).rule == "no-policy"


@pytest.mark.parametrize(
    "text",
    [
        deny("hosts: []").replace("hosts", "hosst"),
        deny("text: ['(?=x)']"),
        deny("text: ['(']"),
        deny("categories: [files]"),
        deny("statements: [explode]"),
        deny("time: {timezone: Mars/Olympus}"),
        deny("commands: ['']"),
        deny("except_targets: ['**/*.ts']"),
        "rules:\n  - {id: r, decision: maybe}\n",
        "rules:\n  - {id: r, decision: deny}\n  - {id: r, decision: deny}\n",
    ],
)
def test_what_was_never_meant_names_its_place(text: str) -> None:
    with pytest.raises(PolicyError, match=r"p0\.yaml:\d+:\d+: "):
        book(text)


def test_no_regex_is_slower_than_linear() -> None:
    """RE2 has no backtracking: what hangs others is decided at once."""
    text = deny("text: ['(a+)+$']")
    assert ruled(text, bash("echo " + "a" * 200_000 + "!")).decision == "allow"
    assert re.fullmatch("a", "a")


@given(st.lists(st.integers(0, 20), max_size=12), st.integers(0, 20))
def test_defect_2_a_policy_that_was_loaded_again_decides_the_same(
    priorities: list[int], at: int
) -> None:
    rules = "".join(
        f"  - {{id: r{n}, decision: {('deny', 'warn', 'allow')[n % 3]}, priority: {p},"
        f" match: {{commands: ['rm -r'], time: {{hours: [{min(p, at)}, 24]}}}}}}\n"
        for n, p in enumerate(priorities)
    )
    text = f"rules:\n{rules}" if rules else ""
    facts = bash("rm -rf x", at=NOON.replace(hour=min(at, 23)))
    assert ruled(text, facts) == ruled(text, facts)


def test_a_rule_that_is_passed_over_by_its_programs_would_have_missed() -> None:
    """The short way through many rules decides as asking every question of every rule does."""
    lines = [
        f"  - {{id: r{n}, decision: deny, match: {{commands: [{json.dumps(pattern)}]}}}}"
        for n, pattern in enumerate(dict.fromkeys(pattern for pattern, _ in (*SEEN, *NOT_SEEN)))
    ]
    loaded = book("rules:\n" + "\n".join(lines))
    terms = loaded.terms("acme", "coder")
    for script in dict.fromkeys(script for _, script in (*SEEN, *NOT_SEEN)):
        facts = bash(script)
        told = next(
            (it.rule for it, missed in terms.policies[0].explained(facts) if not missed), None
        )
        assert decide(terms, facts).rule == (told or "p0/tools.default"), script
