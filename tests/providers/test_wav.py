"""How long an audio file can last."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.providers.wav import BYTES_PER_SECOND_MIN, SECONDS_MIN, length_of
from tests.providers.bodies import wav


@given(
    st.integers(0, 2_000_000),
    st.sampled_from([8_000, 16_000, 44_100, 192_000]),
    st.integers(1, 8),
    st.sampled_from([8, 16, 24, 32]),
)
def test_a_wav_file_never_lasts_longer_than_its_bound(
    size: int, rate: int, channels: int, bits: int
) -> None:
    length = length_of(wav(size, rate=rate, channels=channels, bits=bits))
    assert length.is_bound
    assert length.seconds * rate * channels * bits // 8 >= size


def test_a_decoder_that_finds_other_audio_in_the_samples_is_covered() -> None:
    assert length_of(wav(1_000_000)).seconds >= 1_000_000 / BYTES_PER_SECOND_MIN


def test_the_shortest_file_is_billed_like_groq_does() -> None:
    assert length_of(wav(0)).seconds == length_of(b"").seconds == SECONDS_MIN


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"ID3 an mp3",
        wav(100)[:40],
        wav(100, rate=4_000),
        wav(100, channels=9),
        wav(100, bits=12),
        wav(100).replace(b"fmt ", b"JUNK"),
        wav(100)[:20] + b"\x55\0" + wav(100)[22:],
        wav(100)[:28] + b"\1\0\0\0" + wav(100)[32:],
    ],
)
def test_any_other_file_has_no_bound(data: bytes) -> None:
    assert not length_of(data).is_bound


@given(st.binary(max_size=80))
def test_no_bytes_raise(tail: bytes) -> None:
    assert length_of(b"RIFF\0\0\0\0WAVEfmt " + tail).seconds >= SECONDS_MIN
