"""Where SQL stands in what a tool is asked to do: which words are statements (pure)."""

import re
from collections.abc import Sequence

from proxy.actions.command import base_name
from proxy.actions.statements import TEXT_MAX
from proxy.actions.words import Word

_CLIENTS: dict[str, tuple[str, ...]] = {
    "psql": ("-c", "--command"), "mysql": ("-e", "--execute"), "mariadb": ("-e", "--execute"),
    "clickhouse-client": ("-q", "--query"), "clickhouse": ("-q", "--query"),
    "cockroach": ("-e", "--execute"), "sqlcmd": ("-Q", "-q"), "snowsql": ("-q", "--query"),
    "usql": ("-c", "--command"), "pgcli": ("-c",), "mycli": ("-e", "--execute"),
    "duckdb": ("-c", "-s"), "sqlite3": ("-cmd",), "trino": ("--execute",), "cqlsh": ("-e",),
    "bq": (), "isql": (), "sqlplus": (), "wrangler": ("--command",), "turso": (),
}  # fmt: skip
_RUNNERS = frozenset("docker podman nerdctl kubectl oc docker-compose".split())
"""They run a client somewhere else, on the input that they are given."""
_verb = re.compile(
    r"(select|insert|update|delete|drop|truncate|alter|create|grant|revoke|with|merge|replace|begin"
    r"|explain|call|exec|set|use|show|vacuum|copy|rename|do)\b",
    re.I,
).match
_opener = re.compile(
    r"(declare|lock|values|prepare|execute|start|go|commit|rollback|savepoint|print|pragma|attach"
    r"|handler|table|analyze)\b|(if|while)\b[^;]{0,200}?[=<>(@]",
    re.I,
).match
"""Words that English begins with too: what follows has to say more."""
_OBJECTS = (
    "table|database|schema|view|index|user|role|column|materialized|sequence|type|function|procedure"
    "|trigger|extension|tablespace|keyspace|partition"
)
_change = rf"(?:(?:drop|truncate)\s+(?:{_OBJECTS})|delete\s+from)\b"
_changes = re.compile(rf"\b{_change}", re.I).search
_then_changes = re.compile(rf";\s*{_change}", re.I).search


def looks_like_sql(text: str) -> bool:
    """Whether it begins as statements do, or has one behind a semicolon that takes data away."""
    text = text[:TEXT_MAX]
    at = _begin(text)
    if _verb(text, at) is not None or _then_changes(text) is not None:
        return True
    return _opener(text, at) is not None and _changes(text, at) is not None


def _begin(text: str) -> int:
    """Where the first word stands, behind blanks, brackets and comments. MySQL runs what is in `/*! */`."""
    at = 0
    while at < len(text):
        if text[at].isspace() or text[at] in ";(\ufeff":
            at += 1
        elif text.startswith("/*!", at):
            at += 3
            while text[at : at + 1].isdigit():
                at += 1
        elif text.startswith(("--", "#"), at):
            at = text.find("\n", at) + 1 or len(text)
        elif text.startswith("/*", at):
            at = text.find("*/", at + 2) + 2
            if at < 2:
                return len(text)
        else:
            break
    return at


def queries_of(program: str, words: Sequence[Word], piped: str | None) -> list[str]:
    """The SQL that a database client is given: by option, by operand or through its input."""
    if program in _RUNNERS:
        names = [base_name(word.text) for word in words]
        at = next((n for n, name in enumerate(names) if name in _CLIENTS), None)
        is_run = at is not None and not {"exec", "run"}.isdisjoint(names[:at])
        return queries_of(names[at], words[at + 1 :], piped) if at is not None and is_run else []
    options = _CLIENTS.get(program)
    if options is None:
        return []
    found: list[str] = []
    for at, word in enumerate(words):
        text = word.text
        name, _, value = text.partition("=")
        if text in options:
            found += [following.text for following in words[at + 1 : at + 2]]
        elif value and name in options:
            found.append(value)
        elif any(len(option) == 2 and text.startswith(option) for option in options):
            found.append(text[2:])
        elif " " in text and looks_like_sql(text):
            found.append(text)
    if piped is not None:
        found.append(piped)
    return [text for text in dict.fromkeys(found) if not text.startswith("\\")]
