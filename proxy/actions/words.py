"""What the words of a shell script come to, as far as the script itself says (pure).

A part whose value is not in the script stands as it was written, and the word says so.
"""

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass

from tree_sitter import Node

BRACES_MAX = 64


@dataclass(frozen=True, slots=True)
class Word:
    """One word after expansion."""

    text: str
    is_known: bool = True
    programs: tuple[str, ...] = ()
    """Programs whose output is in it: `$(curl …)`, `<(curl …)`."""
    said: str | None = None
    """What `<(…)` holds, where that is known."""


KNOWN = {"SHELL": "sh", "BASH": "bash", "IFS": " "}
"""Variables that everybody has; HOME and PWD stay as they are, paths know them."""

_braces = re.compile(r"^(.*?)(?<!\$)\{([^{}]*,[^{}]*)\}(.*)$", re.S)
_escape = re.compile(r"\\(\n|.)", re.S)
_string_escape = re.compile(r'\\([$`"\\]|\n)')
_ansi = re.compile(r"\\(x[0-9a-fA-F]{1,2}|u[0-9a-fA-F]{1,4}|[0-7]{1,3}|.)", re.S)
_ANSI = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b"}
_every = re.compile(r"^(\w+)\[@\]$").match
_default = re.compile(r"^\$\{(\w+):?([-=+])(.*)\}$", re.S)
_ALL = frozenset(("$@", "${@}"))


def source(node: Node) -> str:
    """The text of a node as it was written."""
    return (node.text or b"").decode("utf-8", "replace")


def words_of(node: Node, values: Mapping[str, str]) -> list[Word]:
    """The words that one argument becomes: none, one, or several where it is split or braced."""
    if node.type == "word":  # Most words are plain.
        plain = source(node)
        if "\\" not in plain and "{" not in plain:
            return [Word(plain)]
    if node.type == "process_substitution":
        said = said_by(node, values) if node.text and node.text[:1] == b"<" else None
        return [Word(source(node), False, programs_in(node), said)]
    programs: tuple[str, ...] = ()
    known, splits = True, False
    text = ""
    parts = node.children if node.type in ("concatenation", "command_name") else [node]
    has_braces = False
    for part in parts:
        value, is_known, of, is_split = _value(part, values)
        text += value
        known, programs, splits = known and is_known, programs + of, splits or is_split
        has_braces |= part.type in ("word", "concatenation") and b"{" in (part.text or b"")
    if splits:
        return [Word(piece, known, programs) for piece in text.split()]
    if has_braces and "," in text:
        return [Word(piece, known, programs) for piece in _braced(text)]
    return [Word(text, known, programs)]


def _braced(text: str) -> list[str]:
    done: list[str] = []
    waiting = [text]
    while waiting and len(done) + len(waiting) <= BRACES_MAX:
        current = waiting.pop(0)
        found = _braces.match(current)
        if found is None:
            done.append(current)
        else:
            waiting += [found[1] + choice + found[3] for choice in found[2].split(",")]
    return done + waiting


type _Value = tuple[str, bool, tuple[str, ...], bool]


def _value(node: Node, values: Mapping[str, str]) -> _Value:
    """Text, whether it is known, which programs wrote it, whether the shell splits it."""
    match node.type:
        case "word" | "number" | "string_content" | "variable_name":
            text = source(node)
            return (_escape.sub(_plain, text) if "\\" in text else text), True, (), False
        case "raw_string":
            return source(node)[1:-1], True, (), False
        case "ansi_c_string":
            return _ansi.sub(_ansi_letter, source(node)[2:-1]), True, (), False
        case "string" | "translated_string":
            return _string(node, values)
        case "simple_expansion" | "expansion":
            return _expansion(node, values)
        case "command_substitution" | "process_substitution":
            return _substitution(node, values)
        case "concatenation" | "command_name":
            return _joined([_value(child, values) for child in node.children])
        case "brace_expression" | "extglob_pattern" | "regex":
            return source(node), True, (), False
        case "arithmetic_expansion":
            return source(node), True, (), False
        case _:
            return source(node), not node.child_count, (), False


def _plain(found: re.Match[str]) -> str:
    return "" if found[1] == "\n" else found[1]


def _ansi_letter(found: re.Match[str]) -> str:
    code = found[1]
    if code[0] in "xu" and len(code) > 1:
        return chr(int(code[1:], 16))
    if code[0] in "01234567":
        return chr(int(code, 8) & 255)
    return _ANSI.get(code, code)


def _joined(values: list[_Value]) -> _Value:
    return (
        "".join(value[0] for value in values),
        all(value[1] for value in values),
        tuple(itertools.chain.from_iterable(value[2] for value in values)),
        any(value[3] for value in values),
    )


def _string(node: Node, values: Mapping[str, str]) -> _Value:
    # What stands between the expansions is taken from the source: the grammar leaves blanks out.
    written = node.text or b""
    at = written.find(b'"') + 1
    found: list[_Value] = []
    for child in node.children:
        if child.type not in ("simple_expansion", "expansion", "command_substitution"):
            continue
        start = child.start_byte - node.start_byte
        found.append(_unescaped(written[at:start]))
        text, known, programs, _ = _value(child, values)
        name = source(child)
        splits = name in _ALL or (
            child.type == "expansion" and _every(name.strip("${}")) is not None
        )
        found.append((text, known, programs, splits))
        at = child.end_byte - node.start_byte
    end = len(written) - 1 if written.endswith(b'"') else len(written)
    found.append(_unescaped(written[at:end]))
    return _joined(found)


def _unescaped(text: bytes) -> _Value:
    plain = _string_escape.sub(_plain, text.decode("utf-8", "replace"))
    return plain, True, (), False


def _expansion(node: Node, values: Mapping[str, str]) -> _Value:
    written = source(node)
    name = written.strip("${}")
    array = _every(name)
    value = values.get(array[1] if array else name, KNOWN.get(name))
    if value is not None:
        return value, True, (), any(letter.isspace() for letter in value)
    if name in ("HOME", "PWD"):
        return f"${name}", True, (), False
    programs = programs_in(node)
    found = _default.match(written)
    if found is not None and not programs:
        # ${X:-value}: where nothing here gives X a value, the one that is written stands.
        held = values.get(found[1]) if found[2] != "+" else None
        value = held or found[3].strip("\"'")
        is_known = held is not None or not any(mark in value for mark in "$`")
        return value, is_known, (), any(letter.isspace() for letter in value)
    return written, False, programs, False


def programs_in(node: Node) -> tuple[str, ...]:
    """The names of the programs anywhere inside, nearest first."""
    names: list[str] = []
    waiting = [node]
    while waiting and len(names) < 8:
        current = waiting.pop()
        if current.type == "command_name":
            names.append(source(current).rpartition("/")[2].lstrip("\\"))
        waiting += reversed(current.named_children)
    return tuple(names)


def _substitution(node: Node, values: Mapping[str, str]) -> _Value:
    if node.type == "command_substitution":
        text = said_by(node, values)
        if text is not None:
            return text, True, (), any(letter.isspace() for letter in text)
    return source(node), False, programs_in(node), False


_QUIET = frozenset("cd set export true : sleep mkdir touch shopt".split())
_GROUPS = frozenset("compound_statement subshell list command_substitution process_substitution"
                    " program".split())  # fmt: skip


def said_by(node: Node, values: Mapping[str, str], piped: str | None = None) -> str | None:
    """What a part of a script writes, where its words say it."""
    if node.type == "command":
        return _said_by_command(node, values, piped)
    if node.type == "pipeline":
        for stage in node.named_children:
            piped = said_by(stage, values, piped)
        return piped
    if node.type == "redirected_statement":
        body = node.child_by_field_name("body")
        for redirect in node.children_by_field_name("redirect"):
            if redirect.type == "heredoc_redirect":
                held = [child for child in redirect.children if child.type == "heredoc_body"]
                if len(redirect.named_children) > len(held) + 2:
                    return None  # More stands on its first line.
                piped = source(held[0]) if held else ""
        return said_by(body, values, piped) if body is not None else None
    if node.type in ("comment", "variable_assignment"):
        return ""
    if node.type not in _GROUPS or len(node.named_children) > 64:
        return None
    lines = [said_by(child, values, piped) for child in node.named_children]
    said = [line for line in lines if line is not None]
    return "\n".join(filter(None, said)) if said and len(said) == len(lines) else None


def _said_by_command(node: Node, values: Mapping[str, str], piped: str | None) -> str | None:
    parts = [child for child in node.named_children if child.type != "variable_assignment"]
    words = [word for part in parts for word in words_of(part, values)]
    if not words:
        return None
    program = words[0].text.rpartition("/")[2]
    if program == "tee" or (program == "cat" and len(words) == 1):
        return piped
    if program == "cat" and all(word.said is not None for word in words[1:]):
        return "\n".join(word.said or "" for word in words[1:])
    if program in _QUIET:
        return ""
    if not all(word.is_known for word in words):
        return None
    return printed([program, *(word.text for word in words[1:])])


def printed(words: list[str]) -> str | None:
    """What a command prints, for the few where its words say it."""
    match words:
        case ["echo", *rest]:
            while rest and rest[0] in ("-n", "-e", "-E", "-ne", "-en"):
                if "e" in rest.pop(0):
                    rest = [_ansi.sub(_ansi_letter, word) for word in rest]
            return " ".join(rest)
        case ["printf", form, *rest]:
            pieces = iter(rest)
            text = _ansi.sub(_ansi_letter, form)
            text = re.sub(r"%[sbdq]", lambda _: next(pieces, ""), text)
            return " ".join([text, *pieces])  # The form is used again for what is left.
        case ["pwd"]:
            return "$PWD"
        case ["which" | "type", name] | ["command", "-v", name] | ["type", "-P", name]:
            return name
    return None
