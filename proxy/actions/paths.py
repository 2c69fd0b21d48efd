"""Paths made comparable, and globs held against them (pure).

Case is ignored: on macOS and Windows `.ENV` is `.env`. Symbolic links are not followed; nothing
here looks at a disk.
"""

import posixpath
import re
from functools import lru_cache
from urllib.parse import unquote

COMPONENTS_MAX = 256
NAME_MAX = 255
"""No file system has longer names; a longer one names no file."""

_home = re.compile(r"(\$\{?HOME\}?|\$env:(USERPROFILE|HOME)|%USERPROFILE%)(?=[/\\]|$)", re.I)
_here = re.compile(r"(\$\{?PWD\}?|%CD%)(?=[/\\]|$)")
_drive = re.compile(r"[A-Za-z]:(?=[/\\]|$)")
_proc = re.compile(r"/proc/(?:self|thread-self|\d+|\*)/(root|cwd)(?=/|$)")
_wild = re.compile(r"[*?\[]").search
_pieces = re.compile(r"\*+|\?|\[!?\]?[^\]]*\]|.", re.S)


def normalised(text: str, cwd: str | None = None, home: str | None = None) -> str:
    """An absolute path, `~/…` where no home is known, or `./…` where no directory is."""
    if text[:7].lower() == "file://":
        text = unquote("/" + text[7:].partition("/")[2])
        text = text[1:] if _drive.match(text[1:]) else text
    text = _here.sub(".", _home.sub("~", text, count=1), count=1)
    if "\\" in text and ("/" not in text or _drive.match(text) or text.startswith("\\\\")):
        text = text.replace("\\", "/")
    if text == "~" or text.startswith("~/"):
        text = (home.rstrip("/") if home else "~") + text[1:]
    elif text.startswith("~") and re.match(r"~[a-z_][\w-]*(/|$)", text):
        text = "/home/" + text[1:]
    if not _is_rooted(text):
        text = f"{cwd.rstrip('/') or '/'}/{text}" if cwd else text
    path = posixpath.normpath(text)
    if path.startswith("//"):
        path = path[1:]
    if path.startswith("/proc/"):
        path = _proc.sub(lambda found: "" if found[1] == "root" else (cwd or "."), path, count=1)
        path = path or "/"
    if _is_rooted(path) or path in (".", "..") or path.startswith(("./", "../")):
        return path
    return "./" + path


def _is_rooted(path: str) -> bool:
    return path.startswith(("/", "~/")) or path == "~" or _drive.match(path) is not None


def matches_path(glob: str, path: str) -> bool:
    """Whether `path`, or what it may expand to when it is itself a shell glob, is meant by `glob`.

    `**` stands for any directories, none too: `**/.env` is also `.env`. A glob that starts with
    neither `/`, `~`, `./` nor a drive is meant at any depth, as in a .gitignore.
    """
    globs, is_of_homes = _read(glob)
    path = path.lower()
    paths = [path]
    if is_of_homes and path.startswith("~/"):
        paths += ["/home/~" + path[1:], "/root" + path[1:], "/users/~" + path[1:]]
    return any(_matches(each, _parts(one)) for one in paths for each in globs)


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
    return path.startswith("/"), tuple(part for part in path.split("/") if part not in ("", "."))


def _matches(glob: _Parts, path: _Parts) -> bool:
    (glob_is_rooted, wanted), (is_rooted, given) = glob, path
    anywhere = wanted[:1] == ("**",)
    if not anywhere and glob_is_rooted != is_rooted:
        return False
    if len(given) > COMPONENTS_MAX or len(wanted) > COMPONENTS_MAX:
        return False
    # One row of the table per part of the glob: which parts of the path can be used up by then,
    # and whether a literal part agreed on the way (see `_may_be`).
    row: dict[int, bool] = {0: False}
    for part in wanted:
        if part == "**":
            first = min(row)
            least = dict.fromkeys(range(first, len(given) + 1), False)
            row = least | {at: row[at] for at in row if row[at]}
            continue
        following: dict[int, bool] = {}
        for at, agreed in row.items():
            if at < len(given) and (given[at] == "**" or _may_be(part, given[at], agreed)):
                literal = len(part) > 1 and part == given[at]
                following[at + 1] = following.get(at + 1, False) or agreed or literal
        if not following:
            return False
        row = following
    return len(given) in row


@lru_cache(maxsize=4096)
def _may_be(part: str, name: str, agreed: bool) -> bool:
    """Whether the glob `part` means `name`, or something the shell may make of `name`."""
    if len(name) > NAME_MAX or len(part) > NAME_MAX:
        return False
    if part == name or part == "*":
        return True
    if not _wild(part) and not _wild(name):
        return False
    pieces = _pieces.findall(part)
    if _wild(name) is None:
        return _overlap(pieces, list(name))
    given = _pieces.findall(name)
    if given[0][0] in "*?" and part.startswith("."):
        return False  # The shell's own * leaves hidden files out.
    if not agreed:
        # `*.json` could be `token.json`, yet hardly anybody means it so. `.e*` or `id_*` do.
        common = 0
        while common < min(len(pieces), len(given)) and pieces[common] == given[common]:
            if _wild(pieces[common]):
                break
            common += 1
        is_telling = common >= 2 or (common == 1 and pieces[0] == ".")
        if not is_telling:
            return _overlap(pieces, ["\0" if _wild(piece) else piece for piece in given])
    return _overlap(pieces, given)


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
