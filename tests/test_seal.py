"""A seal is made here or nowhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.seal import Seal

OURS = Seal(bytes(range(32)))
ID = "019a8f00-0000-7000-8000-000000000001"


def test_a_seal_names_its_slip():
    assert OURS.read(OURS.on(ID)) == ID


@pytest.mark.parametrize(
    "text",
    ["", ".", ID, f"{ID}.", f"{ID}.{'0' * 64}", f".{OURS.on(ID)}", OURS.on(ID) + "0", "ü.ü"],
)
def test_what_is_not_ours_names_nobody(text):
    assert OURS.read(text) is None


def test_another_processs_seal_is_not_ours():
    assert OURS.read(Seal(bytes(32)).on(ID)) is None


@given(st.text(max_size=80))
def test_no_text_passes_for_a_seal(text):
    assert OURS.read(text) is None


def test_a_short_key_is_no_key():
    with pytest.raises(ValueError, match="32"):
        Seal(b"short")
