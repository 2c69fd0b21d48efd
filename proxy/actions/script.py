"""Every simple command in a shell script, however it is wrapped (pure; the grammar is tree-sitter's).

One walk over the tree in the order of the text. Work is bounded by the nodes and scripts that may
be looked at; what is beyond that is not understood, and rules then take it for anything.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

from proxy.actions import cmd, powershell, snippets, sql
from proxy.actions.chosen import last_name, may_run
from proxy.actions.command import Command, base_name, deletes_like_rm, flags_of, is_chosen
from proxy.actions.patch import files_of, is_patch
from proxy.actions.paths import normalised
from proxy.actions.quirks import heredoc, in_backticks, nested_backticks, without_groups
from proxy.actions.runs import Fed, Inner, Run
from proxy.actions.touching import targets_of
from proxy.actions.variables import Variables
from proxy.actions.words import Word, programs_in, said_by, source, words_of
from proxy.actions.wrappers import inside, listing

SCRIPT_MAX = 65_536
CHARACTERS_MAX = 262_144
"""Of a script and all the scripts inside it."""
AT_MOST = {"|": 1_000, "=(": 500, ")": 4_000, ">": 4_000, "<": 4_000, "$[": 1_000}
"""The grammar takes quadratic time over many of these that do not close."""
NODES_MAX = 60_000
DEPTH_MAX = 150
SCRIPTS_MAX = 64
NESTED_MAX = 8

_parser = Parser(Language(tree_sitter_bash.language()))
_defines = re.compile(r"\(\s*\)|\bfunction\b").search
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


class _BeyondBounds(Exception):  # noqa: N818  # a turn in the reading, not an accident
    """There is more than is looked at."""


@dataclass(slots=True)
class Reading:
    """Reads one script, and the scripts inside it; what was found stands in its fields."""

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

    def read(self, text: str, language: str = "sh", *, is_lenient: bool = False) -> None:
        """Find what a script does; a lenient reader takes what is no script for text. Never raises."""
        try:
            self._read(text, language, is_lenient=is_lenient)
        except (_BeyondBounds, RecursionError):
            self.is_understood = False
        self._functions.clear()

    def run(self, words: Sequence[str]) -> None:
        """The same for words that no shell has to split: an argv."""
        try:
            self._run([Word(word) for word in words], None, Redirected())
        except (_BeyondBounds, RecursionError):
            self.is_understood = False

    def _read(
        self, text: str, language: str, piped: Input | None = None, is_lenient: bool = False
    ) -> None:
        self._scripts -= 1
        self._characters -= len(text)
        is_long = len(text) > SCRIPT_MAX or any(
            text.count(mark) > most for mark, most in AT_MOST.items()
        )
        if is_long or min(self._scripts, self._characters) < 0 or self._nested >= NESTED_MAX:
            raise _BeyondBounds
        self._nested += 1
        if language == "sh":
            root = self._parsed(text)
            self.is_understood &= is_lenient or not root.has_error
            if _defines(text):
                self._find_functions(root)
            self._walk(root, piped, 0)
        elif language in ("powershell", "cmd"):
            self._windows(text, language)
        else:
            self._snippet(text, language)
        self._nested -= 1

    def _parsed(self, text: str) -> Node:
        root = _parser.parse(text.encode("utf-8", "replace")).root_node
        if root.has_error:
            plain = without_groups(text)
            if plain != text:
                root = _parser.parse(plain.encode("utf-8", "replace")).root_node
        return root

    def _find_functions(self, root: Node) -> None:
        waiting = [root]
        while waiting and self._nodes > 0:
            node = waiting.pop()
            self._nodes -= 1
            name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
            if node.type == "function_definition" and name is not None and body is not None:
                self._functions[source(name)] = body
            waiting += node.named_children

    def _walk(self, node: Node, piped: Input | None, depth: int) -> None:
        self._nodes -= 1
        if self._nodes < 0 or depth > DEPTH_MAX:
            raise _BeyondBounds
        match node.type:
            case "command":
                self._command(node, [], piped, Redirected(), depth)
            case "redirected_statement":
                self._redirected(node, piped, depth)
            case "pipeline":
                *before, last = node.named_children or [node]
                for stage in before:
                    self._walk(stage, piped, depth + 1)
                    piped = self._output(stage, piped)
                if last is not node:
                    self._walk(last, piped, depth + 1)
            case "variable_assignment":
                self._children(node, None, depth)
                self._variables.assign(node)
            case "for_statement":
                self._variables.loop(node)
                self._children(node, piped, depth)
            case "subshell" | "command_substitution":
                cwd = self.cwd
                self._children(node, piped, depth)
                nested = nested_backticks(node)
                if nested:
                    self._read(nested, "sh")
                self.cwd = cwd
            case "process_substitution":
                is_input = source(node).startswith(">")
                self._children(node, Input() if is_input else None, depth)
            case "file_redirect":  # On its own: $(<file)
                reads: list[str] = []
                writes: list[str] = []
                self._file(node, reads, writes, depth)
                self._note(Command("", reads=tuple(reads), writes=tuple(writes)))
            case "word":
                if b"`" in (node.text or b""):  # In ${x:-`…`} the grammar does not look.
                    self._ticks(source(node))
            case "raw_string" | "number" | "variable_name" | "comment":
                pass
            case _:
                self._children(node, piped, depth)

    def _children(self, node: Node, piped: Input | None, depth: int) -> None:
        for child in node.named_children:
            self._walk(child, piped, depth + 1)

    def _ticks(self, text: str) -> None:
        script = in_backticks(text)
        if script:
            self._read(script, "sh", is_lenient=True)

    def _redirected(self, node: Node, piped: Input | None, depth: int) -> None:
        body = node.child_by_field_name("body")
        reads: list[str] = []
        writes: list[str] = []
        more: list[Node] = []
        after: list[Node] = []
        waiting = list(node.children_by_field_name("redirect"))
        while waiting:
            redirect = waiting.pop(0)
            if redirect.type == "heredoc_redirect":
                text, is_expanded = heredoc(redirect)
                piped = Input(text)
                if is_expanded and "`" in text:
                    self._ticks(text)
                for at, child in enumerate(redirect.children):
                    name = redirect.field_name_for_child(at)
                    if name == "argument":
                        more.append(child)
                    elif name == "redirect":
                        waiting.append(child)
                    elif child.type == "heredoc_body":
                        self._children(child, None, depth)
                    elif name == "right" or child.type in ("pipeline", "command", "list"):
                        after.append(child)
            elif redirect.type == "herestring_redirect":
                piped = self._herestring(redirect, depth)
            else:
                found = self._file(redirect, reads, writes, depth)
                piped = found or piped
        where = Redirected(tuple(reads), tuple(writes))
        if body is not None and body.type == "command":
            self._command(body, more, piped, where, depth + 1)
        else:
            self._note(Command("", reads=where.reads, writes=where.writes))
            if body is not None:
                self._walk(body, piped, depth + 1)
        output = self._output(body or node, piped) if after else None
        for following in after:
            self._walk(following, output if following.type == "pipeline" else None, depth + 1)

    def _herestring(self, redirect: Node, depth: int) -> Input:
        self._children(redirect, None, depth)
        values = self._variables.first()
        words = [word for part in redirect.named_children for word in words_of(part, values)]
        if all(word.is_known for word in words):
            return Input(" ".join(word.text for word in words))
        return Input(None, tuple(name for word in words for name in word.programs) or ("<<<",))

    def _file(
        self, redirect: Node, reads: list[str], writes: list[str], depth: int
    ) -> Input | None:
        """Note a redirection; the input where another program writes it: `< <(curl …)`."""
        destination = redirect.child_by_field_name("destination")
        operator = next((child.type for child in redirect.children if not child.is_named), "")
        if destination is None:
            return None
        self._walk(destination, None, depth + 1)
        if operator.endswith("&") and destination.type == "number":
            return None
        for word in words_of(destination, self._variables.first()):
            if word.programs:
                return Input(word.said, word.programs) if operator == "<" else None
            (reads if operator in ("<", "<&") else writes).append(word.text)
        return None

    def _command(
        self, node: Node, more: list[Node], piped: Input | None, where: Redirected, depth: int
    ) -> None:
        parts: list[Node] = []
        reads, writes = list(where.reads), list(where.writes)
        for child in node.children:
            if child.type == "herestring_redirect":
                piped = self._herestring(child, depth)
            elif child.type == "file_redirect":
                piped = self._file(child, reads, writes, depth) or piped
            elif child.is_named or child.type not in ("(", ")"):
                if child.child_count:
                    self._walk_parts(child, depth)
                if child.type != "variable_assignment":
                    parts.append(child)
        self._nodes -= len(parts)
        where = Redirected(tuple(reads), tuple(writes))
        choices = self._variables.choices(node)
        self.is_understood &= choices is not None
        for values in [self._variables.first()] if choices is None else choices:
            words = [word for part in (*parts, *more) for word in words_of(part, values)]
            self._run(words, piped, where)

    def _walk_parts(self, node: Node, depth: int) -> None:
        if node.type == "variable_assignment":
            self._walk(node, None, depth + 1)
        else:
            self._children(node, None, depth) if node.type not in (
                "command_substitution",
                "process_substitution",
            ) else self._walk(node, None, depth + 1)

    def _output(self, stage: Node, piped: Input | None) -> Input:
        """What the next program of a pipeline reads."""
        values = self._variables.first()
        before = piped.programs if piped else ()
        said = said_by(stage, values, piped.text if piped else None)
        if stage.type == "redirected_statement":
            stage = stage.child_by_field_name("body") or stage
        if stage.type != "command":
            return Input(said, (*before, stage.type, *programs_in(stage))[-8:])
        parts = [child for child in stage.named_children if child.type != "variable_assignment"]
        words = [word for part in parts for word in words_of(part, values)]
        if not words:
            return Input()
        program = base_name(words[0].text)
        if program == "find":
            said = listing(words[1:])
        elif program == "ls" and all(word.is_known for word in words):
            names = [word.text for word in words[1:] if not word.text.startswith("-")]
            said = " ".join(names) or None
        return Input(said, (*before, program)[-8:])

    def _run(self, words: list[Word], piped: Input | None, where: Redirected) -> None:
        self._nodes -= 1
        if self._nodes < 0 or self._nested > NESTED_MAX:
            raise _BeyondBounds
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
        for inner in may_run(rest):
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
            raise _BeyondBounds
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
