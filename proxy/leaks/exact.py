"""Strings that are known letter by letter: canaries and the operator's own keys (pure)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

import re2  # type: ignore[import-untyped]  # It ships no types.

from proxy.leaks.formats import compiled
from proxy.leaks.leak import EXACT, Found
from proxy.leaks.rules import CANARY, OWN_KEY

LEAST = 12
"""A shorter string could be part of a word."""


class ExactStrings:
    """Looks for all of them at once. Canaries in any case, and backwards too; keys as they are."""

    def __init__(self, canaries: Collection[str], own_keys: Mapping[str, Collection[str]]) -> None:
        """Raises ValueError for a canary that is too short or not plain ASCII; a key like that is
        not looked for."""
        for canary in canaries:
            if len(canary) < LEAST or not _is_plain(canary):
                raise ValueError(f"a canary is at least {LEAST} printable ASCII characters")
        self._owners: dict[bytes, set[str]] = defaultdict(set)
        for provider, keys in own_keys.items():
            for key in keys:
                if len(key) >= LEAST and _is_plain(key):
                    self._owners[key.encode("ascii")].add(provider)
        both_ways = {way.lower() for canary in canaries for way in (canary, canary[::-1])}
        self._canaries = _any_of(f"(?i:{re2.escape(each)})" for each in both_ways)
        self._keys = _any_of(re2.escape(key.decode("ascii")) for key in self._owners)

    def find(self, data: bytes) -> list[Found]:
        """Every one of them, in the order of their places."""
        found: list[Found] = []
        for pattern, kind in ((self._canaries, CANARY), (self._keys, OWN_KEY)):
            if pattern is not None:
                found += [
                    Found(kind, hit.start(), hit.end(), rank=EXACT)
                    for hit in pattern.finditer(data)
                ]
        return found

    def owners(self, key: bytes) -> Collection[str]:
        """The providers that the operator has this key of."""
        return self._owners.get(key, ())


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _any_of(patterns: Iterable[str]) -> re2._Regexp | None:
    # The longest first: one may begin with another.
    ordered = sorted(patterns, key=lambda each: (-len(each), each))
    return compiled("|".join(ordered)) if ordered else None
