"""Secrets taken out: JSON stays JSON, and nothing else changes."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.leaks import Leak, LeakScanner, make_canary
from tests.leaks.samples import ALNUM, pem, positives, some

CANARY = make_canary("acme", "coder", b"a secret of the house")
SCANNER = LeakScanner(canaries=[CANARY])
TOKEN = "gh" + "p_" + some(ALNUM, 36)
BY_NAME = ("assigned-secret", "url-password")
SECRETS = [secret for kind, _, secret in positives() if kind not in BY_NAME] + [CANARY]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def redacted(body: bytes, scanner: LeakScanner = SCANNER) -> bytes:
    leaks = scanner.scan_request("/", [], body, "application/json", provider=None)
    return scanner.redact(body, leaks)


def test_a_leak_is_replaced_by_its_kind_and_everything_else_stays() -> None:
    body = f'{{ "a":  "x {TOKEN} \\u00e7 y" , "n": 1.50 }}'.encode()
    assert redacted(body) == b'{ "a":  "x [redacted:github-token] \\u00e7 y" , "n": 1.50 }'


def test_a_body_without_leaks_is_the_same() -> None:
    body = b'{"a": "b"}'
    assert redacted(body) is body


def test_leaks_of_other_places_change_no_body() -> None:
    assert SCANNER.redact(b"abcdef", [Leak("jwt", "url", 0, 3)]) == b"abcdef"


def test_text_that_is_no_json_is_redacted_where_it_stands() -> None:
    assert redacted(f"a={TOKEN}&b=1".encode()) == b"a=[redacted:github-token]&b=1"


def test_a_key_of_an_object_is_redacted_like_a_string() -> None:
    assert redacted(f'{{"{TOKEN}": 1}}'.encode()) == b'{"[redacted:github-token]": 1}'


def test_a_secret_in_escapes_goes_with_all_its_escapes() -> None:
    written = "".join(f"\\u{ord(char):04x}" for char in TOKEN)
    assert redacted(f'["\\n{written}\\n"]'.encode()) == b'["\\n[redacted:github-token]\\n"]'


def test_an_encoding_goes_as_a_whole() -> None:
    text = base64.b64encode(f"token: {TOKEN} or so".encode()).decode()
    assert redacted(f'["see {text}"]'.encode()) == b'["see [redacted:github-token]"]'


def test_a_private_key_in_an_array_of_lines_leaves_an_array_of_strings() -> None:
    body = json.dumps(pem("PRIVATE KEY").split("\n")).encode()
    assert set(json.loads(redacted(body))) == {"[redacted:private-key]"}


def test_a_number_that_spells_a_secret_becomes_a_string() -> None:
    scanner = LeakScanner(canaries=["0123456789" * 2])
    assert redacted(b'{"a": 9' + b"0123456789" * 2 + b"}", scanner) == (
        b'{"a": "[redacted:canary]"}'
    )


def test_a_cut_escape_goes_whole() -> None:
    body = b'["ab\\"cd"]'
    assert SCANNER.redact(body, [Leak("jwt", "body", 2, 5)]) == b'["[redacted:jwt]cd"]'
    assert SCANNER.redact(body, [Leak("jwt", "body", 5, 8)]) == b'["ab[redacted:jwt]"]'


def test_leaks_that_overlap_are_one_by_the_surest_kind() -> None:
    leaks = [Leak("high-entropy", "body", 0, 4), Leak("canary", "body", 2, 6)]
    assert SCANNER.redact(b"abcdefgh", leaks) == b"[redacted:canary]gh"


@given(JSON, st.sampled_from(SECRETS), st.booleans())
def test_json_stays_json_with_the_same_shape(value: Any, secret: str, is_ascii: bool) -> None:
    body = json.dumps(
        {"before": value, "text": f"\n{secret}\n", "after": value}, ensure_ascii=is_ascii
    ).encode("utf-8", "surrogatepass")
    after = redacted(body)
    text = json.loads(after.decode("utf-8", "surrogatepass"))["text"]
    assert "[redacted:" in text
    assert secret not in after.decode("utf-8", "surrogatepass")
    assert SCANNER.redact(after, []) is after


@given(JSON, st.data())
def test_whatever_is_called_a_leak_json_stays_json_and_the_rest_stays(
    value: Any, data: st.DataObject
) -> None:
    body = json.dumps(value).encode()
    places = st.integers(0, len(body))
    spans = data.draw(st.lists(st.tuples(places, places), max_size=6))
    leaks = [Leak("jwt", "body", min(span), max(span)) for span in spans]
    after = SCANNER.redact(body, leaks)
    json.loads(after)
    kept = after.replace(b'"[redacted:jwt]"', b"\0").replace(b"[redacted:jwt]", b"\0").split(b"\0")
    at = 0
    for piece in kept:
        found = body.find(piece, at)
        assert found >= 0
        at = found + len(piece)


@pytest.mark.parametrize("body", [b"[" * 100_000, b"9" * 5000, b'["' + b"\\" * 999, b"\xff\x00"])
def test_no_body_makes_it_raise(body: bytes) -> None:
    assert (
        b"redacted" in SCANNER.redact(body, [Leak("jwt", "body", 0, len(body))]) or body[:1] == b"["
    )


def test_a_number_of_more_digits_than_python_reads_is_json() -> None:
    assert SCANNER.redact(b"[" + b"9" * 9000 + b"]", [Leak("jwt", "body", 5, 9)]) == (
        b'["[redacted:jwt]"]'
    )
