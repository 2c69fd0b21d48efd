"""Strings known letter by letter."""

import pytest

from proxy.leaks.exact import ExactStrings

KEY = "0123-abcd-4567-efgh"


@pytest.mark.parametrize("canary", ["", "short", "a" * 11, "long enough but ünlike", "line\n" * 4])
def test_a_canary_that_could_be_a_word_or_is_not_plain_is_turned_away(canary: str) -> None:
    with pytest.raises(ValueError, match="canary"):
        ExactStrings([canary], {})


def test_a_key_that_could_be_a_word_is_not_looked_for() -> None:
    assert ExactStrings([], {"openai": ["sk-1", ""]}).find(b"sk-1 is short") == []


def test_an_own_key_is_known_as_it_is_written_only() -> None:
    exact = ExactStrings([], {"a": [KEY], "b": [KEY]})
    assert [(each.kind, each.start, each.end) for each in exact.find(f"x{KEY}y".encode())] == [
        ("own-key", 1, 1 + len(KEY))
    ]
    assert exact.find(KEY.upper().encode()) == []
    assert set(exact.owners(KEY.encode())) == {"a", "b"}
    assert set(exact.owners(b"another")) == set()


def test_marks_in_a_canary_stand_for_themselves() -> None:
    exact = ExactStrings(["a.b*c(d)[e]+f|g"], {})
    assert exact.find(b"A.B*C(D)[E]+F|G")
    assert exact.find(b"axbbbcdeffffffff") == []


def test_a_canary_that_begins_another_does_not_hide_it() -> None:
    exact = ExactStrings(["canary-number-1", "canary-number-12"], {})
    (found,) = exact.find(b"canary-number-12")
    assert found.end == 16


def test_thousands_are_looked_for_at_once() -> None:
    exact = ExactStrings([f"canary-{number:020}" for number in range(3000)], {})
    assert len(exact.find(f"a canary-{7:020} and CANARY-{2999:020}".encode())) == 2
