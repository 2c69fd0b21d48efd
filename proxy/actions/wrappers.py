"""Programs that run other programs: what `sudo`, `xargs`, `sh -c` and their like would run (pure)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from proxy.actions.words import Word


@dataclass(frozen=True, slots=True)
class Inner:
    """What a wrapper runs: words, or a script."""

    words: tuple[Word, ...] = ()
    script: str | None = None
    language: str = "sh"


@dataclass(frozen=True, slots=True)
class Fed:
    """It runs text that is not in its words; None stands for what comes through a pipe."""

    by: tuple[str, ...] | None = None
    language: str = "sh"


type Run = Inner | Fed

SHELLS = frozenset("sh bash zsh dash ksh ash fish mksh rbash csh tcsh".split())
POWERSHELLS = frozenset(("powershell", "pwsh"))
_interpreter = re.compile(r"(python|pypy|perl|ruby|node|nodejs|php|deno|bun)[\d.]*$").match
_CODE = {
    "python": ("c", "-"), "pypy": ("c", "-"), "perl": ("eE", "-"), "ruby": ("e", "-"),
    "node": ("ep", "-"), "nodejs": ("ep", "-"), "php": ("r", "-"), "deno": ("", "-"),
    "bun": ("ep", "-"),
}  # fmt: skip

# Options that take the next word, and how many operands stand before the command.
_PREFIXES: dict[str, tuple[frozenset[str], int]] = {
    name: (frozenset(options.split()), operands)
    for name, options, operands in (
        ("sudo", "-u -g -h -p -C -r -t -T -U -D -R --user --group --host --prompt --chdir", 0),
        ("doas", "-u -C", 0),
        ("env", "-u -C --unset --chdir", 0),
        ("nohup", "", 0),
        ("time", "-f -o", 0),
        ("timeout", "-s -k --signal --kill-after", 1),
        ("gtimeout", "-s -k", 1),
        ("nice", "-n --adjustment", 0),
        ("ionice", "-c -n", 0),
        ("chrt", "", 1),
        ("taskset", "", 1),
        ("stdbuf", "-i -o -e", 0),
        ("unbuffer", "", 0),
        ("setsid", "", 0),
        ("chronic", "", 0),
        ("caffeinate", "-t -w", 0),
        ("chroot", "", 1),
        ("flock", "-w -E", 1),
        ("strace", "-e -o -p -s -u", 0),
        ("ltrace", "-e -o", 0),
        ("command", "", 0),
        ("builtin", "", 0),
        ("exec", "-a", 0),
        ("noglob", "", 0),
        ("nocorrect", "", 0),
        ("busybox", "", 0),
        ("toybox", "", 0),
        ("proxychains", "-f", 0),
        ("proxychains4", "-f", 0),
        ("torsocks", "", 0),
        ("fakeroot", "", 0),
        ("systemd-run", "-u -p -E --unit --property --setenv", 0),
        ("unshare", "", 0),
        ("nsenter", "-t", 0),
        ("npx", "-p --package", 0),
        ("bunx", "", 0),
        ("uvx", "--from --with", 0),
        ("dotenv", "-e -f", 0),
    )
}
_RUNNERS = {
    ("uv", "run"), ("poetry", "run"), ("pipenv", "run"), ("pdm", "run"), ("hatch", "run"),
    ("bundle", "exec"), ("npm", "exec"), ("pnpm", "exec"), ("yarn", "exec"), ("mise", "exec"),
    ("conda", "run"), ("rye", "run"),
}  # fmt: skip
_XARGS = frozenset("-I -n -P -L -d -E -a -s -R -S -J --max-args --max-procs --delimiter".split())
_SSH = frozenset("-B -b -c -D -E -e -F -I -i -J -L -l -m -O -o -p -Q -R -S -W -w".split())
_assignment = re.compile(r"[A-Za-z_]\w*=").match


def inside(program: str, words: Sequence[Word], piped: str | None) -> list[Run]:
    """What else runs when `program` runs with these words; `piped` is its known input."""
    if program in SHELLS:
        return _shell(words)
    if program in ("source", "."):
        return _file(words[:1], "sh")
    if program in POWERSHELLS or program == "cmd":
        return _windows(program, words)
    if _interpreter(program):
        return _code(program.rstrip("0123456789."), words)
    match program:
        case "eval":
            return [_script(words)]
        case "trap" | "alias":
            return (
                [_script([Word(w.text.partition("=")[2], w.is_known)]) for w in words]
                if (program == "alias")
                else [_script(words[:1])]
                if len(words) > 1
                else []
            )
        case "xargs" | "parallel":
            return _xargs(words, piped)
        case "find" | "gfind":
            return _find(words)
        case "ssh":
            rest = _after_options(words, _SSH, 1)
            return [_script(rest) if rest else Fed()]
        case "su" | "runuser" | "script":
            return _option_script(words, ("-c", "--command"))
        case "watch":
            rest = _after_options(words, frozenset(("-n", "-d", "--interval")), 0)
            return [_script(rest)] if rest else []
        case "at" | "batch":
            return [Fed()]
        case "kubectl" | "docker" | "podman":
            return []
    if program in _PREFIXES:
        return _prefixed(program, words)
    if words and (program, words[0].text) in _RUNNERS:
        rest = _after_options(words[1:], frozenset(("--with", "--python", "-p", "-n")), 0)
        return [Inner(tuple(rest))] if rest else []
    return []


def _script(words: Sequence[Word], language: str = "sh") -> Run:
    if all(word.is_known for word in words):
        return Inner(script=" ".join(word.text for word in words), language=language)
    by = tuple(name for word in words for name in word.programs)
    return Fed(by or tuple(word.text for word in words if not word.is_known)[:1], language)


def _after_options(words: Sequence[Word], valued: frozenset[str], skip: int) -> list[Word]:
    at = 0
    while at < len(words):
        text = words[at].text
        if text == "--":
            at += 1
            break
        if not text.startswith("-") or text == "-":
            break
        at += 2 if text in valued else 1
    return list(words[at + skip :])


def _prefixed(program: str, words: Sequence[Word]) -> list[Run]:
    valued, skip = _PREFIXES[program]
    if program in ("command", "exec") and words and words[0].text in ("-v", "-V"):
        return []
    if program == "env":
        for at, word in enumerate(words):
            if word.text.startswith(("-S", "--split-string")):
                text = word.text.removeprefix("--split-string=").removeprefix("-S")
                rest = [Word(text, word.is_known)] if text.strip("-") else []
                return [_script([*rest, *words[at + 1 :]])]
    rest = _after_options(words, valued, 0)
    while rest and program in ("env", "sudo", "doas", "systemd-run") and _assignment(rest[0].text):
        rest = rest[1:]
    rest = rest[skip:]
    if program == "flock" and rest and rest[0].text == "-c":
        return [_script(rest[1:2])]
    return [Inner(tuple(rest))] if rest else []


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
        return [_script(rest[:1])] if rest else []
    if from_input:
        return [Fed()]
    return _file(rest[:1], "sh")


def _file(words: Sequence[Word], language: str) -> list[Run]:
    if not words or words[0].text in ("/dev/stdin", "/proc/self/fd/0", "/dev/fd/0", "-"):
        return [Fed(language=language)]
    if words[0].programs:
        return [Fed(words[0].programs, language)]
    return []


def _code(name: str, words: Sequence[Word]) -> list[Run]:
    letters, dash = _CODE[name]
    language = {"pypy": "python", "nodejs": "node", "deno": "node", "bun": "node"}.get(name, name)
    for at, word in enumerate(words):
        text = word.text
        if text in ("--eval", "--print", "eval") and language == "node":
            return [_script(words[at + 1 : at + 2], language)]
        if text.startswith("-") and text != dash and not text.startswith("--"):
            ends = (i for i, letter in enumerate(text[1:], 1) if letter in letters + "MImWX")
            found = next(ends, 0)
            if found and text[found] not in letters:
                found = 0  # What follows is a module's name.
            if found:
                rest = text[found + 1 :]
                code = [Word(rest, word.is_known)] if rest else words[at + 1 : at + 2]
                return [_script(code, language)]
            if "m" in text and language == "python":
                return []
        elif text == dash or not text.startswith("-"):
            return _file([word], language)
        elif text in ("--version", "--help"):
            return []
    if any(word.text in ("-V", "-v", "-h") for word in words):
        return []
    return [Fed(language=language)]


def _windows(program: str, words: Sequence[Word]) -> list[Run]:
    for at, word in enumerate(words):
        text = word.text.lower()
        if program == "cmd":
            if text in ("/c", "/k", "//c", "//k"):
                return [_script(words[at + 1 :], "powershell")]
        elif text in ("-e", "-ec", "-enc", "-encodedcommand"):
            return [Fed(("encoded",), "powershell")]
        elif text.startswith("-c"):
            return [_script(words[at + 1 :], "powershell")]
        elif text in ("-file", "-f"):
            return []
        elif not text.startswith("-") and not (at and words[at - 1].text.lower().startswith("-ex")):
            return [_script(words[at:], "powershell")]
    return [Fed(language="powershell")] if program != "cmd" else []


def _xargs(words: Sequence[Word], piped: str | None) -> list[Run]:
    rest = _after_options(words, _XARGS, 0)
    if not rest:
        return []
    more = [Word(text) for text in piped.split()[:256]] if piped else [Word("…", False)]
    if any("{}" in word.text for word in rest):
        filled = [Word(w.text.replace("{}", piped.strip()) if piped else w.text, w.is_known)
                  for w in rest]  # fmt: skip
        return [Inner(tuple(filled))]
    return [Inner((*rest, *more))]


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


def listing(words: Sequence[Word]) -> str:
    """What `find` would name, as one glob: its first root and the last name it asks for."""
    root = words[0].text if words and not words[0].text.startswith("-") else "."
    names = [
        words[at + 1].text
        for at, word in enumerate(words[:-1])
        if word.text in ("-name", "-iname", "-path", "-wholename")
    ]
    return f"{root}/{names[-1].lstrip('/')}" if names else root


def _option_script(words: Sequence[Word], options: tuple[str, ...]) -> list[Run]:
    for at, word in enumerate(words[:-1]):
        if word.text in options:
            return [_script(words[at + 1 : at + 2])]
    return []
