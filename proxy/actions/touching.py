"""Which words of a command name files, hosts and URLs (pure)."""

import ipaddress
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from proxy.actions.command import Command, operands
from proxy.actions.paths import matches_path, normalised
from proxy.actions.places import holds_credentials, is_credential, is_example_of
from proxy.actions.wrappers import SHELLS
from proxy.hosts import as_ip

_SILENT = frozenset(
    "echo printf true false : test [ [[ export set unset pwd date sleep kill pkill wait exit return"
    " local declare typeset readonly type which man help seq expr let shift getopts jobs history"
    " ulimit umask ps top df free uname whoami id hostname printenv nproc basename dirname tr yes"
    " sudo doas env nohup time timeout nice stdbuf xargs eval command builtin exec trap alias"
    " sh bash zsh dash ksh fish watch su psql mysql read write-host write-output".split()
)
"""Their words are text, or are seen through: what they run is read by itself."""

_FIRST_IS_TEXT = frozenset(
    "grep egrep fgrep zgrep rg ag ack sed gsed awk gawk mawk jq yq select-string sls".split()
)
_OF_FILES = frozenset(
    "cat tac head tail less more bat nl rm rmdir unlink shred cp mv ln touch mkdir chmod chown"
    " chgrp tee ls stat file wc sort uniq cut od xxd hexdump strings base64 md5sum sha256sum source"
    " . cd pushd truncate install dd nano vim vi emacs code open tar zip unzip gzip gunzip scp"
    " rsync diff cmp split find du tree realpath readlink mkfs mount wipefs parted fdisk".split()
)
_LISTERS = frozenset("ls stat cd pushd mkdir chmod chown test [ du tree find touch".split())
_NAMERS = _LISTERS - {"chmod", "chown"}
_GIT_NAMERS = frozenset(
    "check-ignore ls-files status update-index push fetch pull branch switch merge rebase tag".split()
)
"""They show or change names of files or branches, and nothing of what is in the files."""
_MADE: dict[str, tuple[str, ...]] = {
    "openssl": ("-out", "-keyout"), "age-keygen": ("-o",), "mkcert": ("-key-file", "-cert-file"),
}  # fmt: skip
_USED: dict[str, tuple[str, ...]] = dict.fromkeys(("terraform", "tofu"), ("-var-file",))
"""Options that name what a program makes; and what it reads for itself, and shows nobody."""
_PLACES = ("/etc/**", "/root/**", "/var/**", "/run/**", "**/.ssh/**", "**/.aws/**", "**/.gnupg/**")
"""Whatever is written here is not made for the work at hand."""
_WRITERS = frozenset("tee sponge truncate shred".split())
_COPIERS = frozenset("cp mv install rsync scp ln ddrescue dcfldd gdd".split())
_INTO: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("cp", "mv", "install", "ln"), ("-t", "--target-directory")),
    "curl": ("-o", "--output"), "wget": ("-O", "--output-document"), "sort": ("-o", "--output"),
}  # fmt: skip
"""Who writes to all of its operands, to the last, and to what an option says."""
_IN = dict.fromkeys("tar bsdtar git make gmake".split(), ("-C", "--directory"))
_HOSTS = frozenset(
    "ssh ping dig nslookup host telnet nc ncat netcat ftp sftp curl wget http https".split()
)
_REMOTE = frozenset("scp sftp rsync".split())
_CONTENT = frozenset("grep egrep fgrep rg tar zip cp rsync scp".split())

_url = re.compile(r"[a-z][a-z0-9+.-]*://", re.I).match
_remote = re.compile(r"(?:[\w.-]+@)?([A-Za-z0-9][\w.-]+):(?!\\)").match
_git_remote = re.compile(r"[\w.-]+@([\w.-]+):").match
_path_like = re.compile(r"[~./$%]|[A-Za-z]:[\\/]").match
_named = re.compile(r"[^\s=,;(){}|&<>]*[/.][^\s;(){}|&<>]*$").match
_host = re.compile(
    r"(?:[\w.+-]+@)?([A-Za-z0-9](?:[\w-]*\.)+[A-Za-z0-9-]+|localhost)(?=[:/]|$)"
).match
_tar_in = re.compile(r"-?[A-Za-z]*C$").match
_lists = re.compile(r"(?:\$\(|`)\s*(?:ls|find|fd|git\s+ls-files|realpath)\s([^|;&)`]*)").finditer
_substituted = re.compile(r"\$\([^()]*\)|`[^`]*`")
_device = re.compile(r"/dev/(?:tcp|udp)/([^/]+)/\d+").match
_GIT_TEXT = frozenset(("-m", "--message", "-C", "-c", "-S", "-G", "--grep", "--author", "--format"))


def written_by(command: Command) -> Command:
    """The command with the files that its words make it write beside those of its redirections, so that
    `tee /dev/sda` is `> /dev/sda`."""
    words = [word for word in command.arguments if word[:1] != "-"]
    program, found = command.program, list[str]()
    if program == "dd" or command.is_chosen:
        found = [word[3:] for word in words if word.startswith("of=")]
    elif program in _WRITERS:
        found = words
    elif program in _COPIERS:
        found = words[-1:] if len(words) > 1 else []
    options = _INTO.get(program, ())
    found += [after for word, after in itertools.pairwise(command.arguments) if word in options]
    for word in command.arguments:
        name, _, value = word.partition("=")
        if value and name in options:
            found.append(value)
        found += [word[2:] for each in options if len(each) == 2 and word[:2] == each and word[2:]]
    return replace(command, writes=(*command.writes, *found)) if found else command


def target_of_url(text: str) -> str:
    """Scheme, host and path: what follows `?` and who logs in are nobody's business."""
    try:
        parts = urlsplit(text)
        if parts.scheme == "file" or not parts.hostname:
            return normalised(text)
        usual = {"http": 80, "https": 443}.get(parts.scheme.lower())
        port = f":{parts.port}" if parts.port and parts.port != usual else ""
    except ValueError:
        return re.split(r"[?#]", text.rpartition("@")[2])[0]
    host = address_of(parts.hostname)
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme.lower()}://{host}{port}{parts.path}"


def address_of(host: str) -> str:
    """An address in its one form, `2852039166` and `[::ffff:a9fe:a9fe]` too; a name without its dot."""
    host = host.rstrip(".")
    found = as_ip(host.lower())
    if found is None or ":" not in found:
        return found or host
    return str(ipaddress.IPv6Address(found).ipv4_mapped or found)


def targets_of(
    program: str,
    words: Sequence[str],
    flags: frozenset[str],
    redirected: Iterable[str],
    cwd: str | None,
    home: str | None,
) -> list[str]:
    """Paths, URLs and hosts, normalised, in the order in which they are named."""
    found: list[str] = []
    for path in redirected:
        device = _device(path)
        found.append(address_of(device[1]) if device else normalised(path, cwd, home))
    if program not in _SILENT:
        named: list[str] = []
        for some, place in _by_place(program, words, cwd, home):
            for word in _words(program, some, flags):
                named += _named_by(program, word, place, home)
        found += _opened(program, words, flags, named, cwd, home)
    elif program in SHELLS and "c" not in flags:
        script = next((word for word in words if word[:1] not in ("-", "+")), "-")
        found += _named_by("source", script, cwd, home)
    if program not in _LISTERS:
        found += [f"{path}/*" for path in found if holds_credentials(path)]
    return list(dict.fromkeys(found))


def _by_place(
    program: str, words: Sequence[str], cwd: str | None, home: str | None
) -> Iterator[tuple[Sequence[str], str | None]]:
    """The words with the directory that they are named in: `tar -C /etc shadow`."""
    options = _IN.get(program)
    start = at = 0
    while options is not None and at < len(words):
        name, equals, place = words[at].partition("=")
        is_long = name == options[1]
        is_short = name == options[0] or (
            program in ("tar", "bsdtar") and not at and _tar_in(words[at])
        )
        if is_long or is_short:
            yield words[start:at], cwd
            at += not equals
            place = place if equals else "".join(words[at : at + 1])
            if program in ("tar", "bsdtar"):
                yield [place], cwd
            cwd = normalised(place, cwd, home) if place else cwd
            start = at + 1
        at += 1
    yield words[start:], cwd


def _opened(
    program: str,
    words: Sequence[str],
    flags: frozenset[str],
    named: list[str],
    cwd: str | None,
    home: str | None,
) -> list[str]:
    """Those of the paths whose content matters: not what is credentials by its name, where the
    program looks at no more than names, makes the file, or makes it from its example."""
    left_out: set[str] = set()
    if program in _NAMERS or (program == "git" and _is_of_names(words, flags)):
        left_out.update(named)
    elif program in _MADE or program in _USED:
        options = _MADE.get(program, ()) + _USED.get(program, ())
        values = [following for option, following in itertools.pairwise(words) if option in options]
        values += [word.partition("=")[2] for word in words if word.partition("=")[0] in options]
        made = [normalised(value, cwd, home) for value in values if value]
        left_out.update(
            path for path in made if not any(matches_path(glob, path) for glob in _PLACES)
        )
    elif program in ("cp", "install") and len(named) > 1:
        *sources, made_of = named
        if all(is_example_of(path, made_of) for path in sources):
            left_out.add(made_of)
    return [path for path in named if path not in left_out or not is_credential(path)]


def _is_of_names(words: Sequence[str], flags: frozenset[str]) -> bool:
    verb = next((word for word, doubt in operands("git", words) if not doubt), "")
    match verb:
        case "rm":
            return "cached" in flags
        case "checkout":
            return not flags.isdisjoint(("b", "B"))
        case "log":
            return not any(flag[:5] in ("p", "u", "c", "cc", "L", "patch") for flag in flags)
    return verb in _GIT_NAMERS


def _words(program: str, words: Sequence[str], flags: frozenset[str]) -> list[str]:
    """The words that can be names, the values of `--option=value` among them."""
    found: list[str] = []
    if program in ("find", "gfind"):  # Its tests' values are no files; what it runs is read.
        return list(itertools.takewhile(lambda word: word[:1] not in ("-", "(", "!"), words))
    is_text = program in _FIRST_IS_TEXT and not flags & {"e", "f", "regexp", "file", "expression"}
    skip = is_glob = False
    for word in words:
        if is_glob:
            is_glob = False
            found.append(word)
        elif skip:
            skip = False
        elif word.startswith("-") and word != "-":
            is_glob = program in ("rg", "ag") and word in ("-g", "--glob", "--iglob")
            skip = _has_text_after(program, word, words)
            name, _, value = word.partition("=")
            if value and not (program == "git" and name in _GIT_TEXT):
                found.append(value)
        elif is_text:
            is_text = False
        else:
            found.append(word)
            if program == "ssh":
                break  # What follows the host runs there, and is read by itself.
    return found


def _has_text_after(program: str, option: str, words: Sequence[str]) -> bool:
    if program == "git":
        return option in _GIT_TEXT or (words[0] == "commit" and option in ("-am", "-m"))
    if program in ("grep", "rg", "egrep", "sed", "perl", "python", "python3", "node", "ruby"):
        return option in ("-e", "-c", "--regexp", "--expression", "-A", "-B", "-C", "-m")
    if program in ("ssh", "scp"):
        return option in ("-i", "-o", "-p", "-l", "-P", "-F", "-L", "-R", "-D", "-J")
    if program == "curl":
        return option in ("-H", "--header", "-A", "-X", "-w", "-u", "--user", "--request")
    return program in ("gh", "glab") and option in ("-t", "-b", "--title", "--body", "-m")


def _listed_in(word: str, cwd: str | None, home: str | None) -> list[str]:
    """The credentials that a word may come to where another program lists it: `$(find . -name .env)`."""
    names = [piece.strip("'\"") for found in _lists(word) for piece in found[1].split()]
    return [path for path in (normalised(name, cwd, home) for name in names) if is_credential(path)]


def _named_by(program: str, word: str, cwd: str | None, home: str | None) -> list[str]:
    if not word or len(word) > 4096 or word == "-" or "\n" in word or word[0] == "!":
        return []
    if _url(word):
        return [target_of_url(word)]
    if "$(" in word or "`" in word:
        listed = _listed_in(word, cwd, home) if program not in _NAMERS else []
        if listed:
            return listed
        for _ in range(8):  # What nobody knows may be anything.
            word = _substituted.sub("*", word)
    if program in _HOSTS or program in _REMOTE or program == "git":
        remote = _git_remote(word) or (_remote(word) if program in _REMOTE else None)
        if remote:
            return [remote[1]]
        if program == "curl":
            at = word.rpartition("@")
            if at[1] and (not at[0] or at[0].endswith("=")):
                return [normalised(at[2], cwd, home)]
        if program in _HOSTS:
            host = _host(word)
            if host or program == "ssh":
                return [address_of(host[1] if host else word.rpartition("@")[2])]
    if program == "dd" or ("=" in word and not _path_like(word)):
        word = word.partition("=")[2]
        if not word:
            return []
    if ":" in word and not re.match(r"[A-Za-z]:[\\/]", word) and _path_like(word):
        return [normalised(part, cwd, home) for part in word.split(":") if _path_like(part)]
    of_git = program == "git" and ":" in word
    if of_git:
        word = word.rpartition(":")[2]  # git show HEAD:.env
    is_file = program in _OF_FILES or (of_git and word != "")
    is_name = is_file or program in _FIRST_IS_TEXT or _path_like(word) or _named(word)
    return [normalised(word, cwd, home)] if is_name and (is_file or " " not in word) else []
