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

_cluster = re.compile(r"-[A-Za-z0-9?@#]+").fullmatch
_windows_switch = re.compile(r"/[A-Za-z]").fullmatch
_SWITCHES = frozenset("del erase rd format rmdir deltree cmd".split())


def base_name(word: str) -> str:
    """`/bin/RM`, `rm.exe` and `C:\\bin\\rm` are all `rm`."""
    name = word.replace("\\", "/").rstrip("/").rpartition("/")[2].lower()
    return name.removesuffix(".exe").removesuffix(".cmd") or word


def flags_of(program: str, arguments: Iterable[str]) -> frozenset[str]:
    """The options among the words, up to `--`."""
    flags: set[str] = set()
    values = VALUE_LETTERS.get(program, "")
    for word in arguments:
        if not word.startswith("-"):
            if program == "git" and word.startswith("+"):
                flags.add("force")  # git push origin +main
            elif program in _SWITCHES and _windows_switch(word):
                flags.add(word[1].lower())
            continue
        if word == "--":
            break
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
