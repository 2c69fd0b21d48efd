"""An action as it is filed, and read back for a replay: names and places, never arguments (pure).

Of a command that is its program, the subcommands of programs that are known to have some, and its
options: `git +push force`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import cast, get_args

from proxy.actions.action import Action
from proxy.actions.command import Command, operands
from proxy.actions.tools import Category

VERSION = 2
"""Of what is kept: a note without subcommands cannot tell whether a rule asks for one."""
_ITEMS_MAX = 64
_COMMANDS_BYTES = 4096
_TARGETS_BYTES = 8192
_FEEDS = "<"
"""Behind it stand the programs whose output the command runs as a script."""
_VERB = "+"
"""Before a subcommand, which is thereby no option."""
_VERBS = {
    "apt": 1, "apt-get": 1, "aws": 2, "az": 2, "brew": 1, "cargo": 1, "docker": 2, "dnf": 1, "flyctl": 2,
    "gcloud": 3, "gh": 2, "git": 1, "go": 1, "helm": 1, "heroku": 1, "kubectl": 2, "make": 1, "npm": 2,
    "pip": 1, "pip3": 1, "pnpm": 2, "podman": 2, "poetry": 1, "pulumi": 1, "systemctl": 1, "terraform": 1,
    "tofu": 1, "uv": 2, "vercel": 1, "yarn": 2, "yum": 1,
}  # fmt: skip
"""How many words behind the program may say what it does."""
_is_verb = re.compile(r"[a-z][a-z-]{0,23}").fullmatch
_is_program = re.compile(r"[\x21-\x7e]{1,64}").fullmatch
_is_flag = re.compile(r"[A-Za-z0-9?@#]|[A-Za-z][A-Za-z-]{1,23}").fullmatch
"""An option's name. What is longer, or has digits, may be a value that was written with a dash."""

type Note = dict[str, str | int | bool | None]


def noted(action: Action) -> Note:
    """What a rule may ask about it, as flat facts. `is_whole` is False where something was left out."""
    lines = [_line(command) for command in action.commands]
    commands, all_commands = _joined(lines, _COMMANDS_BYTES)
    all_flags = all(map(_is_flag, {flag for each in action.commands for flag in each.flags}))
    targets, all_targets = _joined(action.targets, _TARGETS_BYTES)
    all_verbs = all(_verbs_of(command)[1] for command in action.commands)
    return {
        "tool": action.tool[:256],
        "category": action.category,
        "commands": commands,
        "target": action.targets[0][:1024] if action.targets else None,
        "targets": targets,
        "statements": "\n".join(sorted(action.statements)),
        "note_version": VERSION,
        "is_understood": action.is_understood,
        "is_whole": all_commands
        and all_flags
        and all_verbs
        and all_targets
        and len(action.tool) <= 256,
        "arguments_sha256": action.digest,
    }


def action_of_note(facts: Mapping[str, object]) -> Action | None:
    """The action again, without what was never filed: its text, and the words of its commands. None
    when it was filed by an Exeat that kept less."""
    category = facts.get("category")
    texts = [facts.get(key) for key in ("tool", "commands", "targets", "statements")]
    if facts.get("note_version") != VERSION:
        return None
    if category not in get_args(Category) or not all(isinstance(text, str) for text in texts):
        return None
    tool, commands, targets, statements = cast(list[str], texts)
    return Action(
        tool=tool,
        category=cast(Category, category),
        targets=tuple(filter(None, targets.split("\n"))),
        commands=tuple(_command(line) for line in commands.split("\n") if line),
        statements=frozenset(filter(None, statements.split("\n"))),
        is_understood=facts.get("is_understood") is True,
        text="",
        digest=str(facts.get("arguments_sha256")),
    )


def keeps(program: str, words: Sequence[str]) -> bool:
    """Whether these subcommands of a pattern can be told from a note."""
    plain = (word.replace("*", "a") for word in words)
    return len(words) <= _VERBS.get(program, 0) and all(map(_is_verb, plain))


def commands_of(note: Mapping[str, object]) -> list[str]:
    """The commands of a note, one by one, for people to read."""
    lines = str(note.get("commands") or "").split("\n")
    return [line.replace(f" {_VERB}", " ") for line in lines if line]


def _verbs_of(command: Command) -> tuple[list[str], bool]:
    """Its subcommands; and whether none is left out. What may be the value of an option is no verb
    for certain, and may be a secret."""
    found: list[str] = []
    for word, may_be_value in operands(command.program, command.arguments):
        if len(found) >= _VERBS.get(command.program, 0):
            break
        is_verb = _is_verb(word) is not None
        if may_be_value and is_verb:
            return found, bool(found)
        if not may_be_value and not is_verb:
            break
        if is_verb:
            found.append(word)
    return found, True


def _line(command: Command) -> str | None:
    """`rm f r`, `sh < curl`: a program, its options, and what feeds it."""
    if not _is_program(command.program):
        return None
    verbs = [_VERB + verb for verb in _verbs_of(command)[0]]
    words = [command.program, *verbs, *sorted(filter(_is_flag, command.flags))]
    if command.feeds_shell:
        words += [_FEEDS, *(name for name in command.fed_by if _is_program(name))]
    return " ".join(words)


def _command(line: str) -> Command:
    program, *words = line.split(" ")
    feeds = _FEEDS in words
    at = words.index(_FEEDS) if feeds else len(words)
    return Command(
        program,
        tuple(word[1:] for word in words[:at] if word.startswith(_VERB)),
        flags=frozenset(word for word in words[:at] if not word.startswith(_VERB)),
        feeds_shell=feeds,
        fed_by=tuple(words[at + 1 :]),
    )


def _joined(items: Iterable[str | None], most: int) -> tuple[str, bool]:
    """One a line, each once; and whether all of them are there."""
    kept: dict[str, None] = {}
    size, is_whole = 0, True
    for item in items:
        if not item or item in kept:
            is_whole &= item is not None
            continue
        size += len(item) + 1
        if "\n" in item or len(kept) >= _ITEMS_MAX or size > most:
            is_whole = False
            continue
        kept[item] = None
    return "\n".join(kept), is_whole
