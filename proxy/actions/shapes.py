"""The shapes in which tools are given a program with its words, and what their names say (pure)."""

import json
import re
from collections.abc import Mapping
from typing import Any

from proxy.actions.tools import is_shell, tool_of

DEPTH_MAX = 8
ARGVS_MAX = 64

_PROGRAM = ("command", "program", "cmd", "executable", "binary", "exe")
_ARGUMENTS = ("args", "arguments", "argv")
_removes_trees = re.compile(
    r"(delete|remove|rm|destroy|wipe|purge)[_-]?(directory|directories|dir|dirs|folder|folders|tree"
    r"|recursive|recursively)(?![a-z])|(directory|dir|folder|tree)[_-](delete|remove)|rmtree|rm_?rf|deltree"
).search
_removes = re.compile(r"delete|remove|(^|_)rm(_|$)|destroy|wipe|purge").search
_humps = re.compile(r"(?<=[a-z])(?=[A-Z])")

_databases = re.compile(
    r"sql|postgre|mariadb|oracle|database|(?:^|[_-])db(?:[_-]|$)|bigquery|snowflake|duckdb|clickhouse"
    r"|supabase|redshift|warehouse|(?:run|exec|execute|raw|write|read|do)_?query|statement"
).search
_OBJECTS = (
    r"(?:table|database|schema|view|materialized|index|unique|user|role|login|function|procedure|trigger"
    r"|sequence|type|domain|column|constraint|extension|owned|policy|server|external|foreign|temporary"
    r"|temp|or|aggregate|cast|collation|event|publication|subscription|rule|tablespace|keyspace"
    r"|warehouse|stage|stream|task|synonym|package|catalog|partition|if|system|default|session)\b"
)
_NAMES = r"[\w.\"`\[\]$#@-]+"
_SHAPES = {
    "drop": rf"drop\s+{_OBJECTS}",
    "alter": rf"alter\s+{_OBJECTS}",
    "create": rf"create\s+{_OBJECTS}",
    "delete": r"delete\b.*\bfrom\b",
    "update": r"update\b.*\bset\b",
    "insert": r"insert\b.*\b(?:into|values|select)\b",
    "truncate": rf"truncate\s+(?:table\b|only\b|{_NAMES}\s*(?:,|\*|$|restart|continue|cascade|restrict))",
    "merge": r"merge\b.*\busing\b",
}
_shapes = {verb: re.compile(shape, re.I | re.S).match for verb, shape in _SHAPES.items()}
_from = re.compile(r"\bfrom\b", re.I).search


def parsed(text: str) -> tuple[Any, bool]:
    """JSON, and whether it says everything once: of a key that stands there twice, one reader takes the
    first and another the last. Here all are kept."""
    try:
        return _decode(text), True
    except _Twice:
        return json.loads(text, object_pairs_hook=_all), False


class _Twice(Exception):  # noqa: N818  # It ends one reading, and begins another.
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise _Twice
    return values


def _all(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, list[Any]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return {name: each if len(each) > 1 else each[0] for name, each in values.items()}


_decode = json.JSONDecoder(object_pairs_hook=_once).decode


def argvs(tool: str, raw: Any) -> list[tuple[str, ...]]:
    """Programs with their words, where they stand apart: `command` and `args`, or a list of lists."""
    known = tool_of(tool)
    if known is not None and known.category != "command":
        return []
    found: list[tuple[str, ...]] = []
    waiting: list[tuple[Any, int]] = [(raw, 0)]
    while waiting and len(found) < ARGVS_MAX:
        value, depth = waiting.pop()
        if isinstance(value, Mapping):
            found += _of_mapping(value, known is not None)
        if depth < DEPTH_MAX and isinstance(value, Mapping | list):
            inner = value.values() if isinstance(value, Mapping) else value
            waiting += [(each, depth + 1) for each in inner if isinstance(each, Mapping | list)]
    return found


def _of_mapping(value: Mapping[str, Any], is_command: bool) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    program = next((value[key] for key in _PROGRAM if isinstance(value.get(key), str)), None)
    words = next((_words(value[key]) for key in _ARGUMENTS if key in value), None)
    if words and program:
        found.append((*program.split(), *words))
    elif words and is_command and program is None:
        found.append(words)
    lists = value.get("commands")
    if isinstance(lists, list):
        found += [_words(each) for each in lists[:ARGVS_MAX] if isinstance(each, list)]
    return [words for words in found if words]


def _words(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(value.split())
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    return ()


def removes_trees(tool: str, raw: Any) -> bool:
    """Whether a tool's name says that it deletes directories, or deletes, and is told to go deep."""
    known = tool_of(tool)
    if known is not None and not tool.lower().startswith("delete"):
        return False
    name = _humps.sub("_", tool[:256]).lower()
    if _removes_trees(name):
        return True
    return isinstance(raw, Mapping) and raw.get("recursive") is True and _removes(name) is not None


def is_prose(tool: str, text: str) -> bool:
    """Whether what begins like SQL is a sentence: "drop shadow in css" for a tool that searches."""
    if _databases(tool.lower()) or any(mark in text for mark in (";", "/*", "--")):
        return False
    verb = text.split(None, 1)[0].lower() if text.strip() else ""
    shape = _shapes.get(verb)
    if shape is not None:
        return shape(text.strip()[:4096]) is None
    return text.count("'") % 2 == 1 and (verb != "select" or not _from(text))


_script = re.compile(
    r"\s*(?:\(?[\w\s,{}]{0,64}\)?\s*=>|async\b|function\b|\(\s*(?:async\b|function\b|\()|return\b|const\b|let\s"
    r"|var\b|document\.|window\.|await\b)"
).match


def is_loose(tool: str, key: str, text: str) -> bool:
    """Whether a text is a script only if it reads as one: what is typed into a program, what a tool that
    is no shell is told, JavaScript."""
    if tool_of(tool) is not None:
        return key == "chars"
    return not is_shell(tool) or (key == "script" and _script(text) is not None)
