"""Width and height are read from an image's first bytes, or are not known."""

import struct
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.providers.image_size import image_size


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + b"\x08\x02"


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\x00" * 3


def jpeg(width: int, height: int, before: bytes = b"") -> bytes:
    frame = b"\xff\xc2" + struct.pack(">HBHHB", 17, 8, height, width, 3) + b"\x00" * 9
    return b"\xff\xd8\xff\xe0" + struct.pack(">H", 16) + b"JFIF\x00" + b"\x00" * 9 + before + frame


def webp(kind: bytes, body: bytes) -> bytes:
    return b"RIFF\x00\x00\x00\x00WEBP" + kind + b"\x00\x00\x00\x00" + body + b"\x00" * 20


def lossy(width: int, height: int) -> bytes:
    return webp(b"VP8 ", b"\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", width, height))


def lossless(width: int, height: int) -> bytes:
    return webp(b"VP8L", b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14))


def extended(width: int, height: int) -> bytes:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return webp(b"VP8X", b"\x00" * 4 + sides)


def size_of(raw: bytes, head: str = "") -> tuple[int, int] | None:
    return image_size(head + b64encode(raw).decode())


@pytest.mark.parametrize("made", [png, gif, jpeg, lossy, lossless, extended])
def test_every_kind_says_its_size(made) -> None:  # type: ignore[no-untyped-def]
    assert size_of(made(640, 480)) == (640, 480)
    assert size_of(made(640, 480), "data:image/png;base64,") == (640, 480)


def test_a_size_inside_a_jpegs_camera_data_is_not_the_pictures() -> None:
    thumbnail = jpeg(8, 8)
    before = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    assert size_of(jpeg(4000, 3000, before)) == (4000, 3000)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x89PNG",
        png(0, 5),
        png(70_000, 5),
        b"\xff\xd8",
        b"\xff\xd8\xff\xe1\x00\x00" * 3,
        b"BM" * 20,
    ],
)
def test_what_does_not_say_is_unknown(raw: bytes) -> None:
    assert size_of(raw) is None


def test_a_link_is_unknown() -> None:
    assert image_size("https://a.test/x.png") is None


@given(st.binary(max_size=200), st.sampled_from([png, gif, jpeg, lossy, lossless, extended]))
def test_no_bytes_are_fatal(tail: bytes, made) -> None:  # type: ignore[no-untyped-def]
    size_of(tail)
    raw = made(3, 3)
    for cut in range(0, len(raw), 3):
        size_of(raw[:cut] + tail)
    image_size(tail.decode("latin-1"))
