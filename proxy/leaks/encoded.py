"""Runs of characters that may be an encoding, and what they decode to (pure).

All that a text decodes to is laid into one buffer, so that it is looked through once and not run by
run.
"""

import binascii
import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from proxy.leaks.formats import compiled, is_after_escape

_RUNS = compiled(r"[A-Za-z0-9+/_-]{24,}={0,2}")
_HEX = re.compile(rb"[0-9a-fA-F]+")
_STANDARD = bytes.maketrans(b"-_", b"+/")
_JOINTS = re.compile(rb"[/+_-]")
_SHIFTED_MAX = 4096
"""Up to this length a run with marks in it is also read from its second, third and fourth character
on: a word or a path that stands before the encoding shifts it."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What the runs decode to, one after another, each with the run that it came from."""

    data: bytes
    starts: list[int]
    runs: list[tuple[int, int, str]]
    """Start and end of the run in the text, and its encoding."""

    def run_at(self, at: int) -> tuple[int, int, str]:
        return self.runs[bisect_right(self.starts, at) - 1]


def runs_in(data: bytes) -> list[tuple[int, int]]:
    """Every stretch that could be base64, base64url or hex, and of 24 characters at least."""
    runs = [hit.span() for hit in _RUNS.finditer(data)]
    return [(start + is_after_escape(data, start), end) for start, end in runs]


def decoded(data: bytes, runs: Iterable[tuple[int, int]]) -> Decoded:
    """Each run decoded in every way in which it can be."""
    pieces: list[bytes] = []
    starts: list[int] = []
    sources: list[tuple[int, int, str]] = []
    size = 0
    for start, end in runs:
        for encoding, piece in _readings(data[start:end]):
            pieces.append(piece)
            starts.append(size)
            sources.append((start, end, encoding))
            size += len(piece) + 1
    return Decoded(b"\n".join(pieces), starts, sources)


def _readings(run: bytes) -> Iterable[tuple[str, bytes]]:
    text = run.rstrip(b"=")
    if _HEX.fullmatch(text):
        for shift in (0, 1):
            size = (len(text) - shift) // 2 * 2
            yield "hex", bytes.fromhex(text[shift : shift + size].decode("ascii"))
    text = text.translate(_STANDARD)
    is_shifted = len(text) <= _SHIFTED_MAX and _JOINTS.search(run) is not None
    for shift in range(4 if is_shifted else 1):
        part = text[shift:]
        if len(part) % 4 == 1:
            part = part[:-1]  # Six bits make no byte.
        yield "base64", binascii.a2b_base64(part + b"=" * (-len(part) % 4))
