"""What runs when the words of one command run: what they name, feed, call and delete (pure).

The other half of reading a script: script.py finds the commands in its text, and this follows them, into
the scripts and programs that they run in turn.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

from tree_sitter import Node

from proxy.actions import cmd, powershell, snippets, sql
from proxy.actions.chosen import last_name, may_run
from proxy.actions.command import Command, base_name, deletes_like_rm, flags_of, is_chosen
from proxy.actions.patch import files_of, is_patch
from proxy.actions.paths import normalised
from proxy.actions.runs import Fed, Inner, Run
from proxy.actions.touching import targets_of
from proxy.actions.variables import Variables
from proxy.actions.words import Word
from proxy.actions.wrappers import inside

SCRIPT_MAX = 65_536
CHARACTERS_MAX = 262_144
"""Of a script and all the scripts inside it."""
AT_MOST = {"|": 1_000, "=(": 500, ")": 4_000, ">": 4_000, "<": 4_000, "$[": 1_000}
"""The grammar takes quadratic time over many of these that do not close."""
NODES_MAX = 60_000
DEPTH_MAX = 150
SCRIPTS_MAX = 64
NESTED_MAX = 8

_placed = re.compile(rb"\$\{?[@*1-9]").search


@dataclass(frozen=True, slots=True)
class Input:
    """What comes through a pipe, as far as it is known, and from which programs."""

    text: str | None = None
    programs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Redirected:
    """Where a command's input and output are."""

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()


class BeyondBounds(Exception):  # noqa: N818  # a turn in the reading, not an accident
    """There is more than is looked at."""


@dataclass(slots=True)
class Running(ABC):
    """What was found so far, and what is left of the bounds."""

    cwd: str | None = None
    home: str | None = None
    commands: list[Command] = field(default_factory=list)
    targets: dict[str, None] = field(default_factory=dict)
    queries: list[str] = field(default_factory=list)
    is_understood: bool = True
    _variables: Variables = field(default_factory=Variables)
    _functions: dict[str, Node] = field(default_factory=dict)
    _calling: tuple[str, ...] = ()
    _called: set[Command] = field(default_factory=set)
    _nodes: int = NODES_MAX
    _scripts: int = SCRIPTS_MAX
    _characters: int = CHARACTERS_MAX
    _nested: int = 0

    @abstractmethod
    def _read(
        self, text: str, language: str, piped: Input | None = None, is_lenient: bool = False
    ) -> None:
        """Read a script that a command runs."""

    @abstractmethod
    def _walk(self, node: Node, piped: Input | None, depth: int) -> None:
        """Read a part of a script."""

    def _run(self, words: list[Word], piped: Input | None, where: Redirected) -> None:
        self._nodes -= 1
        if self._nodes < 0 or self._nested > NESTED_MAX:
            raise BeyondBounds
        while words and words[0].is_known and not words[0].text:
            words = words[1:]
        if not words:
            if where.reads or where.writes:
                self._note(Command("", reads=where.reads, writes=where.writes))
            return
        name = last_name(words[0].text)
        if is_chosen(name):
            self._run_chosen(name, words, piped, where)
            return
        program = base_name(words[0].text)
        rest = words[1:]
        texts = tuple(word.text for word in rest)
        feed = piped.text if piped else None
        runs = inside(program, rest, feed)
        own = texts
        for run in runs:
            if isinstance(run, Inner) and run.words and program not in ("find", "fd", "fdfind"):
                own = texts[: max(0, len(texts) - len(run.words))]
        flags = flags_of(program, own)
        feeds = [run for run in runs if isinstance(run, Fed)]
        fed_by: tuple[str, ...] | None = None
        for run in feeds:
            if run.by is not None:
                fed_by = run.by
            elif piped is not None and feed is None:
                fed_by = piped.programs
        self._note(Command(program, texts, flags, where.reads, where.writes,
                           fed_by is not None, fed_by or ()))  # fmt: skip
        if deletes_like_rm(program):
            self._note(Command("rm", texts, flags | {"r"}))
        self.queries += sql.queries_of(program, rest, feed)
        self._beside_programs(program, rest, feed)
        if words[0].text in self._functions:
            self._call(words[0].text, rest)
        self._follow(runs, piped, feed)

    def _beside_programs(self, program: str, rest: list[Word], feed: str | None) -> None:
        """What programs do to what is read after them, and the patches that they are given."""
        if program in ("cd", "pushd") and rest:
            self._change_directory(rest)
        elif program == "set" and rest:
            self._set(rest)
        elif program == "shift":
            by = rest[0].text if rest else "1"
            self._variables.shift(int(by) if by in "123456789" and by else 1)
        elif program in ("apply_patch", "applypatch", "patch", "git"):
            for text in (*(word.text for word in rest[:2]), feed or ""):
                for path in files_of(text) if is_patch(text) else ():
                    self.targets[normalised(path, self.cwd, self.home)] = None

    def _follow(self, runs: Sequence[Run], piped: Input | None, feed: str | None) -> None:
        self._nested += 1
        for run in runs:
            if isinstance(run, Inner) and run.words:
                self._run(list(run.words), piped, Redirected())
        self._nested -= 1
        for run in runs:
            if isinstance(run, Fed):
                if run.by is None and feed is not None:
                    self._read(feed, run.language)
            elif run.script is not None:
                held = dict(self._variables.held)
                if run.arguments:
                    self._variables.place(run.arguments[1:], run.arguments[0])
                self._read(run.script, run.language, piped)
                if run.arguments:
                    self._variables.held = held

    def _run_chosen(
        self, name: str, words: list[Word], piped: Input | None, where: Redirected
    ) -> None:
        """A program that is chosen elsewhere: patterns are told that it may be any."""
        first, *rest = words
        texts = tuple(word.text for word in rest)
        is_fed = bool(first.programs) or (piped is not None and not rest)
        by = first.programs or (piped.programs if piped and not rest else ())
        flags = flags_of("", texts)
        self._note(Command(name, texts, flags, where.reads, where.writes, is_fed, by))
        self._nested += 1
        for inner in may_run(name, rest):
            self._run(list(inner), piped, Redirected())
        self._nested -= 1
        if piped is not None and piped.text and not rest:
            self._read(piped.text, "sh", is_lenient=True)
        for run in inside("sh", rest, None) if rest else ():
            if isinstance(run, Inner) and run.script:
                self._read(run.script, "sh", is_lenient=True)
                self._snippet(run.script, "python", is_lenient=True)

    def _call(self, name: str, words: list[Word]) -> None:
        """Read a function again, with what it is called with."""
        body = self._functions[name]
        if name in self._calling or not words or not _placed(body.text or b""):
            return
        held, before = dict(self._variables.held), self._calling
        self._variables.place(words)
        self._calling = (*before, name)
        self._nested += 1
        if self._nested > NESTED_MAX:
            raise BeyondBounds
        self._walk(body, None, 0)
        self._nested -= 1
        self._calling, self._variables.held = before, held

    def _set(self, words: list[Word]) -> None:
        """`set -- a b` gives a script its words."""
        at = next((at for at, word in enumerate(words) if word.text == "--"), None)
        if at is None and words[0].text[:1] in ("-", "+"):
            return
        self._variables.place(words if at is None else words[at + 1 :])

    def _change_directory(self, words: Sequence[Word]) -> None:
        place = next((word for word in words if not word.text.startswith("-")), None)
        if place is not None and place.is_known:
            self.cwd = normalised(place.text, self.cwd, self.home)

    def _note(self, command: Command) -> None:
        if self._calling:  # A function is read once for each call: what it always does is on file.
            if command in self._called:
                return
            self._called.add(command)
        self.commands.append(command)
        redirected = (*command.reads, *command.writes)
        for target in targets_of(
            command.program, command.arguments, command.flags, redirected, self.cwd, self.home
        ):
            self.targets[target] = None

    def _snippet(self, text: str, language: str, is_lenient: bool = False) -> None:
        found = snippets.read_snippet(text, language)
        self.is_understood &= found.is_understood or is_lenient
        for command in found.commands:
            self._note(command)
        for target in targets_of("cat", found.targets, frozenset(), (), self.cwd, self.home):
            self.targets[target] = None
        for script in found.scripts:
            self._read(script, "sh", is_lenient=is_lenient)

    def _windows(self, text: str, language: str) -> None:
        read = powershell.read_powershell if language == "powershell" else cmd.read_cmd
        found = read(text)
        self.is_understood &= found.is_understood
        for command in found.commands:
            self._note(command)
        for words, by in found.runs:
            self._run(list(words), Input(None, by) if by else None, Redirected())
        for script in found.scripts:
            self._read(script, language)
