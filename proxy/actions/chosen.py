"""Programs that are chosen elsewhere: `$X -rf /` may be `rm`, and `$NPM install` is none of ours (pure).

Such a command has the program's name as it is written. A pattern takes it for its own program where
its options and words fit: what says nothing but a program's name fits none.
"""

import re
from collections.abc import Sequence

from proxy.actions.command import Command, base_name
from proxy.actions.options import WRAPPERS
from proxy.actions.words import Word

_OPTIONS = {
    "rm": frozenset("dfiIrRvP") | {"recursive", "force", "verbose", "dir", "interactive",
                                     "one-file-system", "preserve-root", "no-preserve-root"},
    "rmdir": frozenset("pv") | {"parents", "verbose", "ignore-fail-on-non-empty"},
    "truncate": frozenset("cors") | {"size", "no-create", "io-blocks", "reference"},
}  # fmt: skip
"""Options that these programs have: what has others is another program."""
_PROGRAMS = frozenset(
    "rm rmdir unlink shred dd find truncate mkfs wipefs sh bash zsh dash eval rimraf kill reboot"
    " shutdown chmod chown git python python3 perl ruby node psql mysql sqlite3 systemctl".split()
)
_HAVE_SUCH = frozenset(
    "docker podman nerdctl git hg svn npm pnpm yarn aws gsutil gcloud rclone dvc lxc compose"
    " docker_compose dc".split()
)
"""Programs with subcommands that are called like programs: `$DOCKER rm -f web` removes a container."""
_variable = re.compile(r"\$\{?(\w+)\}?").fullmatch
_subcommand = re.compile(r"[a-z][a-z-]*").fullmatch


def last_name(word: str) -> str:
    """The last part of a program's path; a slash inside `${x//a/b}` or `$(…)` divides none."""
    if word == "." or "/" not in word:
        return word
    if "$" not in word and "`" not in word:
        return word.rpartition("/")[2]
    start = depth = 0
    for at, letter in enumerate(word):
        if letter in "{(" and word[at - 1 : at] in ("$", "<"):
            depth += 1
        elif letter in "})" and depth:
            depth -= 1
        elif letter == "/" and not depth:
            start = at + 1
    return word[start:]


def may_be(command: Command, is_of_words: bool) -> bool:
    """Whether a command may be of this program, by its options; and by its words, if they are
    subcommands and no pattern asks for one."""
    options = _OPTIONS.get(command.program)
    if options is not None and not command.flags <= options:
        return False
    first = command.arguments[:1]
    return is_of_words or not (first and _subcommand(first[0]))


def may_run(program: str, words: Sequence[Word]) -> list[Sequence[Word]]:
    """What runs if the program is one like `sudo`: the words from a program's name on."""
    named = _variable(program)
    if named is not None and named[1].lower() in _HAVE_SUCH:
        return []
    for at, word in enumerate(words[:8]):
        name = base_name(word.text)
        if name in _PROGRAMS or (name in WRAPPERS and WRAPPERS[name].rest != "group"):
            return [words[at:]]
        if not word.text.startswith("-") and not (at and words[at - 1].text.startswith("-")):
            break
    return []
