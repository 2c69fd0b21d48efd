"""Where SQL stands in what a tool is asked to do: which words are statements (pure)."""

import re
from collections.abc import Sequence

from proxy.actions.words import Word

_CLIENTS: dict[str, tuple[str, ...]] = {
    "psql": ("-c", "--command"), "mysql": ("-e", "--execute"), "mariadb": ("-e", "--execute"),
    "clickhouse-client": ("-q", "--query"), "clickhouse": ("-q", "--query"),
    "cockroach": ("-e", "--execute"), "sqlcmd": ("-Q", "-q"), "snowsql": ("-q", "--query"),
    "usql": ("-c", "--command"), "pgcli": ("-c",), "mycli": ("-e", "--execute"),
    "duckdb": ("-c", "-s"), "sqlite3": ("-cmd",), "trino": ("--execute",), "cqlsh": ("-e",),
    "bq": (), "isql": (), "sqlplus": (), "wrangler": ("--command",), "turso": (),
}  # fmt: skip
_verb = re.compile(
    r"(?:\s|--[^\n]*\n|/\*.*?\*/|\()*(select|insert|update|delete|drop|truncate|alter|create|grant"
    r"|revoke|with|merge|replace|begin|explain|call|exec|set|use|show|vacuum|copy|rename|do)\b",
    re.I | re.S,
).match


def looks_like_sql(text: str) -> bool:
    """Whether the first word is one that statements begin with."""
    return _verb(text[:512]) is not None


def queries_of(program: str, words: Sequence[Word], piped: str | None) -> list[str]:
    """The SQL that a database client is given: by option, by operand or through its input."""
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
