"""Every simple command in a shell script, however it is wrapped (pure; the grammar is tree-sitter's).

One walk over the tree in the order of the text. Work is bounded by the nodes and scripts that may
be looked at; what is beyond that is not understood, and rules then take it for anything.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

from proxy.actions.command import Command, base_name
from proxy.actions.quirks import heredoc, in_backticks, nested_backticks, without_groups
from proxy.actions.running import (
    AT_MOST,
    DEPTH_MAX,
    NESTED_MAX,
    SCRIPT_MAX,
    BeyondBounds,
    Input,
    Redirected,
    Running,
)
from proxy.actions.words import Word, programs_in, said_by, source, words_of
from proxy.actions.wrappers import listing

__all__ = ["AT_MOST", "NESTED_MAX", "SCRIPT_MAX", "Reading"]

_parser = Parser(Language(tree_sitter_bash.language()))
_defines = re.compile(r"\(\s*\)|\bfunction\b").search


@dataclass(slots=True)
class Reading(Running):
    """Reads one script, and the scripts inside it; what was found stands in its fields."""

    def read(self, text: str, language: str = "sh", *, is_lenient: bool = False) -> None:
        """Find what a script does; a lenient reader takes what is no script for text. Never raises."""
        try:
            self._read(text, language, is_lenient=is_lenient)
        except (BeyondBounds, RecursionError):
            self.is_understood = False
        self._functions.clear()

    def run(self, words: Sequence[str]) -> None:
        """The same for words that no shell has to split: an argv."""
        try:
            self._run([Word(word) for word in words], None, Redirected())
        except (BeyondBounds, RecursionError):
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
            raise BeyondBounds
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
            raise BeyondBounds
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
                # The grammar takes words that follow for further places; to the shell they are the
                # command's.
                more += redirect.children_by_field_name("destination")[1:]
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
