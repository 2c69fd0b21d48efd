"""One pass over a text for every secret that has a format of its own (pure).

RE2 looks for the beginnings of all of them at once, in linear time; each hit is then read by the rows
of the table that begin so, over a bounded stretch. Nothing here looks at a byte more than a fixed
number of times.
"""

from collections import defaultdict

import re2  # type: ignore[import-untyped]  # It ships no types.

from proxy.leaks.leak import FORMAT, Found
from proxy.leaks.likeness import is_made_up
from proxy.leaks.rules import FORMATS, Rule

_ATOM = 12
"""So much of what follows a start must fit before a hit is worth a look."""
_LONGEST, _LONGEST_KEY = 4096, 16384
"""How far a secret may reach. A longer one is cut, and still found."""
_HEAD = b"-----BEGIN"
_MEMORY = 64 << 20
_WORD = frozenset(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_ESCAPED_SPACE = frozenset(b"nrtbf")
_PERCENT = re2.compile(rb"%[0-9A-Fa-f]{2}")
_DIGITS = re2.compile(rb"[0-9].*[0-9]")
_SHORT = 4
"""A start as short as this is a syllable too: without digits what follows is a word."""
_BASE64 = re2.compile(rb"[A-Za-z0-9+/=]{32}")

_PLAIN = re2.Options()
_PLAIN.encoding = re2.Options.Encoding.LATIN1
_PLAIN.never_capture = True
_PLAIN.max_mem = _MEMORY


def compiled(pattern: str) -> re2._Regexp:
    """RE2 over bytes, which it takes one by one."""
    return re2.compile(pattern.encode("ascii"), _PLAIN)


def _heads(rule: Rule) -> str:
    return "|".join(re2.escape(start) for start in rule.starts)


_ATOMS = compiled(
    "|".join(f"(?:{_heads(rule)}){rule.chars}{{{min(rule.least, _ATOM)}}}" for rule in FORMATS)
)

_BY_START: dict[bytes, list[tuple[Rule, re2._Regexp]]] = defaultdict(list)
for _each in FORMATS:
    _pattern = compiled(f"(?:{_heads(_each)})(?:{_each.tail})")
    for _start in dict.fromkeys(start[:3].encode() for start in _each.starts):
        _BY_START[_start].append((_each, _pattern))


def begins_a_word(data: bytes, at: int) -> bool:
    """Whether nothing before a token belongs to it."""
    if at == 0 or data[at - 1] not in _WORD or data[at] not in _WORD:
        return True
    return is_after_escape(data, at - 1) or _PERCENT.match(data, max(0, at - 3), at) is not None


def is_after_escape(data: bytes, at: int) -> bool:
    """Whether the character here is the `n` of a `\\n`, or one of its kind."""
    return at > 0 and data[at - 1] == 0x5C and data[at] in _ESCAPED_SPACE


def find_formats(data: bytes) -> list[Found]:
    """Every secret of a known format, in order."""
    leaks: list[Found] = []
    at = 0
    while (hit := _ATOMS.search(data, at)) is not None:
        start = hit.start()
        found = _read(data, start) if begins_a_word(data, start) else None
        if found is None:
            at = start + 1
        else:
            leaks.append(found)
            at = found.end
    return leaks


def _read(data: bytes, start: int) -> Found | None:
    for rule, pattern in _BY_START[data[start : start + 3]]:
        is_key = rule.kind == "private-key"
        most = _end_of_key(data, start) if is_key else min(len(data), start + _LONGEST)
        match = pattern.match(data, start, most)
        if match is None:
            continue
        end = match.end()
        if end < most and data[end - 1] in _WORD and data[end] in _WORD:
            continue  # Longer than any of its kind.
        if is_key and _BASE64.search(data, start, end) is None:
            continue  # Words about keys, with no key between them.
        if is_key or not (is_made_up(data[start:end]) or _is_word(rule, data[start:end])):
            return Found(rule.kind, start, end, rank=FORMAT)
    return None


def _end_of_key(data: bytes, start: int) -> int:
    """As far as a key may reach: not into the next one, or a list of heads is read again and again."""
    most = min(len(data), start + _LONGEST_KEY)
    following = data.find(_HEAD, start + len(_HEAD), most)
    return most if following < 0 else following


def _is_word(rule: Rule, token: bytes) -> bool:
    is_syllable = len(rule.starts[0]) <= _SHORT and rule.chars != "[A-Za-z]"
    return is_syllable and _DIGITS.search(token) is None
