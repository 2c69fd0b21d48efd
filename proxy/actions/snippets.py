"""Short programs given as an argument: `python -c`, `perl -e`, `node -e` and their like (pure).

An honest list of calls, no more: what deletes, what starts a program, what opens a file by a name
that is written out. A script that hides them is not seen; docs/actions.md says so.
"""

import ast
import re
from dataclasses import dataclass, field

from proxy.actions.command import Command

CODE_MAX = 65_536


@dataclass(slots=True)
class Snippet:
    """What was found in one."""

    commands: list[Command] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    is_understood: bool = True


_DELETES = frozenset("remove unlink rmdir removedirs rmtree".split())
_RUNS = frozenset("system popen run call check_call check_output Popen getoutput "
                  "getstatusoutput spawn".split())  # fmt: skip
_RUNNERS = frozenset(("os", "subprocess", "sp", "pty", "commands", "asyncio"))
_OPENS = frozenset(
    "open Path PosixPath read_text read_bytes load_dotenv dotenv_values copy copyfile move".split()
)

_executes = re.compile(r"(exec|spawn|posix_spawn)[lv]?p?e?p?$").match
_STARRED = frozenset(("os", "shutil", "subprocess", "pty"))

_quoted = re.compile(r"'([^'\n]{1,4096})'|\"([^\"\n]{1,4096})\"")
_deletes = re.compile(
    r"\b(unlink|rmtree|remove_tree|rmdir|rm_rf|rm_r|rmSync|unlinkSync|rmdirSync|rimraf"
    r"|File\.delete|Deno\.remove(?:Sync)?)\b|(?<=\.)rm(?=\s?\()"
)
_runs = re.compile(
    r"(?<!/\.)\b(?:system|exec|execSync|execFile|execFileSync|spawn|spawnSync|popen|shell_exec|passthru|qx(?=['\"]))\b"
    r"\s*[({]?\s*(?:'([^'\n]{1,4096})'|\"([^\"\n]{1,4096})\")?"
)
_next = re.compile(r"\s{0,8},\s{0,8}\[?\s{0,8}(?:'([^'\n]{0,4096})'|\"([^\"\n]{0,4096})\")")
_bracketed = re.compile(
    r"(?:\bq[xw]|%x)[ \t]?(?:\(([^()\n]{1,4096})\)|\{([^{}\n]{1,4096})\}|\[([^\[\]\n]{1,4096})\])"
)
_piped = re.compile(r"\|\s*\"([^\"\n]{1,4096})\"|\"([^\"\n]{1,4096})\"\s*\|\s*getline")
_sed_runs = re.compile(
    r"(?:^|[;\n{])[ \t]*(?:(?:\d+|\$|/[^/\n]{1,256}/)(?:,(?:\d+|\$|/[^/\n]{1,256}/))?[ \t]*)?"
    r"(?:![ \t]*)?e[ \t]+([^\n]{1,4096})"
)
_backticks = re.compile(r"`([^`\n]{1,4096})`")
_recursive = re.compile(r"tree|rm_r|recursive|rimraf", re.I)


def read_snippet(code: str, language: str) -> Snippet:
    """The calls that matter in a short program."""
    if len(code) > CODE_MAX:
        return Snippet(is_understood=False)
    if language == "python":
        return _python(code)
    if language == "sed":
        return Snippet(scripts=[found[1] for found in _sed_runs.finditer(code)])
    return _awk(code) if language == "awk" else _other(code, language)


def _awk(code: str) -> Snippet:
    found = Snippet()
    _starts(code, "awk", found)
    found.scripts += [one or two for one, two in _piped.findall(code)]
    return found


def _python(code: str) -> Snippet:
    try:
        tree = ast.parse(code.strip())
        nodes = list(ast.walk(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # Not this Python's grammar: read it as the languages that have no parser here.
        found = _other(code, "python")
        found.is_understood = False
        return found
    found = Snippet()
    modules: dict[str, str] = {}
    starred = ""
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            modules |= {alias.asname or alias.name: node.module or "" for alias in node.names}
            if node.module in _STARRED and any(alias.name == "*" for alias in node.names):
                starred = node.module
        elif isinstance(node, ast.Import):
            modules |= {alias.asname: alias.name for alias in node.names if alias.asname}
    for node in nodes:
        if isinstance(node, ast.Call):
            _python_call(node, modules, starred, found)
    return found


def _python_call(call: ast.Call, modules: dict[str, str], starred: str, found: Snippet) -> None:
    match call.func:
        case ast.Attribute(value=value, attr=name):
            owner = value.id if isinstance(value, ast.Name) else ""
            owner = modules.get(owner, owner)
            told = [*_texts(value), *(text for arg in call.args for text in _texts(arg))]
        case ast.Name(id=name):
            owner = modules.get(name, starred)
            told = [text for arg in call.args for text in _texts(arg)]
        case _:
            return
    if name in _DELETES and (owner != "" or isinstance(call.func, ast.Attribute)):
        if name == "remove" and owner not in ("os", "shutil"):
            return  # list.remove
        flags = frozenset("r") if name in ("rmtree", "removedirs") else frozenset[str]()
        found.commands.append(Command("rm", tuple(told), flags))
        found.targets += told
    elif owner in ("os", "posix") and _executes(name):
        found.scripts.append(_quoted_words([*told[:1], *told[2:]]))
    elif name in _RUNS and owner.partition(".")[0] in _RUNNERS:
        whole = call.args[0] if call.args else None
        if isinstance(whole, ast.Constant) and isinstance(whole.value, str):
            found.scripts.append(whole.value)
        elif isinstance(whole, ast.List | ast.Tuple) and len(told) >= len(whole.elts) > 0:
            found.scripts.append(_quoted_words(told))
        else:
            found.commands.append(Command("python", feeds_shell=True))
    elif name in _OPENS:
        found.targets += told[:2]


def _quoted_words(words: list[str]) -> str:
    return " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)


def _texts(node: ast.expr) -> list[str]:
    """The strings written out in an expression."""
    return [
        part.value
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and len(part.value) < 4096
    ]


def _other(code: str, language: str) -> Snippet:
    texts = [one or two for one, two in _quoted.findall(code)]
    found = Snippet(targets=[text for text in texts if "/" in text or text.startswith((".", "~"))])
    _starts(code, language, found)
    if language in ("perl", "ruby", "php"):
        found.scripts += _backticks.findall(code)
        found.scripts += [a or b or c for a, b, c in _bracketed.findall(code)]
    for delete in _deletes.finditer(code):
        is_deep = _recursive.search(delete[0]) or "recursive" in code
        flags = frozenset("r") if is_deep else frozenset[str]()
        found.commands.append(Command("rm", tuple(texts[:16]), flags))
    return found


def _starts(code: str, language: str, found: Snippet) -> None:
    """The programs that are started: by a script, or by a name and words that follow it."""
    for run in _runs.finditer(code):
        script = run[1] or run[2]
        if script:
            words, following = [script], _next.match(code, run.end())
            while following is not None and len(words) < 64:
                words.append(following[1] or following[2] or "")
                following = _next.match(code, following.end())
            found.scripts.append(script if len(words) == 1 else _quoted_words(words))
        elif run[0].rstrip()[-1:] in ("(", "{") and language != "python":
            found.commands.append(Command(language, feeds_shell=True))
