"""The files that a patch touches, by the lines that name them (pure)."""

import re

_named = re.compile(
    r"^(?:\*\*\* (?:Add|Update|Delete) File: |\*\*\* Move to: |(?:---|\+\+\+) (?:[ab]/)?|"
    r"rename (?:from|to) )([^\t\n\r]+)",
    re.M,
)
FILES_MAX = 1_000


def is_patch(text: str) -> bool:
    """Whether it has the beginning of a patch, as Codex or as diff writes one."""
    return "*** Begin Patch" in text[:4096] or text.startswith(("--- ", "diff --git "))


def files_of(text: str) -> list[str]:
    """Every file that is added, changed, deleted or moved, once."""
    found: dict[str, None] = {}
    for match in _named.finditer(text):
        name = match[1].strip().strip('"')
        if name and name != "/dev/null":
            found[name] = None
        if len(found) >= FILES_MAX:
            break
    return list(found)
