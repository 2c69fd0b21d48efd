"""Paths made comparable, and globs held against them (pure).

Case is ignored: on macOS and Windows `.ENV` is `.env`. Symbolic links are not followed; nothing
here looks at a disk.
"""

import posixpath
import re
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import unquote

COMPONENTS_MAX = 256
DIRECTORY_MAX = 1_024
"""A longer one is as one that nobody knows, so that no path grows with each step into another."""
NAME_MAX = 255
"""No file system has longer names; a longer one names no file."""

_home = re.compile(r"(\$\{?HOME\}?|\$env:(USERPROFILE|HOME)|%USERPROFILE%)(?=[/\\]|$)", re.I)
_here = re.compile(r"(\$\{?PWD\}?|%CD%)(?=[/\\]|$)")
_drive = re.compile(r"[A-Za-z]:(?=[/\\]|$)")
_process = re.compile(r"(?:self|thread-self|\d+|.*[*?\[].*)$").match
_stream = re.compile(r":[^/:]*:\$\w*(?=/|$)")
"""NTFS: `x::$DATA` is what is in `x`."""
_wild = re.compile(r"[*?\[]").search
_one = re.compile(r"[?\[]").search
_pieces = re.compile(r"\*+|\?|\[!?\]?[^\]]*\]|.", re.S)


def normalised(text: str, cwd: str | None = None, home: str | None = None) -> str:
    """An absolute path, `~/…` where no home is known, or `./…` where no directory is."""
    if text[:7].lower() == "file://":
        text = unquote("/" + text[7:].partition("/")[2])
        text = text[1:] if _drive.match(text[1:]) else text
    text = _here.sub(".", _home.sub("~", text, count=1), count=1)
    if "\\" in text and ("/" not in text or _drive.match(text) or text.startswith("\\\\")):
        text = text.replace("\\", "/")
    if ":$" in text:
        text = _stream.sub("", text)
    if text == "~" or text.startswith("~/"):
        text = home.rstrip("/") + text[1:] if home else _above_home(text)
    elif text.startswith("~") and re.match(r"~[a-z_][\w-]*(/|$)", text):
        text = "/home/" + text[1:]
    if cwd and len(cwd) <= DIRECTORY_MAX and not _is_rooted(text):
        text = f"{cwd.rstrip('/') or '/'}/{text}"
    path = _through_proc(text, cwd) if text.startswith("/") and "/proc" in text else text
    path = posixpath.normpath(path)
    if path.startswith("//"):
        path = path[1:]
    if _is_rooted(path) or path in (".", "..") or path.startswith(("./", "../")):
        return path
    return "./" + path


def _above_home(text: str) -> str:
    """`~/../x` lies where homes are, and `~/../../x` at the root, wherever they are."""
    rest = posixpath.normpath(text[2:]) if len(text) > 2 else "."
    if rest == ".." or rest.startswith("../"):
        above = rest.removeprefix("..").removeprefix("/")
        return "/" + above if above == ".." or above.startswith("../") else rest
    return text


def _through_proc(text: str, cwd: str | None) -> str:
    """Without the doors that `/proc` has: `/proc/self/root` is the root, wherever it stands."""
    parts: list[str] = []
    for part in text.split("/"):
        if part == "..":
            if parts[-1:] in (["."], [".."]):
                parts.append(part)
            elif parts:
                parts.pop()
        elif part not in ("", "."):
            parts.append(part)
        if parts[:1] != ["proc"]:
            continue
        if len(parts) == 4 and parts[2] == "task":
            del parts[2:]  # A thread has what its process has.
        elif len(parts) == 3 and _process(parts[1]) and parts[2] in ("root", "cwd"):
            inside = "" if part == "root" else (cwd or ".")
            parts = [each for each in inside.split("/") if each]
    return "/".join(parts) if parts[:1] == ["."] else "/" + "/".join(parts)


def _is_rooted(path: str) -> bool:
    return path.startswith(("/", "~/")) or path == "~" or _drive.match(path) is not None


def matches_path(glob: str, path: str) -> bool:
    """Whether `path`, or what it may expand to when it is itself a shell glob, is meant by `glob`.

    `**` stands for any directories, none too: `**/.env` is also `.env`. A glob that starts with
    neither `/`, `~`, `./` nor a drive is meant at any depth, as in a .gitignore. A path above a
    directory that nobody knows (`../../etc/x`) may be one from the root.
    """
    globs, is_of_homes = _read(glob)
    path = path.lower()
    if "://" in path:  # No shell expands an address.
        return any(_matches(each, _parts(path), _is_named) for each in globs)
    paths = [path]
    if is_of_homes and path.startswith("~/"):
        paths += ["/home/~" + path[1:], "/root" + path[1:], "/users/~" + path[1:]]
    for one in paths:
        parts = _parts(one)
        for each in globs:
            if _matches(each, parts, _may_be):
                return True
    if not path.startswith("../"):
        return False
    above = True, tuple(part for part in _parts(path)[1] if part != "..")
    return any(
        _matches(each, above, _may_be) for each in globs if each[0] and _is_plain(each[1][:1])
    )


def covers_path(glob: str, path: str) -> bool:
    """Whether everything that `path` may stand for is meant by `glob`: `*.ts` covers `a*.ts`."""
    holds = _is_named if "://" in path else _covers
    parts = _parts(path.lower())
    return any(_matches(each, parts, holds) for each in _read(glob)[0])


def _is_plain(parts: tuple[str, ...]) -> bool:
    return any(parts) and not any(map(_wild, parts))


type _Parts = tuple[bool, tuple[str, ...]]
"""Whether it starts at the root, and what stands between the slashes."""


@lru_cache(maxsize=4096)
def _read(glob: str) -> tuple[tuple[_Parts, ...], bool]:
    """What a glob stands for, and whether it is below where homes are: rules are asked again and again."""
    glob = glob.replace("\\", "/").lower()
    if glob.startswith("~/"):
        rest = glob[2:]
        globs = [glob, f"/home/*/{rest}", f"/root/{rest}", f"/users/*/{rest}", f"?:/users/*/{rest}"]
    elif glob.startswith(("/", "**/", "./", "../", "?:/")) or _drive.match(glob):
        globs = [glob]
    else:
        globs = ["**/" + glob]
    return tuple(map(_parts, globs)), globs[0].startswith(("/home", "/root", "/users"))


@lru_cache(maxsize=1024)
def _parts(path: str) -> _Parts:
    parts: list[str] = []
    for part in path.split("/"):
        if part not in ("", ".") and not (part == "**" and parts[-1:] == ["**"]):
            parts.append(part)
    return path.startswith("/"), tuple(parts)


_NO, _DOUBTFUL, _FITS, _AGREED = range(4)
"""How far a path is meant: not; only as far as a star may stand for anything; plainly, and with a
name that is written in both."""

type _Holds = Callable[[str, str, bool], int]


def _matches(glob: _Parts, path: _Parts, holds: _Holds) -> bool:
    (glob_is_rooted, wanted), (is_rooted, given) = glob, path
    anywhere = wanted[:1] == ("**",)
    if not anywhere and glob_is_rooted != is_rooted:
        return False
    # What neither begins nor ends alike is not worth a table, and most does not.
    if wanted and given:
        first, last = (wanted[0], given[0]), (wanted[-1], given[-1])
        if "**" not in first and not holds(*first, True):
            return False
        if "**" not in last and not holds(*last, True):
            return False
    if len(wanted) > COMPONENTS_MAX:
        return False
    if len(given) > COMPONENTS_MAX:  # What is at its end says most of it.
        given = given[:1] + given[1 - COMPONENTS_MAX :]
    # One row of the table per part of the glob: which parts of the path can be used up by then,
    # and how well they were meant on the way.
    row = _skipped({0: _FITS}, given)
    for part in wanted:
        following: dict[int, int] = {}
        if part == "**":
            least = _NO
            for at in range(min(row), len(given) + 1):
                following[at] = max(row.get(at, _NO), least)
                least = max(least, min(row.get(at, _NO), _FITS))
            row = following
            continue
        for at, so_far in row.items():
            if at == len(given):
                continue
            name = given[at]
            found = holds(part, name, so_far == _AGREED)
            if found:
                found = so_far if found == _FITS else found
                after = at if name == "**" else at + 1
                following[after] = max(following.get(after, _NO), found)
        if not following:
            return False
        row = _skipped(following, given)
    return row.get(len(given), _NO) >= _FITS


def _skipped(row: dict[int, int], given: tuple[str, ...]) -> dict[int, int]:
    """`**` in the path stands for no directory too."""
    for at in sorted(row):
        while at < len(given) and given[at] == "**":
            row[at + 1] = max(row.get(at + 1, _NO), row[at])
            at += 1
    return row


def _is_named(part: str, name: str, agreed: bool) -> int:
    """Whether the glob `part` means `name`, whose marks are letters."""
    if len(name) > NAME_MAX or len(part) > NAME_MAX:
        return _NO
    if part in (name, "*"):
        return _AGREED if len(part) > 1 else _FITS
    is_meant = _wild(part) and _overlap(_pieces.findall(part), _unknown(list(name)))
    return _FITS if is_meant else _NO


@lru_cache(maxsize=4096)
def _covers(part: str, name: str, agreed: bool) -> int:
    """Whether the glob `part` means all that the shell may make of `name`."""
    if len(name) > NAME_MAX or len(part) > NAME_MAX or name == "**":
        return _NO
    if part in (name, "*"):
        return _FITS
    is_wild = _wild(name) is not None
    if not _wild(part) or (is_wild and _one(part)):
        return _NO
    given = _pieces.findall(name) if is_wild else list(name)
    return _FITS if _overlap(_pieces.findall(part), _unknown(given)) else _NO


def _unknown(pieces: list[str]) -> list[str]:
    return ["\0" if len(piece) > 1 or piece in "*?" else piece for piece in pieces]


@lru_cache(maxsize=4096)
def _may_be(part: str, name: str, agreed: bool) -> int:
    """How well the glob `part` means `name`, or something the shell may make of `name`."""
    if len(name) > NAME_MAX or len(part) > NAME_MAX:
        return _NO
    is_wild = _wild(name) is not None
    if part == name or part == "*":
        return _AGREED if len(part) > 1 and not is_wild else _FITS
    if name == "**":
        return _NO if part.startswith(".") else _FITS if agreed else _DOUBTFUL
    if not is_wild and not _wild(part):
        return _NO
    pieces = _pieces.findall(part)
    if not is_wild:
        return _FITS if _overlap(pieces, list(name)) else _NO
    given = _pieces.findall(name)
    if given[0][0] in "*?" and part.startswith("."):
        return _NO  # The shell's own * leaves hidden files out.
    if not _overlap(pieces, given):
        return _NO
    # `*.json` could be `token.json`, yet hardly anybody means it so. `.e*`, `id_*` or `*env` do.
    is_told = agreed or _is_telling(pieces, given) or _overlap(pieces, _unknown(given))
    return _FITS if is_told else _DOUBTFUL


def _is_telling(pieces: list[str], given: list[str]) -> bool:
    """Whether they begin alike, or end alike with more than a suffix."""
    common = _alike(pieces, given)
    if common >= 2 or (common == 1 and pieces[0] == "."):
        return True
    common = _alike(pieces[::-1], given[::-1])
    letters = [piece for piece in pieces if not _wild(piece)]
    return common >= 3 and given[-common] != "." and 2 * common >= len(letters)


def _alike(left: list[str], right: list[str]) -> int:
    """How many letters both begin with."""
    common = 0
    for piece, other in zip(left, right, strict=False):
        if piece != other or _wild(piece):
            break
        common += 1
    return common


def _overlap(left: list[str], right: list[str]) -> bool:
    """Whether some name is meant by both; one cell per pair of pieces, so no input is slow."""
    row = [False] * (len(right) + 1)
    row[0] = True
    for at, piece in enumerate(right):
        row[at + 1] = row[at] and piece[0] == "*"
    for piece in left:
        is_star = piece[0] == "*"
        following = [row[0] and is_star]
        for at, other in enumerate(right):
            if is_star or other[0] == "*":
                fits = row[at + 1] or following[at] or row[at]
            else:
                fits = row[at] and _same(piece, other)
            following.append(fits)
        row = following
    return row[-1]


def _same(piece: str, other: str) -> bool:
    if piece == "?" or other == "?":
        return True
    if len(piece) > 1 and len(other) == 1:
        return _in_class(piece, other)
    if len(other) > 1 and len(piece) == 1:
        return _in_class(other, piece)
    return piece == other or (len(piece) > 1 and len(other) > 1)


def _in_class(piece: str, letter: str) -> bool:
    """`[a-c]`: whether the letter is in it; a class with odd ranges is taken to hold all."""
    body = piece[1:-1]
    is_not = body.startswith(("!", "^"))
    body = body[1:] if is_not else body
    held = letter in body or any(
        body[at - 1] <= letter <= body[at + 1] for at in range(1, len(body) - 1) if body[at] == "-"
    )
    return held != is_not
