"""Which words of a command name files, hosts and URLs (pure)."""

import itertools
import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from proxy.actions.paths import normalised
from proxy.actions.places import holds_credentials

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
_device = re.compile(r"/dev/(?:tcp|udp)/([^/]+)/\d+").match
_GIT_TEXT = frozenset(("-m", "--message", "-C", "-c", "-S", "-G", "--grep", "--author", "--format"))


def target_of_url(text: str) -> str:
    """Scheme, host and path: what follows `?` and who logs in are nobody's business."""
    try:
        parts = urlsplit(text)
        if parts.scheme == "file" or not parts.hostname:
            return normalised(text)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return re.split(r"[?#]", text.rpartition("@")[2])[0]
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme.lower()}://{host}{port}{parts.path}"


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
        socket = _device(path)
        found.append(socket[1] if socket else normalised(path, cwd, home))
    if program not in _SILENT:
        for word in _words(program, words, flags):
            found += _named_by(program, word, cwd, home)
    if program not in _LISTERS:
        found += [f"{path}/*" for path in found if holds_credentials(path)]
    return list(dict.fromkeys(found))


def _words(program: str, words: Sequence[str], flags: frozenset[str]) -> list[str]:
    """The words that can be names, the values of `--option=value` among them."""
    found: list[str] = []
    if program in ("find", "gfind"):  # Its tests' values are no files; what it runs is read.
        return list(itertools.takewhile(lambda word: word[:1] not in ("-", "(", "!"), words))
    is_text = program in _FIRST_IS_TEXT and not flags & {"e", "f", "regexp", "file", "expression"}
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word.startswith("-") and word != "-":
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


def _named_by(program: str, word: str, cwd: str | None, home: str | None) -> list[str]:
    if not word or len(word) > 4096 or word == "-" or "\n" in word:
        return []
    if _url(word):
        return [target_of_url(word)]
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
                return [(host[1] if host else word.rpartition("@")[2])]
    if program == "dd" or ("=" in word and not _path_like(word)):
        word = word.partition("=")[2]
        if not word:
            return []
    if ":" in word and not re.match(r"[A-Za-z]:[\\/]", word) and _path_like(word):
        return [normalised(part, cwd, home) for part in word.split(":") if _path_like(part)]
    if program == "git" and ":" in word:
        word = word.rpartition(":")[2]  # git show HEAD:.env
    is_file = program in _OF_FILES
    is_name = is_file or program in _FIRST_IS_TEXT or _path_like(word) or _named(word)
    return [normalised(word, cwd, home)] if is_name and (is_file or " " not in word) else []
