"""A text through its escapes, and the way back."""

import json

from hypothesis import given
from hypothesis import strategies as st

from proxy.leaks.unescaping import View, through_json, through_percent


def test_only_printable_ascii_and_slashes_are_undone() -> None:
    assert through_json(rb"\u0041\/\n\"\u00e7\u000a\\u0042").data == rb"A/\n\"\u00e7\u000aB"
    assert through_percent(b"%41%2f%0a%e7%").data == b"A/%0a%e7%"


def test_a_text_without_escapes_is_itself() -> None:
    data = b"plain \\n text"
    assert through_json(data).data is data
    assert through_percent(data).data is data


def test_a_stretch_goes_back_to_whole_escapes() -> None:
    view = through_json(rb"ab\u0041cd\/e")
    assert view.data == b"abAcd/e"
    assert view.origin(2, 3) == (2, 8)
    assert view.origin(3, 5) == (8, 10)
    assert view.origin(0, 7) == (0, 13)
    assert view.touches(2, 3)
    assert not view.touches(3, 5)


PIECES = st.lists(st.tuples(st.sampled_from("abcXYZ/-"), st.booleans()), min_size=1)


@given(PIECES, st.data())
def test_every_stretch_comes_from_what_reads_as_it(
    pieces: list[tuple[str, bool]], data: st.DataObject
) -> None:
    written = "".join(f"\\u{ord(char):04x}" if is_escaped else char for char, is_escaped in pieces)
    view: View = through_json(written.encode())
    assert view.data.decode() == "".join(char for char, _ in pieces)
    start = data.draw(st.integers(0, len(pieces) - 1))
    end = data.draw(st.integers(start + 1, len(pieces)))
    first, last = view.origin(start, end)
    assert json.loads(f'"{written[first:last]}"') == view.data[start:end].decode()
    assert view.touches(start, end) == any(is_escaped for _, is_escaped in pieces[start:end])
