"""Every simple command in a shell script, however it is wrapped (pure; the grammar is tree-sitter's).

One walk over the tree in the order of the text. Work is bounded by the nodes and scripts that may
be looked at; what is beyond that is not understood, and rules then take it for anything.
"""

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

from proxy.actions import powershell, snippets, sql
from proxy.actions.command import Command, base_name, flags_of
from proxy.actions.paths import normalised
from proxy.actions.touching import targets_of
from proxy.actions.words import Word, printed, source, words_of
from proxy.actions.wrappers import Inner, inside, listing

SCRIPT_MAX = 65_536
CHARACTERS_MAX = 262_144
"""Of a script and all the scripts inside it."""
AT_MOST = {"|": 1_000, "=(": 500, ")": 4_000, ">": 4_000, "<": 4_000, "$[": 1_000}
"""The grammar takes quadratic time over many of these that do not close."""
NODES_MAX = 60_000
DEPTH_MAX = 150
SCRIPTS_MAX = 64
NESTED_MAX = 8
CHOICES_MAX = 16

_parser = Parser(Language(tree_sitter_bash.language()))
_variable = re.compile(rb"\$\{?(\w+)").findall


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
    _variables: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _nodes: int = NODES_MAX
    _scripts: int = SCRIPTS_MAX
    _characters: int = CHARACTERS_MAX
    _nested: int = 0

    def read(self, text: str, language: str = "sh") -> None:
        """Find what a script does. Never raises."""
        try:
            self._read(text, language)
        except (_BeyondBounds, RecursionError):
            self.is_understood = False

    def run(self, words: Sequence[str]) -> None:
        """The same for words that no shell has to split: an argv."""
        try:
            self._run([Word(word) for word in words], None, Redirected())
        except (_BeyondBounds, RecursionError):
            self.is_understood = False

    def _read(self, text: str, language: str, piped: Input | None = None) -> None:
        self._scripts -= 1
        self._characters -= len(text)
        is_long = len(text) > SCRIPT_MAX or any(
            text.count(mark) > most for mark, most in AT_MOST.items()
        )
        if is_long or min(self._scripts, self._characters) < 0 or self._nested >= NESTED_MAX:
            raise _BeyondBounds
        self._nested += 1
        if language == "sh":
            tree = _parser.parse(text.encode("utf-8", "replace"))
            self.is_understood &= not tree.root_node.has_error
            self._walk(tree.root_node, piped, 0)
        elif language == "powershell":
            self._windows(text)
        else:
            self._snippet(text, language)
        self._nested -= 1

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
                self._assign(node)
            case "for_statement":
                self._for(node)
                self._children(node, piped, depth)
            case "subshell" | "command_substitution":
                cwd = self.cwd
                self._children(node, piped, depth)
                self.cwd = cwd
            case "process_substitution":
                is_input = source(node).startswith(">")
                self._children(node, Input() if is_input else None, depth)
            case "file_redirect":  # On its own: $(<file)
                reads: list[str] = []
                writes: list[str] = []
                self._file(node, reads, writes, depth)
                self._note(Command("", reads=tuple(reads), writes=tuple(writes)))
            case "word" | "raw_string" | "number" | "variable_name" | "comment":
                pass
            case _:
                self._children(node, piped, depth)

    def _children(self, node: Node, piped: Input | None, depth: int) -> None:
        for child in node.named_children:
            self._walk(child, piped, depth + 1)

    def _assign(self, node: Node) -> None:
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is None or value is None:
            return
        items = value.named_children if value.type == "array" else [value]
        words = [word for item in items for word in words_of(item, self._first())]
        if not all(word.is_known for word in words):
            self._variables.pop(source(name), None)
            return
        text = " ".join(word.text for word in words)
        before = self._variables.get(source(name), ())
        if b"+=" in (node.text or b"")[: len(name.text or b"") + 2]:
            text = (before[-1] if before else "") + text
        self._variables[source(name)] = (*before, text)[-CHOICES_MAX:]

    def _for(self, node: Node) -> None:
        name = node.child_by_field_name("variable")
        items = node.children_by_field_name("value")
        words = [word for item in items for word in words_of(item, self._first())]
        if name is not None and words and all(word.is_known for word in words):
            self._variables[source(name)] = tuple(word.text for word in words[:CHOICES_MAX])

    def _first(self) -> dict[str, str]:
        return {name: values[-1] for name, values in self._variables.items()}

    def _choices(self, node: Node) -> Iterable[dict[str, str]]:
        """Each way in which the variables of a command may stand."""
        written = node.text or b""
        if b"$" not in written or not self._variables:
            return [{}]
        names = {name.decode("ascii", "replace") for name in _variable(written)}
        held = [(name, self._variables[name]) for name in names if name in self._variables]
        ways = 1
        for _, values in held:
            ways *= len(set(values))
        if ways > CHOICES_MAX:
            self.is_understood = False
            return [self._first()]
        spread = [[(name, value) for value in dict.fromkeys(values)] for name, values in held]
        return [dict(way) for way in itertools.product(*spread)]

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
                piped = Input(_heredoc(redirect))
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
        output = self._output(node, piped) if after else None
        for following in after:
            self._walk(following, output if following.type == "pipeline" else None, depth + 1)

    def _herestring(self, redirect: Node, depth: int) -> Input:
        self._children(redirect, None, depth)
        values = self._first()
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
        for word in words_of(destination, self._first()):
            if word.programs:
                return Input(None, word.programs) if operator == "<" else None
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
        for values in self._choices(node):
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
        if stage.type == "redirected_statement":
            stage = stage.child_by_field_name("body") or stage
        programs = piped.programs if piped else ()
        if stage.type != "command":
            return Input(None, (*programs, stage.type))
        parts = [child for child in stage.named_children if child.type != "variable_assignment"]
        words = [word for part in parts for word in words_of(part, self._first())]
        if not words:
            return Input()
        program = base_name(words[0].text)
        texts = [program, *(word.text for word in words[1:])]
        is_known = all(word.is_known for word in words)
        said: str | None = None
        if program in ("cat", "tee") and len(words) == 1:
            said = piped.text if piped else None
        elif program == "find":
            said = listing(words[1:])
        elif program == "ls" and is_known:
            said = " ".join(word for word in texts[1:] if not word.startswith("-")) or None
        elif is_known:
            said = printed(texts)
        return Input(said, (*programs, program)[-8:])

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
        name = words[0].text.rpartition("/")[2] if words[0].text != "." else "."
        if not words[0].is_known and re.search(r"[$`(…]|^$", name):
            # The program itself is chosen elsewhere: it may be any.
            self.is_understood = False
            texts = tuple(word.text for word in words[1:])
            self._note(Command(name, texts, flags_of(name, texts), where.reads, where.writes,
                               True, words[0].programs))  # fmt: skip
            return
        program = base_name(words[0].text)
        rest = words[1:]
        texts = tuple(word.text for word in rest)
        feed = piped.text if piped else None
        runs = inside(program, rest, feed)
        fed_by: tuple[str, ...] | None = None
        scripts: list[tuple[str, str, Input | None]] = []
        for run in runs:
            if isinstance(run, Inner):
                if run.script is not None:
                    scripts.append((run.script, run.language, piped))
            elif run.by is not None:
                fed_by = run.by
            elif piped is not None and feed is not None:
                scripts.append((feed, run.language, None))
            elif piped is not None:
                fed_by = piped.programs
        own = texts
        for run in runs:
            if isinstance(run, Inner) and run.words and program != "find":
                own = texts[: max(0, len(texts) - len(run.words))]
        flags = flags_of(program, own)
        self._note(Command(program, texts, flags, where.reads, where.writes,
                           fed_by is not None, fed_by or ()))  # fmt: skip
        self.queries += sql.queries_of(program, rest, feed)
        if program in ("cd", "pushd") and rest:
            self._change_directory(rest)
        self._nested += 1
        for run in runs:
            if isinstance(run, Inner) and run.words:
                self._run(list(run.words), piped, Redirected())
        self._nested -= 1
        for script, language, beside in scripts:
            self._read(script, language, beside)

    def _change_directory(self, words: Sequence[Word]) -> None:
        place = next((word for word in words if not word.text.startswith("-")), None)
        if place is not None and place.is_known:
            self.cwd = normalised(place.text, self.cwd, self.home)

    def _note(self, command: Command) -> None:
        self.commands.append(command)
        redirected = (*command.reads, *command.writes)
        for target in targets_of(
            command.program, command.arguments, command.flags, redirected, self.cwd, self.home
        ):
            self.targets[target] = None

    def _snippet(self, text: str, language: str) -> None:
        found = snippets.read_snippet(text, language)
        self.is_understood &= found.is_understood
        for command in found.commands:
            self._note(command)
        for target in targets_of("cat", found.targets, frozenset(), (), self.cwd, self.home):
            self.targets[target] = None
        for script in found.scripts:
            self._read(script, "sh")

    def _windows(self, text: str) -> None:
        found = powershell.read_powershell(text)
        self.is_understood &= found.is_understood
        for command in found.commands:
            self._note(command)
        for script in found.scripts:
            self._read(script, "powershell")


def _heredoc(redirect: Node) -> str:
    body = next((child for child in redirect.children if child.type == "heredoc_body"), None)
    return source(body) if body is not None else ""
