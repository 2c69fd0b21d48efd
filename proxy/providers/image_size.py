"""Width and height of an image, from the first bytes of its base64: what tokens are counted by
(pure)."""

import re
from base64 import b64decode
from binascii import Error

_HEAD_CHARACTERS = 64 * 1024
"""A photo's camera data stands before its size; what begins later is taken as unknown."""
_SIDE_MAX = 65_535
_DATA_URL = re.compile(r"data:image/[a-z0-9.+-]{1,32};base64,", re.IGNORECASE)
_SIZES = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
"""JPEG segments that say how large the picture is."""


def image_size(data: str) -> tuple[int, int] | None:
    """Of base64 or a data URL; None for what is not PNG, JPEG, GIF or WebP, or does not say."""
    found = _DATA_URL.match(data)
    head = data[found.end() if found else 0 :][:_HEAD_CHARACTERS]
    try:
        raw = b64decode(head[: len(head) // 4 * 4], validate=True)
    except (Error, ValueError):
        return None
    size = _png(raw) or _gif(raw) or _webp(raw) or _jpeg(raw)
    if size is None or not 0 < min(size) <= max(size) <= _SIDE_MAX:
        return None
    return size


def _png(raw: bytes) -> tuple[int, int] | None:
    if not raw.startswith(b"\x89PNG\r\n\x1a\n") or raw[12:16] != b"IHDR" or len(raw) < 24:
        return None
    return int.from_bytes(raw[16:20]), int.from_bytes(raw[20:24])


def _gif(raw: bytes) -> tuple[int, int] | None:
    if raw[:6] not in (b"GIF87a", b"GIF89a") or len(raw) < 10:
        return None
    return int.from_bytes(raw[6:8], "little"), int.from_bytes(raw[8:10], "little")


def _webp(raw: bytes) -> tuple[int, int] | None:
    if raw[:4] != b"RIFF" or raw[8:12] != b"WEBP" or len(raw) < 30:
        return None
    kind = raw[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(raw[24:27], "little"), 1 + int.from_bytes(raw[27:30], "little")
    if kind == b"VP8 " and raw[23:26] == b"\x9d\x01\x2a":
        width, height = int.from_bytes(raw[26:28], "little"), int.from_bytes(raw[28:30], "little")
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L" and raw[20] == 0x2F:
        bits = int.from_bytes(raw[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return None


def _jpeg(raw: bytes) -> tuple[int, int] | None:
    if raw[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 9 <= len(raw) and raw[at] == 0xFF:
        kind = raw[at + 1]
        if kind == 0xFF:  # Padding.
            at += 1
        elif kind in _SIZES:
            return int.from_bytes(raw[at + 7 : at + 9]), int.from_bytes(raw[at + 5 : at + 7])
        elif kind == 0x01 or 0xD0 <= kind <= 0xD8:  # Markers without a body.
            at += 2
        else:
            at += 2 + int.from_bytes(raw[at + 2 : at + 4])
    return None
