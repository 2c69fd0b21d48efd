"""How long an audio file can last. Only of samples that are not compressed is that known from its
bytes (pure)."""

import struct
from typing import NamedTuple

_PCM, _FLOAT = 1, 3
_SAMPLE_RATES = range(8_000, 192_001)
_CHANNELS = range(1, 9)
_SAMPLE_BYTES = (1, 2, 3, 4, 8)

BYTES_PER_SECOND_MIN = 4_000
"""Of a WAV file. Its samples take at least twice as many; but a decoder that finds other audio inside
them (ffmpeg looks for AC-3 and DTS) finds at least so many in a second of it, 32 kbit/s. What is made
to be found as AAC could last longer still; then the provider's figure, above the hold, is the charge."""

UNKNOWN_BYTES_PER_SECOND = 1_000
"""Of any other file: an MP3's least, 8 kbit/s. Credible, and no bound."""

SECONDS_MIN = 10
"""What Groq bills for the shortest file."""


class Length(NamedTuple):
    seconds: int
    is_bound: bool
    """False: a file could be made that lasts longer."""


def length_of(data: bytes) -> Length:
    """Of an audio file, rounded up."""
    is_bound = _is_plain(data)
    rate = BYTES_PER_SECOND_MIN if is_bound else UNKNOWN_BYTES_PER_SECOND
    return Length(max(SECONDS_MIN, -(-len(data) // rate)), is_bound)


def _is_plain(data: bytes) -> bool:
    """A WAV file of samples that are not compressed, with a header that leaves no choice."""
    if len(data) < 44 or data[:4] != b"RIFF" or data[8:16] != b"WAVEfmt ":
        return False
    size, kind, channels, rate, per_second, frame, bits = struct.unpack_from("<IHHIIHH", data, 16)
    sample, odd_bits = divmod(bits, 8)
    return (
        size in (16, 18)
        and kind in (_PCM, _FLOAT)
        and channels in _CHANNELS
        and rate in _SAMPLE_RATES
        and sample in _SAMPLE_BYTES
        and not odd_bits
        and frame == channels * sample
        and per_second == rate * frame
    )
