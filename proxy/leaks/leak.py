"""A secret that was found: what it is and where, never what it says (pure)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Leak:
    """One secret in one place. It holds no part of the secret, so it may be printed and recorded."""

    kind: str
    """A stable id from docs/leaks.md."""
    where: str
    """`body`, `url`, or `header:` with the name in lower case."""
    start: int
    """Of the text that it was found in: bytes of a body, characters of anything else."""
    end: int
    encoded: str = ""
    """`base64`, `hex` or `percent` when it was found after decoding once; otherwise empty."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a pass over one text reports; positions are bytes of that text."""

    kind: str
    start: int
    end: int
    encoded: str = ""
    rank: int = 0
    """Lower wins where two overlap: exact strings, then formats, then guesses."""


EXACT, FORMAT, GUESS = 0, 1, 2
"""Ranks of what is found."""
