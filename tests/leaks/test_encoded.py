"""Runs that may be an encoding."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from proxy.leaks.encoded import decoded, runs_in

TEXT = st.binary(min_size=20, max_size=200)


@given(TEXT, st.sampled_from(["", "a/", "ab-", "abc_", "path/to/"]), st.booleans())
def test_base64_is_decoded_whatever_stands_before_it(
    inner: bytes, before: str, is_url: bool
) -> None:
    encode = base64.urlsafe_b64encode if is_url else base64.b64encode
    data = before.encode() + encode(inner)
    read = decoded(data, runs_in(data))
    at = read.data.find(inner)
    assert at >= 0
    start, end, encoding = read.run_at(at)
    assert encoding == "base64"
    assert (start, end) == (0, len(data))


@given(TEXT, st.booleans())
def test_hex_is_decoded(inner: bytes, is_upper: bool) -> None:
    text = inner.hex().upper() if is_upper else inner.hex()
    data = f"see {text}.".encode()
    read = decoded(data, runs_in(data))
    assert read.run_at(read.data.find(inner)) == (4, 4 + len(text), "hex")


def test_a_short_run_is_a_word() -> None:
    assert runs_in(b"a" * 23) == []
    assert runs_in(b"a" * 24) == [(0, 24)]


def test_the_letter_of_an_escape_is_not_a_part_of_a_run() -> None:
    assert runs_in(b"\\n" + b"a" * 24) == [(2, 26)]


@given(st.binary())
def test_no_run_makes_it_raise(data: bytes) -> None:
    decoded(data, runs_in(data))
