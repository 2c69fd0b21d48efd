"""What one tool call would do: the facts that rules are held against (pure).

`action_of` never raises and its work is bounded, whatever a model wrote.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from proxy.actions import snippets, sql
from proxy.actions.asked import (
    PACKED_MAX,
    asked_for,
    is_likely_path,
    is_likely_sql,
    is_packed,
    meaning_of,
)
from proxy.actions.command import Command
from proxy.actions.digest import digest_of
from proxy.actions.patch import files_of, is_patch
from proxy.actions.paths import normalised
from proxy.actions.places import is_credential
from proxy.actions.script import Reading
from proxy.actions.shapes import argvs, is_loose, is_prose, parsed, removes_trees
from proxy.actions.statements import NOT_UNDERSTOOD, kinds_of
from proxy.actions.tools import CWD_KEYS, LOOSE_KEYS, Category, Meaning, category_of, tool_of
from proxy.actions.touching import target_of_url, written_by

__all__ = ["Action", "Category", "Command", "action_of"]

ARGUMENTS_MAX = 4_194_304
DEPTH_MAX = 32
STRINGS_MAX = 4_096
SCRIPTS_MAX = 64
QUERIES_MAX = 64
"""So many scripts and SQL texts of one call are read; with more it is not understood."""


@dataclass(frozen=True, slots=True)
class Action:
    """One tool call, understood."""

    tool: str
    category: Category
    targets: tuple[str, ...]
    """Paths (absolute, `~/…` or `./…`), URLs without their query, and hosts that it touches."""
    commands: tuple[Command, ...]
    statements: frozenset[str]
    """Kinds of SQL in it; `delete_all` and `update_all` are those that spare no row. Where some of it was
    not read, NOT_UNDERSTOOD is among them."""
    is_understood: bool
    """False: part of its commands or arguments was not read, and may be anything."""
    text: str = field(repr=False)
    digest: str
    """SHA-256 over the canonical JSON of tool and arguments."""


def action_of(
    tool: str,
    arguments: str | Mapping[str, Any],
    *,
    cwd: str | None = None,
    home: str | None = None,
) -> Action:
    """What `tool` would do with these arguments."""
    raw: Any = arguments
    is_understood = True
    if isinstance(arguments, str):
        if len(arguments) > ARGUMENTS_MAX:
            is_understood = False
        else:
            raw, is_understood = _parsed(tool, arguments)
    strings: list[tuple[str, Any]] = []
    is_whole = _collect(raw, strings)
    facts = _Facts(tool, cwd, home, is_understood and is_whole)
    if isinstance(raw, Mapping):
        directory = next((raw[key] for key in CWD_KEYS if isinstance(raw.get(key), str)), None)
        if directory and facts.runs_scripts:
            facts.cwd = normalised(directory, cwd, home)
    facts.lists = tuple(argvs(tool, raw))
    for key, value in strings:
        facts.take(key, value)
    facts.take_lists(removes_trees(tool, raw))
    category = category_of(
        tool,
        {key for key, _ in strings},
        facts.meanings,
        next((str(v) for k, v in strings if k in ("command", "type") and isinstance(v, str)), None),
    )
    if any(is_credential(target) for target in facts.targets):
        category = "credential_access"
    queries = list(dict.fromkeys(facts.queries))
    kinds = kinds_of(*queries[:QUERIES_MAX])
    if len(queries) > QUERIES_MAX:
        kinds |= {NOT_UNDERSTOOD}
    return Action(
        tool=tool,
        category=category,
        targets=tuple(facts.targets),
        commands=tuple(facts.commands),
        statements=kinds,
        is_understood=facts.is_understood,
        text="\n".join(text for _, value in strings for text in _texts(value)),
        digest=digest_of(tool, raw),
    )


def _parsed(tool: str, arguments: str) -> tuple[Any, bool]:
    """The JSON of a tool call; free text is what custom tools are given instead."""
    if not arguments.strip():
        return {}, True
    try:
        return parsed(arguments)
    except (ValueError, RecursionError):
        known = tool_of(tool)
        if known is not None and not arguments.lstrip().startswith(("{", "[")):
            key = {"command": "command", "file_write": "patch"}.get(known.category, "input")
            return {key: arguments}, True
        return {"patch" if is_patch(arguments) else "input": arguments}, is_patch(arguments)


def _collect(value: Any, into: list[tuple[str, Any]], key: str = "", depth: int = 0) -> bool:
    """Every string with the name it goes by; lists of strings stay together, they may be an argv."""
    if depth > DEPTH_MAX or len(into) >= STRINGS_MAX:
        return False
    if isinstance(value, str):
        into.append((key, value))
        return True
    is_whole = True
    if isinstance(value, Mapping):
        is_whole = len(value) <= STRINGS_MAX
        for name, item in list(value.items())[:STRINGS_MAX]:
            is_whole &= _collect(item, into, str(name).lower(), depth + 1)
    elif isinstance(value, list | tuple):
        if value and all(isinstance(item, str) for item in value):
            into.append((key, tuple(value)))
            return len(value) <= STRINGS_MAX
        is_whole = len(value) <= STRINGS_MAX
        for item in value[:STRINGS_MAX]:
            is_whole &= _collect(item, into, key, depth + 1)
    return is_whole


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    else:
        yield from value


@dataclass(slots=True)
class _Facts:
    """Gathers what the arguments say, one by one."""

    tool: str
    cwd: str | None
    home: str | None
    is_understood: bool
    targets: dict[str, None] = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)
    meanings: set[Meaning] = field(default_factory=set)
    packed: int = 0
    lists: tuple[tuple[str, ...], ...] = ()
    """Programs whose words stand apart from them."""

    @property
    def runs_scripts(self) -> bool:
        """Whether a directory among the arguments is where its command runs, and no target."""
        known = tool_of(self.tool)
        return known is None or known.category == "command"

    def take(self, key: str, value: str | tuple[str, ...]) -> None:
        """One string, or one list of them, by the name of its argument."""
        known = tool_of(self.tool)
        meaning = meaning_of(key)
        if known is None and key in LOOSE_KEYS:
            meaning = "script"
        category = known.category if known else None
        if meaning in ("script", "argv") and category not in (None, "command"):
            return  # An editor's `command` is a verb: view, create.
        if meaning == "sql" and known is not None and known.is_search:
            return
        if key == "pattern" and self.tool.lower() == "glob":
            meaning = "path"
        if key == "input" and category in ("command", "file_write"):
            meaning = "script" if category == "command" else "patch"
        if key == "code":
            meaning = "code"
        if key in ("diff", "input", "patch") and isinstance(value, str) and is_patch(value):
            meaning = "patch"
        if meaning is None and category in (None, "file_read", "file_write"):
            self._guess(key, value, known is None)
        if meaning is None or (key in CWD_KEYS and category == "command"):
            return
        self.meanings.add(meaning)
        match meaning:
            case "script" | "argv":
                self._run(key, value, known.language if known else "sh")
            case "path":
                for text in _texts(value):
                    for path in asked_for(self.tool, key, text):
                        self._path(path)
            case "url":
                for url in _texts(value):
                    self.targets[target_of_url(url)] = None
            case "sql":
                self.queries += [text for text in _texts(value)
                                 if key == "sql" or (sql.looks_like_sql(text)
                                                     and not is_prose(self.tool, text))]  # fmt: skip
            case "patch":
                for text in _texts(value):
                    for path in files_of(text):
                        self._path(path)
            case "code":
                for text in _texts(value):
                    self._code(text)

    def _guess(self, key: str, value: str | tuple[str, ...], is_unknown: bool) -> None:
        """What an argument may be whose name says little: only what it looks like."""
        for text in _texts(value):
            if is_likely_path(key, text):
                self._path(text)
            elif is_unknown and is_likely_sql(key) and sql.looks_like_sql(text):
                self.meanings.add("sql")
                self.queries.append(text)
            elif is_unknown and is_packed(key) and text.lstrip().startswith("{"):
                self._unpack(text)

    def _unpack(self, text: str) -> None:
        self.packed += 1
        if self.packed > PACKED_MAX:
            self.is_understood = False
            return
        try:
            held = json.loads(text)
        except (ValueError, RecursionError):
            return
        strings: list[tuple[str, Any]] = []
        self.is_understood &= _collect(held, strings)
        for key, value in strings:
            self.take(key, value)

    def take_lists(self, removes: bool) -> None:
        """The programs whose words stand apart; and what a tool does that its name says."""
        for words in self.lists:
            self.meanings.add("argv")
            self._keep(_read_words(words, self.cwd, self.home))
        if removes and "path" in self.meanings:
            self.commands.append(Command("rm", tuple(self.targets), frozenset("r")))

    def _path(self, path: str) -> None:
        if "://" in path and not path.lower().startswith("file://"):
            self.targets[target_of_url(path)] = None
        else:
            self.targets[normalised(path, self.cwd, self.home)] = None

    def _run(self, key: str, value: str | tuple[str, ...], language: str) -> None:
        if isinstance(value, tuple) and value in self.lists:
            return  # Read as it stands there.
        if isinstance(value, tuple) and key != "commands":
            self._keep(_read_words(value, self.cwd, self.home))
            return
        scripts = list(_texts(value))
        self.is_understood &= len(scripts) <= SCRIPTS_MAX
        for script in scripts[:SCRIPTS_MAX]:
            is_lenient = is_loose(self.tool, key, script)
            self._keep(read_script(script, language, self.cwd, self.home, is_lenient))

    def _keep(self, reading: Reading) -> None:
        self.commands += map(written_by, reading.commands)
        self.targets |= reading.targets
        self.queries += reading.queries
        self.is_understood &= reading.is_understood

    def _code(self, text: str) -> None:
        found = snippets.read_snippet(text, "python")
        self.commands += map(written_by, found.commands)
        for target in found.targets:
            self._path(target)
        for script in found.scripts:
            self._keep(read_script(script, "sh", self.cwd, self.home))


@lru_cache(maxsize=256)
def read_script(
    text: str, language: str, cwd: str | None, home: str | None, is_lenient: bool = False
) -> Reading:
    """Agents repeat their commands; a script means the same each time."""
    reading = Reading(cwd, home)
    reading.read(text, language, is_lenient=is_lenient)
    return reading


@lru_cache(maxsize=256)
def _read_words(words: tuple[str, ...], cwd: str | None, home: str | None) -> Reading:
    reading = Reading(cwd, home)
    reading.run(words)
    return reading
