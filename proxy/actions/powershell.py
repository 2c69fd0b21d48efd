"""PowerShell and `cmd` lines, in a modest way (pure; the grammar is tree-sitter's).

Aliases and shortened parameters are undone: `ri -rec -fo x` is `remove-item -recurse -force x`.
"""

import re
from dataclasses import dataclass, field

import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

from proxy.actions.command import Command, base_name, flags_of, full_parameter
from proxy.actions.words import Word, source

SCRIPT_MAX = 16_384
NODES_MAX = 20_000

_parser = Parser(Language(tree_sitter_powershell.language()))

_ALIASES = {
    "rm": "remove-item", "ri": "remove-item", "del": "remove-item", "erase": "remove-item",
    "rd": "remove-item", "rmdir": "remove-item", "iex": "invoke-expression",
    "iwr": "invoke-webrequest", "irm": "invoke-restmethod", "curl": "invoke-webrequest",
    "wget": "invoke-webrequest", "gc": "get-content", "cat": "get-content",
    "type": "get-content", "sc": "set-content", "cp": "copy-item", "copy": "copy-item",
    "mv": "move-item", "move": "move-item", "saps": "start-process", "clc": "clear-content",
}  # fmt: skip
_CMDLETS = frozenset(_ALIASES.values())
_cluster = re.compile(r"-[rRfv]{2,}").fullmatch


@dataclass(slots=True)
class Script:
    """What was found in one."""

    commands: list[Command] = field(default_factory=list)
    runs: list[tuple[tuple[Word, ...], tuple[str, ...]]] = field(default_factory=list)
    """Programs with their words, and those whose output they read: read on as everywhere else."""
    scripts: list[str] = field(default_factory=list)
    is_understood: bool = True


def read_powershell(text: str) -> Script:
    """The commands of a PowerShell script, or of a `cmd` line that reads like one."""
    found = Script()
    if len(text) > SCRIPT_MAX or text.count("|") > 200:
        found.is_understood = False
        return found
    root = _parser.parse(text.encode("utf-8", "replace")).root_node
    found.is_understood = not root.has_error
    waiting: list[tuple[Node, tuple[str, ...] | None]] = [(root, None)]
    seen = 0
    while waiting:
        node, piped = waiting.pop()
        seen += 1
        if seen > NODES_MAX:
            found.is_understood = False
            break
        if node.type == "pipeline_chain":
            following: list[tuple[Node, tuple[str, ...] | None]] = []
            programs: tuple[str, ...] = ()
            for stage in node.named_children:
                following.append((stage, programs or None))
                programs = (*programs, *map(base_name, source(stage).split(None, 1)[:1]))[-8:]
            waiting += reversed(following)
            continue
        if node.type == "command":
            _command(node, piped, found)
        waiting += [(child, None) for child in reversed(node.named_children)]
    return found


def _command(node: Node, piped: tuple[str, ...] | None, found: Script) -> None:
    name = node.child_by_field_name("command_name")
    if name is None:
        return
    elements = node.child_by_field_name("command_elements")
    parts = [
        child
        for child in (elements.named_children if elements else [])
        if child.type != "command_argument_sep"
    ]
    written = source(name)
    words = [source(part).strip("\"'") for part in parts]
    program = base_name(written.strip("\"'"))
    resolved = _ALIASES.get(program, program)
    if resolved not in _CMDLETS and program != "format":
        known = [(source(part), word) for part, word in zip(parts, words, strict=True)]
        rest = [Word(word, "$" not in text) for text, word in known]
        found.runs.append(((Word(written.strip("\"'"), False), *rest), piped or ()))
        return
    flags = flags_of(program, words) if program == "format" else frozenset[str]()
    flags |= {full_parameter(word[1:]) for word in words if word.startswith("-") and len(word) > 1}
    if any(map(_cluster, words)):  # No parameter of a cmdlet, and what `rm` is meant to take.
        flags |= flags_of("rm", filter(_cluster, words))
    if resolved == "remove-item":
        flags |= {long for switch, long in (("s", "recurse"), ("q", "force"))
                  if f"/{switch}" in [word.lower() for word in words]}  # fmt: skip
    by: tuple[str, ...] | None = None
    if resolved == "invoke-expression":
        by = piped or ()
        if piped is None and parts and "$" not in source(parts[0]) and "(" not in source(parts[0]):
            by = None
            found.scripts.append(words[0])
    for each in dict.fromkeys((resolved, program)):
        found.commands.append(
            Command(each, tuple(words), flags, feeds_shell=by is not None, fed_by=by or ())
        )
