"""One simple command, as found anywhere in a script, and which of its words are options (pure)."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Command:
    """A program with its words, quotes undone and wrappers seen through."""

    program: str
    """The base name, in lower case: file systems that ignore case run `/bin/RM` too."""
    arguments: tuple[str, ...] = field(default=(), repr=False)
    flags: frozenset[str] = frozenset()
    """Letters of clustered short options and names of long ones."""
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    feeds_shell: bool = False
    """It runs text that comes from elsewhere and was not seen."""
    fed_by: tuple[str, ...] = ()
    """The programs whose output that text is, where they are known."""
    is_chosen: bool = field(default=False, init=False, repr=False)
    """Its program is chosen elsewhere, and may be any."""

    def __post_init__(self) -> None:
        if self.program and is_chosen(self.program):
            object.__setattr__(self, "is_chosen", True)


ONE_DASH = frozenset(
    "find java openssl terraform tofu ffmpeg gcc clang go adb xcodebuild security qemu-img".split()
)
"""Programs whose long options have one dash: `-delete` is no cluster."""

VALUE_LETTERS = {
    "git": "CcmFo",
    "curl": "AbcCdDeEFhHKmoPQrTuUwxXyYzt",
    "wget": "oaOPUeiBTwQt",
    "ssh": "BbcDEeFIiJLlmOopQRSWw",
    "scp": "cDFiJloPSX",
    "psql": "cdfhLoPpTUvFR",
    "mysql": "ehuPDpS",
    "tar": "fCTXgbKLNFHV",
    "kubectl": "nfolcp",
    "docker": "cHlevpuwmha",
    "npm": "w",
    "make": "fCIoW",
    "grep": "efmABCdD",
    "rg": "efmABCgtTjMr",
    "python": "cmWXQ",
    "perl": "eEIM",
    "head": "nc",
    "tail": "nc",
    "sort": "kto",
    "cut": "dfbc",
}
"""Short options that take a value: what follows in the same word is no further flag."""

_OPERAND_AFTER: dict[str, frozenset[str] | set[str]] = {
    "git": {"-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path", "--super-prefix"},
    "docker": {"-c", "--context", "-H", "--host", "-l", "--log-level", "--config"},
    "kubectl": {"-n", "--namespace", "--context", "--cluster", "--kubeconfig", "-s", "--server"},
    "helm": {"-n", "--namespace", "--kube-context", "--kubeconfig"},
    "aws": {"--profile", "--region", "--output", "--endpoint-url", "--query"},
    "gcloud": {"--project", "--account", "--configuration", "--format"},
    "npm": {"--prefix", "-w", "--workspace", "--registry"},
    "systemctl": {"-H", "--host", "-M", "--machine"},
}
"""Options before a subcommand whose value is the next word."""

_SPELLED = {
    "truncate": {"size": "s"}, "rmdir": {"parents": "p"}, "shred": {"remove": "u"},
}  # fmt: skip
"""Long options of programs whose short ones mean the same there, and nowhere else."""
_GNU = frozenset(
    "rm rmdir find xargs dd shred truncate unlink timeout env nice nohup stdbuf sed awk chmod chown chroot"
    " cp mv ln cat tee head tail split".split()
)
"""On macOS these are called `grm`, `gfind` and so on where they are GNU's."""
_TREE_REMOVERS = frozenset(("rimraf", "del-cli", "trash-cli"))
_CMDLET = re.compile(r"(remove|get|set|new|clear|copy|move|invoke|start|stop|out)-[a-z]+").fullmatch
_PARAMETERS = ("recurse", "force", "path", "literalpath", "confirm", "whatif", "uri", "command")

_cluster = re.compile(r"-[A-Za-z0-9?@#]+").fullmatch
_windows_switch = re.compile(r"/[A-Za-z]").fullmatch
_SWITCHES = frozenset("del erase rd format rmdir deltree cmd".split())


_marks = re.compile(r"[$`(…]|^%\w+%$").search


def is_chosen(program: str) -> bool:
    """Whether a program's name has a part that is not in the script."""
    return program == "" or _marks(program) is not None


def base_name(word: str) -> str:
    """`/bin/RM`, `rm.exe` and `C:\\bin\\rm` are all `rm`."""
    name = word.replace("\\", "/").rstrip("/").rpartition("/")[2].lower()
    name = name.removesuffix(".exe").removesuffix(".cmd") or word
    return name[1:] if name[:1] == "g" and name[1:] in _GNU else name


def deletes_like_rm(program: str) -> bool:
    """Whether all that it does is to remove trees."""
    return program.partition("@")[0] in _TREE_REMOVERS


def full_parameter(parameter: str) -> str:
    """PowerShell takes any beginning of a parameter's name for it."""
    name = parameter.partition(":")[0].lower()
    return next((long for long in _PARAMETERS if name and long.startswith(name)), name)


def flags_of(program: str, arguments: Iterable[str]) -> frozenset[str]:
    """The options among the words, up to `--`."""
    flags: set[str] = set()
    values = VALUE_LETTERS.get(program, "")
    is_cmdlet = "-" in program and _CMDLET(program) is not None
    for word in arguments:
        if not word.startswith("-"):
            if program == "git" and word.startswith("+"):
                flags.add("force")  # git push origin +main
            elif program in _SWITCHES and _windows_switch(word):
                flags.add(word[1].lower())
            continue
        if word == "--":
            if program == "find":  # Its tests stand behind the paths.
                continue
            break
        if is_cmdlet and len(word) > 1:
            flags.add(full_parameter(word[1:]))
            continue
        if word.startswith("--"):
            flags.add(word[2:].partition("=")[0])
        elif program in ONE_DASH:
            flags.add(word[1:].partition("=")[0])
        elif _cluster(word):
            for letter in word[1:]:
                flags.add(letter)
                if letter in values:
                    break
        elif len(word) > 1:
            flags.add(word[1])
    for long, letter in _SPELLED.get(program, {}).items():
        if letter in flags or any(len(flag) > 1 and long.startswith(flag) for flag in flags):
            flags |= {long, letter}
    return frozenset(flags - {""})


def operands(program: str, arguments: Sequence[str]) -> list[tuple[str, bool]]:
    """The words that are no options; True where one may be the value of the option before it."""
    found: list[tuple[str, bool]] = []
    known = _OPERAND_AFTER.get(program, set())
    after_option = is_value = False
    only_operands = False
    for word in arguments:
        if is_value:
            is_value = False
        elif only_operands or not word.startswith("-") or word == "-":
            found.append((word, after_option))
            after_option = False
        elif word == "--":
            only_operands, after_option = True, False
        elif word in known:
            is_value = True
        else:
            after_option = "=" not in word
    return found
