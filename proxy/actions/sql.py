"""What kinds of SQL statements a text holds, by sqlglot's parser (pure).

sqlglot is imported when the first SQL comes: it takes longer to load than everything else here.
"""

import logging
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from proxy.actions.words import Word

if TYPE_CHECKING:
    from sqlglot import exp

# It warns with the statement's own text in the line, and no text of a call may be in a log.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)

PARSED_MAX = 8_192
SQL_MAX = 65_536
"""A parser in Python: what is longer is read by its verbs, then not at all."""
NOT_UNDERSTOOD = "not_understood"
"""Stands among the kinds when a text was neither parsed nor cut into tokens."""

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
_VERBS = frozenset(
    "select insert update delete drop truncate alter create grant revoke merge replace".split()
)
STATEMENTS = _VERBS | {"delete_all", "update_all"}
"""Kinds of SQL that a rule may name; the last two have no WHERE, or one that is always true."""


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


@lru_cache(maxsize=512)
def kinds_of(text: str) -> frozenset[str]:
    """`drop`, `delete_all` (no WHERE that limits it), `select`, …: of every statement in the text."""
    if len(text) > SQL_MAX:
        return frozenset((NOT_UNDERSTOOD,))
    if len(text) > PARSED_MAX:
        return _by_tokens(text)
    import sqlglot

    kinds: set[str] = set()
    for dialect in ("postgres", "mysql", "tsql"):
        try:
            trees = sqlglot.parse(text, dialect=dialect)
        except Exception:  # noqa: S112  # its own errors, and what hostile text makes it raise
            continue
        for tree in trees:
            if tree is not None:
                kinds |= _kinds_in(tree)
        return frozenset(kinds)
    return _by_tokens(text)


def _kinds_in(tree: "exp.Expr") -> set[str]:
    from sqlglot import exp

    kinds: set[str] = set()
    for node in tree.walk():
        name = type(node).__name__.lower()
        if isinstance(node, exp.Delete | exp.Update):
            limits = node.args.get("where")
            kinds.add(name)
            if limits is None or _is_always(limits.this):
                kinds.add(f"{name}_all")
        elif isinstance(node, exp.Command):
            kinds |= _command_kinds(str(node.this).lower(), str(node.expression or ""))
        elif name == "truncatetable":
            kinds.add("truncate")
        elif name in _VERBS or name in ("copy", "set", "use"):
            kinds.add(name)
    return kinds


def _command_kinds(verb: str, rest: str) -> set[str]:
    """What the parser leaves as text: its first word, and for EXPLAIN what is explained."""
    kinds = {verb}
    if verb in ("explain", "do", "execute", "exec"):
        kinds |= set(re.findall(r"\b(drop|truncate|delete|alter|grant)\b", rest.lower()))
    return kinds


def _is_always(condition: "exp.Expr", depth: int = 0) -> bool:
    """Whether a condition holds for every row on its face: `true`, `1`, `1 = 1`, `x OR true`."""
    from sqlglot import exp

    if depth > 32:
        return True
    match condition:
        case exp.Paren():
            return _is_always(condition.this, depth + 1)
        case exp.Or():
            sides = (condition.left, condition.right)
            return any(_is_always(side, depth + 1) for side in sides)
        case exp.And():
            sides = (condition.left, condition.right)
            return all(_is_always(side, depth + 1) for side in sides)
        case exp.EQ() | exp.GTE() | exp.LTE():
            return bool(condition.left == condition.right)
        case exp.Boolean():
            return bool(condition.this)
        case exp.Literal():
            return str(condition.this) not in ("0", "")
        case exp.NEQ():
            literals = isinstance(condition.left, exp.Literal) and isinstance(
                condition.right, exp.Literal
            )
            return literals and bool(condition.left != condition.right)
    return False


def _by_tokens(text: str) -> frozenset[str]:
    """A dialect that the parser does not know: the verbs among its tokens, the worse reading."""
    from sqlglot.tokens import Tokenizer

    try:
        tokens = Tokenizer().tokenize(text)
    except Exception:  # as above
        return frozenset((NOT_UNDERSTOOD,))
    words = {token.text.lower() for token in tokens if token.token_type.name != "STRING"}
    kinds = words & _VERBS
    kinds |= {f"{word}_all" for word in kinds & {"delete", "update"} if "where" not in words}
    return frozenset(kinds or {NOT_UNDERSTOOD})
