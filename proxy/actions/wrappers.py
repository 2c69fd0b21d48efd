"""Programs that run other programs: what `sudo`, `xargs`, `sh -c` and their like would run (pure)."""

import re
from collections.abc import Sequence

from proxy.actions.command import deletes_like_rm
from proxy.actions.interpreters import code_of, is_interpreter
from proxy.actions.options import WRAPPERS, Options, read_options
from proxy.actions.runs import Fed, Inner, Run, file_run, script_run
from proxy.actions.words import Word

SHELLS = frozenset("sh bash zsh dash ksh ash fish mksh rbash csh tcsh".split())
POWERSHELLS = frozenset(("powershell", "pwsh"))
WORDS_MAX = 256
"""So many words that come through a pipe are put behind a command."""
_assignment = re.compile(r"[A-Za-z_]\w*=").match
_LISTING = frozenset(("v", "V"))


def inside(program: str, words: Sequence[Word], piped: str | None) -> list[Run]:
    """What else runs when `program` runs with these words; `piped` is its known input."""
    if program in SHELLS:
        return _shell(words)
    if program in POWERSHELLS or program == "cmd":
        return _windows(program, words)
    if is_interpreter(program) and not (words and f"{program} {words[0].text}" in WRAPPERS):
        return code_of(program, words)
    match program:
        case "source" | ".":
            return file_run(words[:1], "sh")
        case "eval":
            return [script_run(_operands(words))]
        case "trap":
            rest = _operands(words)
            return [script_run(rest[:1])] if len(rest) > 1 and words[0].text[:2] != "-p" else []
        case "alias":
            return [script_run([Word(w.text.partition("=")[2], w.is_known)]) for w in words]
        case "xargs":
            return _xargs(words, piped)
        case "parallel":
            return _parallel(words, piped)
        case "find":
            return _find(words)
        case "fd" | "fdfind":
            return _fd(words)
        case "at" | "batch":
            return [Fed()]
    return _wrapped(program, words) if program in WRAPPERS else []


def _operands(words: Sequence[Word]) -> Sequence[Word]:
    return words[1:] if words and words[0].text == "--" else words


def _wrapped(program: str, words: Sequence[Word]) -> list[Run]:
    key, row = program, WRAPPERS[program]
    given = read_options(words, row.takes, row.skip)
    while row.rest == "group":
        if not given.rest:
            return []
        key = f"{key} {given.rest[0].text}"
        found = WRAPPERS.get(key)
        if found is None:  # Some run a package's program by its name alone.
            return [Inner(given.rest)] if deletes_like_rm(given.rest[0].text) else []
        row, words = found, given.rest[1:]
        given = read_options(words, row.takes, row.skip)
    runs: list[Run] = [script_run([value]) for value in given.values(row.scripts)]
    for at, word in enumerate(words):
        if word.text.lstrip("-") in row.runs and word.text.startswith("-"):
            runs.append(Inner(tuple(words[at + 1 :])))
            break
    if row.rest == "after --":
        return runs + [Inner(tuple(words[at + 1 :])) for at in _dashes(words)]
    if key in ("env", "su", "runuser"):
        return runs + _of_users(key, given, words)
    return runs + _behind(key, given, runs)


def _of_users(key: str, given: Options, words: Sequence[Word]) -> list[Run]:
    """`env -S 'a b' c`; `su x -- -c …`, whose further words are a shell's; `runuser -u x a b`."""
    takes = WRAPPERS[key].takes
    if key == "env" and given.has("S", "split-string"):
        for end in range(1, min(len(words), WORDS_MAX) + 1):
            split = read_options(words[:end], takes).values(frozenset(("S", "split-string")))
            if split:
                return [script_run([*split, *words[end:]])]
    if key == "runuser" and given.has("u", "user"):
        rest = read_options(words, takes).rest
        return [Inner(rest)] if rest else []
    if given.operands[1:] and given.operands[1].text.startswith("-"):
        return _shell(given.operands[1:])
    runs = given.values(WRAPPERS[key].scripts)
    return [] if runs else _behind(key, given, [])


def _dashes(words: Sequence[Word]) -> list[int]:
    return [at for at, word in enumerate(words) if word.text == "--"][:1]


def _behind(key: str, given: Options, runs: list[Run]) -> list[Run]:
    """What the words behind the options are."""
    row, rest = WRAPPERS[key], list(given.rest)
    if key in ("command", "exec") and any(name in _LISTING for name, _ in given.given):
        return []
    while rest and (_assignment(rest[0].text) or rest[0].text == "!"):
        rest = rest[1:]
    if not rest:
        return [Fed()] if row.is_shell and not runs and not given.has("l", "list", "v") else []
    if row.rest == "script" or (key == "entr" and given.has("s")):
        return [script_run(rest)]
    return [] if row.rest == "none" else [Inner(tuple(rest))]


def _shell(words: Sequence[Word]) -> list[Run]:
    at = 0
    is_text = from_input = False
    while (
        at < len(words) and words[at].text[:1] in ("-", "+") and words[at].text not in ("-", "--")
    ):
        text = words[at].text
        if not text.startswith("--"):
            is_text |= "c" in text
            from_input |= "s" in text
            at += text[-1] in "oO"
        elif text in ("--rcfile", "--init-file"):
            at += 1
        at += 1
    rest = list(words[at:])
    if rest and rest[0].text in ("-", "--"):
        rest = rest[1:]
    if is_text:
        return [script_run(rest[:1], arguments=tuple(rest[1:]))] if rest else []
    if from_input:
        return [Fed()]
    return file_run(rest[:1], "sh")


_VALUED = ("-ex", "-ep", "-w", "-v", "-o", "-inp", "-if", "-conf", "-cus", "-s", "-ps")
"""Options of PowerShell that take the next word, as short as they may be written."""


def _windows(program: str, words: Sequence[Word]) -> list[Run]:
    for at, word in enumerate(words):
        text = word.text.lower()
        before = words[at - 1].text.lower() if at else ""
        if program == "cmd":
            if text in ("/c", "/k", "/r", "//c", "//k"):
                return [script_run(words[at + 1 :], "cmd")]
        elif text in ("-e", "-ec", "-enc", "-encodedcommand"):
            return [Fed(("encoded",), "powershell")]
        elif text.startswith("-c") and not text.startswith(_VALUED):
            return [script_run(words[at + 1 :], "powershell")]
        elif text in ("-file", "-f"):
            return []
        elif not text.startswith("-") and not before.startswith(_VALUED):
            return [script_run(words[at:], "powershell")]
    return [Fed(language="powershell")] if program != "cmd" else [Fed(language="cmd")]


def _xargs(words: Sequence[Word], piped: str | None) -> list[Run]:
    given = read_options(words, WRAPPERS["xargs"].takes)
    rest = given.rest
    if not rest:
        return []
    named = [(value.text if value else "") or "{}"
             for name, value in given.given if name in ("I", "i", "J", "replace")]  # fmt: skip
    mark = named[-1] if named else "{}"
    if any(mark in word.text for word in rest):
        return [
            Inner(tuple(_filled(word, mark, piped.strip() if piped else None) for word in rest))
        ]
    more = [Word(text) for text in piped.split()[:WORDS_MAX]] if piped else [Word("…", False)]
    return [Inner((*rest, *more))]


def _filled(word: Word, mark: str, value: str | None) -> Word:
    if value is None or mark not in word.text:
        return word
    return Word(word.text.replace(mark, value[:4096], 16), word.is_known)


def _parallel(words: Sequence[Word], piped: str | None) -> list[Run]:
    given = read_options(words, WRAPPERS["parallel"].takes)
    rest = given.rest
    end = next((at for at, word in enumerate(rest) if word.text.startswith(":::")), len(rest))
    template, sources = rest[:end], rest[end:]
    listed = [word for word in sources if not word.text.startswith(":::")]
    is_listed = bool(sources) and not any(word.text.startswith("::::") for word in sources)
    if not template:  # What it is given are the commands.
        return [script_run([word]) for word in listed[:16]] if is_listed else [Fed()]
    value = " ".join(word.text for word in listed[:WORDS_MAX]) if is_listed else piped
    filled = [_filled(word, "{}", value.strip() if value else None) for word in template]
    if not any("{}" in word.text for word in template):
        filled.append(Word(value or "…", value is not None))
    if len(template) == 1 and template[0].is_known:  # A shell runs what is written as one word.
        return [script_run([Word(word.text) for word in filled])]
    return [Inner(tuple(piece for word in filled for piece in _pieces(word)))]


def _pieces(word: Word) -> list[Word]:
    return [Word(text, word.is_known) for text in word.text.split()] or [word]


def _find(words: Sequence[Word]) -> list[Run]:
    runs: list[Run] = []
    found = listing(words)
    at = 0
    while at < len(words):
        if words[at].text in ("-exec", "-execdir", "-ok", "-okdir"):
            end = at + 1
            while end < len(words) and words[end].text not in (";", "+"):
                end += 1
            inner = [Word(word.text.replace("{}", found), word.is_known and "{}" not in word.text)
                     for word in words[at + 1 : end]]  # fmt: skip
            if inner:
                runs.append(Inner(tuple(inner)))
            at = end
        at += 1
    return runs


def _fd(words: Sequence[Word]) -> list[Run]:
    for at, word in enumerate(words):
        text = word.text
        is_short = text.startswith("-") and not text.startswith("--") and text[-1:] in ("x", "X")
        if is_short or text in ("--exec", "--exec-batch"):
            inner = list(words[at + 1 :])
            end = next((at for at, word in enumerate(inner) if word.text == ";"), len(inner))
            return [Inner((*inner[:end], Word("…", False)))] if end else []
    return []


def listing(words: Sequence[Word]) -> str:
    """What `find` would name, as one glob: its first root and the last name it asks for."""
    before = [word for word in words[:8] if word.text not in ("--", "-H", "-L", "-P")]
    root = before[0].text if before and not before[0].text.startswith("-") else "."
    names = [
        words[at + 1].text
        for at, word in enumerate(words[:-1])
        if word.text in ("-name", "-iname", "-path", "-wholename")
    ]
    return f"{root}/{names[-1].lstrip('/')}" if names else root
