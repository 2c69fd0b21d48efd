import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from proxy.ledger.canonical import INTEGER_MAX, LoneSurrogate, NotCanonical, canonical, clean

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
scalars = st.none() | st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | text
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_the_bytes_are_those_of_the_rfc8785_package(value):
    assert canonical(value) == rfc8785.dumps(value)


def test_keys_sort_by_utf16_units_not_by_code_points():
    assert canonical({"\ufffd": 1, "\U0001f600": 2}) == '{"\U0001f600":2,"\ufffd":1}'.encode()


@pytest.mark.parametrize(
    "value", [1.0, float("nan"), {"a": [0.5]}, INTEGER_MAX + 1, [-INTEGER_MAX - 1], {1: "a"}, b"x"]
)
def test_what_has_no_exact_json_form_is_refused(value):
    with pytest.raises(NotCanonical):
        canonical(value)


@pytest.mark.parametrize("value", ["\ud800", {"a": ["x\udc80"]}, {"\udfff": 1}, "😀\ud83d"])
def test_a_lone_surrogate_is_refused_by_name(value):
    with pytest.raises(LoneSurrogate):
        canonical(value)


@given(st.text(st.characters(), max_size=20))
def test_clean_text_always_has_a_canonical_form_and_clean_text_stays_as_it_is(raw):
    once = clean(raw)
    assert canonical(once)
    assert clean(once) == once
