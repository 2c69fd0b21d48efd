"""Which files the arguments of a tool name, also where the names of its arguments are nobody's (pure)."""

import re
from collections.abc import Iterator

from proxy.actions.paths import normalised
from proxy.actions.places import holds_credentials, is_credential
from proxy.actions.tools import KEYS, Meaning

GLOBS = frozenset(("glob", "globs", "globpattern", "filepattern", "includepattern"))
PACKED = frozenset("arguments args params parameters payload input body toolinput options".split())
"""What may hold more arguments, as JSON in a string."""
PACKED_MAX = 16
"""So many of one call are unpacked."""
_PATHS_MAX, _SPREAD_LENGTH, _SPREAD_MAX = 4_096, 512, 64
_OF_NAMES = frozenset("glob glob_file_search".split())
_OF_TREES = frozenset(
    "grep grep_files grep_search search_file_content search_files codebase_search semantic_search"
    " read_many_files".split()
)
"""They read whatever is below the directory that they are given."""
_LIKELY = frozenset("from to src dst dest target location document image attachment".split())
_likely = re.compile(r"(path|file|filename|dir|directory|folder|glob)s?$").search
_path_like = re.compile(r"~|\.{0,2}/|\.[\w-]|\$\{?\w|%\w|[A-Za-z]:[\\/]").match
_is_text = re.compile(r"[\s@]").search
_sql = re.compile(r"sql|^(stmts?|querystring|querytext|rawquery|dbquery)$").search
_marks = re.compile(r"[*?\[{]").search


def _squashed(key: str) -> str:
    return key.replace("_", "").replace("-", "").replace(" ", "")


_KEYS = {_squashed(key): meaning for key, meaning in KEYS.items()} | {
    **dict.fromkeys(GLOBS, "path"),
    **dict.fromkeys(("fullpath", "abspath", "fullfilename", "srcpath", "destpath"), "path"),
}


def meaning_of(key: str) -> Meaning | None:
    """By the argument's name in lower case, however its words are put together."""
    return KEYS.get(key) or _KEYS.get(_squashed(key))


def is_packed(key: str) -> bool:
    """Whether an argument of this name may hold more of them."""
    return _squashed(key) in PACKED


def is_likely_sql(key: str) -> bool:
    """Whether an argument of this name may hold SQL, where it looks like it."""
    return _sql(_squashed(key)) is not None


def is_likely_path(key: str, value: str) -> bool:
    """Whether it is a path by its look, under a name that may be a path's."""
    name = _squashed(key)
    if (name not in _LIKELY and _likely(name) is None) or len(value) > _PATHS_MAX:
        return False
    if "://" in value or _is_text(value) is not None:
        return False
    if _path_like(value) is not None:
        return True
    is_file = "." in value or value.startswith("id_")
    return is_file and ("/" in value or is_credential(normalised(value)))


def asked_for(tool: str, key: str, value: str) -> Iterator[str]:
    """The paths that a tool is asked for with one argument."""
    tool, key = tool.lower(), _squashed(key)
    if tool in _OF_NAMES and key in GLOBS | {"pattern"}:
        value = _searched(value)
    if key in GLOBS and value.startswith("!"):
        return  # What is left out.
    for path in _spread(value):
        yield path
        if tool in _OF_TREES and holds_credentials(normalised(path)):
            yield f"{path}/*"


def _spread(text: str) -> list[str]:
    """`.{env,npmrc}`: each of them."""
    done: list[str] = []
    waiting = [text]
    while waiting:
        current = waiting.pop()
        shut = current.find("}")
        start = current.rfind("{", 0, max(shut, 0))
        choices = current[start + 1 : shut].split(",") if shut > start >= 0 else []
        is_beyond = len(text) > _SPREAD_LENGTH or len(done) + len(waiting) > _SPREAD_MAX
        if len(choices) < 2 or is_beyond:
            done.append(current)
        else:
            waiting += [current[:start] + each + current[shut + 1 :] for each in choices]
    return done


def _searched(pattern: str) -> str:
    """A search for names reads no file. For one name it is as if that was asked for; for many, it is
    the folder that is looked through."""
    folder, _, name = pattern.rpartition("/")
    if not _marks(name):
        return pattern
    whole = folder.split("/")
    plain = next((n for n, part in enumerate(whole) if _marks(part)), len(whole))
    return "/".join(whole[:plain]) or "."
