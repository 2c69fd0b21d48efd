"""Lines of Windows' `cmd`, in a modest way (pure): commands between `&` and `|`, `if` and `for` undone."""

import re

from proxy.actions.command import Command, base_name, flags_of
from proxy.actions.powershell import SCRIPT_MAX, Script
from proxy.actions.words import Word

WORDS_MAX = 4_096
_token = re.compile(r'\^[\s\S]|"[^"\n]*"?|[&|()\n\r]|[ \t,;=]+|\d?>>?&?|<|[^\s&|()"^<>,;=]+|=')
_CONDITIONS = {"not": 0, "exist": 1, "defined": 1, "errorlevel": 1, "/i": 0}


def read_cmd(text: str) -> Script:
    """The commands of one line, or of a batch of them."""
    found = Script(is_understood=len(text) <= SCRIPT_MAX)
    piped: tuple[str, ...] = ()
    for words, is_piped in _commands(text[:SCRIPT_MAX]) if found.is_understood else ():
        rest = _undone(words)
        if rest:
            _note(rest, piped if is_piped else (), found)
        piped = (*piped, base_name(rest[0]))[-8:] if rest and is_piped else tuple(
            base_name(word) for word in rest[:1]
        )  # fmt: skip
    return found


def _commands(text: str) -> list[tuple[list[str], bool]]:
    """Words by command, and whether it reads what the one before it writes."""
    done: list[tuple[list[str], bool]] = [([], False)]
    is_joined = is_target = False
    for count, found in enumerate(_token.finditer(text)):
        mark = found[0]
        if count > WORDS_MAX or mark in ("&", "|", "(", ")", "\n", "\r"):
            done.append(([], mark == "|"))
            is_joined = False
        elif mark[0] in " \t,;":
            is_joined = False
        elif mark[-1] in "<>" or mark.endswith(">&"):
            is_target, is_joined = True, False
        else:
            words = done[-1][0]
            piece = mark[1:] if mark[0] == "^" else mark.strip('"')
            if is_joined and words:
                words[-1] += piece
            elif not is_target:
                words.append(piece)
            is_joined = not is_target
            is_target = False
    return done


def _undone(words: list[str]) -> list[str]:
    """Without what stands before a command: `@`, `call`, `if exist x`, `for … do`."""
    if words[:1]:
        words = [words[0].lstrip("@"), *words[1:]]
    for _ in range(16):
        first = words[0].lower() if words else ""
        if first in ("", "call", "else", "do"):
            if not words:
                break
            words = words[1:]
        elif first == "start":
            words = [word for word in words[1:] if not word.startswith("/")]
        elif first == "for":
            return []  # Its list comes next, and then `do`.
        elif first == "if":
            at = 1
            while at < len(words) and words[at].lower() in _CONDITIONS:
                at += 1 + _CONDITIONS[words[at].lower()]
            if at > 1 and words[at - 1 : at] and words[at - 2].lower() in ("exist", "defined"):
                words = words[at:]
            else:
                words = words[at + (0 if "errorlevel" in map(str.lower, words[1:at]) else 1) :]
        else:
            break
    return words


def _note(words: list[str], piped: tuple[str, ...], found: Script) -> None:
    program = base_name(words[0])
    if program in ("rd", "rmdir"):
        flags = flags_of("rd", [word.lower() for word in words[1:]])
        if "s" in flags:
            found.commands.append(
                Command("remove-item", tuple(words[1:]), flags | {"recurse", "force"})
            )
    elif program in ("del", "erase") and any(word.lower() == "/s" for word in words[1:]):
        found.commands.append(Command("del", tuple(words[1:]), frozenset("s")))
        return
    found.runs.append((tuple(Word(word) for word in words), piped))
