"""Command patterns: one line that a person writes in a rule, held against parsed commands (pure).

`rm -r` · `git push --force` · `mkfs*` · `dd of=/dev/sd*` · `find -delete` · `curl | sh` · `> /etc/*`

The program may have `*`. Options may stand anywhere and be spelled or clustered in any way. A word
that is neither is a subcommand: the first words that are no options, in their order. A word with
`/`, `=`, `~` or a leading `.` is an operand and may stand anywhere.
"""

import re
import shlex
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Self

from proxy.actions.action import Action
from proxy.actions.chosen import may_be
from proxy.actions.command import ONE_DASH, Command, base_name, flags_of, operands
from proxy.actions.paths import matches_path, normalised

_SAME = (
    frozenset(("r", "R", "recursive", "recurse")),
    frozenset(("f", "force")),
    frozenset(("D", "delete-force")),
)
_SHORTENED = frozenset(("recursive", "recurse", "force", "delete", "hard", "no-preserve-root"))
_EVERYTHING = ("777", "0777", "a+rwx", "a=rwx", "ugo+rwx", "ugo=rwx", "+rwx")
_INTERPRETERS = frozenset(
    "sh bash zsh dash ksh ash fish source . eval python python3 perl ruby node php pwsh powershell"
    " invoke-expression ssh su at batch".split()
)
_is_operand = re.compile(r"^[.~]|[/=\\]").search
_option = re.compile(r"-{1,2}[A-Za-z0-9?][\w.-]*$").match


@dataclass(frozen=True, slots=True)
class CommandPattern:
    """One pattern, ready to be held against actions."""

    text: str
    program: str
    words: tuple[str, ...] = ()
    operands: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    writes: str | None = None
    is_feeding: bool = False
    """`X | sh`: the program is what writes the script, `runner` what runs it."""
    runner: str = "sh"
    is_general: bool = False
    """Its program alone does not say which commands to look at."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError, saying what to write instead."""
        try:
            parts = shlex.split(text)
        except ValueError as error:
            raise ValueError(f"the pattern {text!r} has a quote that does not end") from error
        if not parts:
            raise ValueError("a command pattern is empty: write a program, such as `rm -r`")
        for part in parts:
            if part in ("&&", "||", "&", "<", ">>", "|&") or part.endswith(";"):
                raise ValueError(f"{part!r} in {text!r}: a pattern is one command; write a list")
        if "|" in parts:
            return cls._feeding(text, parts)
        writes = None
        if ">" in parts:
            at = parts.index(">")
            if at != len(parts) - 2:
                raise ValueError(f"in {text!r} one path has to follow `>`, and nothing after it")
            writes, parts = parts[-1], parts[:at] or ["*"]
        if parts[0].startswith("-"):
            raise ValueError(f"{text!r} starts with an option: put the program before it")
        options = tuple(part for part in parts[1:] if part.startswith("-") and part != "-")
        for option in options:
            if not _option(option):
                raise ValueError(f"{option!r} in {text!r} is no option: write `-r` or `--force`")
        rest = [part for part in parts[1:] if part not in options]
        return cls(
            text,
            base_name(parts[0]),
            tuple(part for part in rest if not _is_operand(part)),
            tuple(part for part in rest if _is_operand(part)),
            options,
            writes,
            is_general="*" in parts[0] or writes is not None,
        )

    @classmethod
    def _feeding(cls, text: str, parts: list[str]) -> Self:
        if len(parts) != 3 or parts[1] != "|":
            raise ValueError(f"{text!r}: around `|` write one program on each side: `curl | sh`")
        return cls(
            text, base_name(parts[0]), is_feeding=True, runner=base_name(parts[2]), is_general=True
        )

    @property
    def start(self) -> str:
        """Its program and the first word that has to follow somewhere; the program, where none has to
        as it is written. Nothing matches without it, unless the pattern is general."""
        word = self.words[0] if self.words else ""
        is_written_so = word and "*" not in word and self.program != "chmod"
        return f"{self.program} {word}" if is_written_so else self.program

    def matches(self, action: Action) -> bool:
        """Whether the action runs such a command, or was not understood and may."""
        return not action.is_understood or any(map(self.fits, action.commands))

    def fits(self, command: Command) -> bool:
        """Whether this command is such a one, or may be, where its program is chosen elsewhere."""
        if command.is_chosen:
            return self._may_be(command)
        return (self.is_general or command.program == self.program) and self._is(command)

    def _may_be(self, command: Command) -> bool:
        """Whether a command whose program is chosen elsewhere fits in all that is not its name."""
        if self.is_feeding:
            return self.runner == "sh" and self._is(replace(command, program="sh"))
        if self.program == "*":
            return self._is(command)
        says = self.options or self.words or any("=" in operand for operand in self.operands)
        program = self.program.replace("*", "x")
        flags = flags_of(program, command.arguments)
        taken = replace(command, program=program, flags=flags)
        return bool(says) and may_be(taken, bool(self.words)) and self._is(taken)

    def _is(self, command: Command) -> bool:
        if self.is_feeding:
            runs = self.runner == "sh" and command.program in _INTERPRETERS
            return (
                command.feeds_shell
                and (runs or self.runner == "sh" or _like(self.runner, command.program))
                and (
                    self.program == "*"
                    or any(_like(self.program, base_name(name)) for name in command.fed_by)
                )
            )
        if self.writes is not None and not any(
            matches_path(self.writes, normalised(path)) for path in command.writes
        ):
            return False
        if not _like(self.program, command.program):
            return self.program == "*" and command.program == "" and self.writes is not None
        return (
            all(_has(command, option) for option in self.options)
            and all(_names(operand, command) for operand in self.operands)
            and (not self.words or _begins(self, command))
        )


@lru_cache(maxsize=4096)
def _like(glob: str, name: str) -> bool:
    if glob == "*" or glob == name:
        return True
    return "*" in glob and matches_path("./" + glob, "./" + name)


def _has(command: Command, option: str) -> bool:
    name = option.lstrip("-")
    if "-" in command.program:  # Parameters of cmdlets have no case.
        name = name.lower() if len(name) > 1 else name
    if option.startswith("--") or len(name) == 1 or command.program in ONE_DASH:
        return _flag(command.flags, name)
    return _flag(command.flags, name) or all(_flag(command.flags, letter) for letter in name)


def _flag(flags: frozenset[str], name: str) -> bool:
    names = next((same for same in _SAME if name in same), frozenset((name,)))
    if flags & names:
        return True
    longs = names & _SHORTENED
    return bool(longs) and any(
        len(flag) > 2 and long.startswith(flag) for flag in flags for long in longs
    )


def _names(operand: str, command: Command) -> bool:
    key, equals, glob = operand.partition("=")
    if equals:
        return any(
            _fits(glob, word.partition("=")[2])
            for word in command.arguments
            if word.startswith(key + "=")
        )
    return any(_fits(operand, word) for word in command.arguments if not word.startswith("-"))


def _fits(glob: str, word: str) -> bool:
    return glob == word or (bool(word) and matches_path(glob, normalised(word)))


def _begins(pattern: CommandPattern, command: Command) -> bool:
    """Whether the subcommands come first; a word that may be an option's value may be left out."""
    at = {0}
    for word, may_be_value in operands(command.program, command.arguments):
        following = set(at) if may_be_value else set()
        for done in at:
            if done < len(pattern.words) and _word(pattern, pattern.words[done], word):
                following.add(done + 1)
        if len(pattern.words) in following:
            return True
        if not following:
            return False
        at = following
    return False


def _word(pattern: CommandPattern, wanted: str, word: str) -> bool:
    if pattern.program == "chmod" and wanted in _EVERYTHING:
        return word in _EVERYTHING
    return wanted == word or ("*" in wanted and _like(wanted.lower(), word.lower()))
