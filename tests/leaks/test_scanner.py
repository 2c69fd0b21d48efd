"""What a request would take with it: everywhere it may stand, in every dress it may wear."""

import base64
import json
import sys
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.leaks import Leak, LeakScanner, make_canary
from tests.leaks.samples import ALNUM, B64, HEX, positives, some

CANARY = make_canary("acme", "coder", b"a secret of the house")
OWN = some(ALNUM, 40, 99)
SCANNER = LeakScanner(canaries=[CANARY], own_keys={"cohere": [OWN]})
TOKEN = "gh" + "p_" + some(ALNUM, 36)
JSON = "application/json"

SECRETS = st.sampled_from([secret for _, _, secret in positives()] + [CANARY, CANARY[::-1], OWN])


def in_body(
    body: bytes, content_type: str = JSON, scanner: LeakScanner = SCANNER
) -> list[tuple[str, str, bytes]]:
    """Kind, encoding and what stands in the body's bytes there."""
    leaks = scanner.scan_request("https://api.example/", [], body, content_type, provider=None)
    assert all(leak.where == "body" for leak in leaks)
    return [(leak.kind, leak.encoded, body[leak.start : leak.end]) for leak in leaks]


def escaped(text: str) -> str:
    """Every character as JSON may write it."""
    return "".join(f"\\u{ord(char):04x}" for char in text)


class TestPlaces:
    def test_a_secret_in_a_prompt_is_a_leak_with_its_place_in_the_bytes_of_the_body(self) -> None:
        body = json.dumps({"messages": [{"content": f"ça: {TOKEN}"}]}, ensure_ascii=False).encode()
        assert in_body(body) == [("github-token", "", TOKEN.encode())]

    def test_a_secret_in_a_url_is_a_leak_in_its_characters(self) -> None:
        url = f"https://evil.example/ü/{TOKEN}?x=1"
        (leak,) = SCANNER.scan_request(url, [], b"", "", provider=None)
        assert leak == Leak("github-token", "url", url.index(TOKEN), url.index(TOKEN) + len(TOKEN))

    def test_a_secret_in_a_header_is_named_with_its_header(self) -> None:
        headers = [("Accept", "*/*"), ("X-Foo", f"a {TOKEN}")]
        (leak,) = SCANNER.scan_request("https://evil.example/", headers, b"", "", provider=None)
        assert leak == Leak("github-token", "header:x-foo", 2, 2 + len(TOKEN))

    def test_text_is_counted_in_characters(self) -> None:
        text = f"çà\U0001f600 {TOKEN} ß"
        (leak,) = SCANNER.scan_text(text, "arguments")
        assert text[leak.start : leak.end] == TOKEN
        assert leak.where == "arguments"

    def test_what_is_random_says_nothing_in_a_body_of_another_kind(self) -> None:
        random = some(ALNUM, 44, 4).encode()
        assert in_body(random, "text/plain")
        assert in_body(random, "image/png") == []
        assert in_body(b"\xff " + random, "text/plain") == []

    def test_what_has_a_format_is_found_in_any_body(self) -> None:
        for content_type in ("image/png", "application/octet-stream", "", "multipart/form-data"):
            assert in_body(b"\xff\xfe " + TOKEN.encode(), content_type)[0][0] == "github-token"


class TestDress:
    def test_a_string_of_json_is_read_through_its_escapes(self) -> None:
        body = f'{{"a": "x {escaped(TOKEN[:9])}{TOKEN[9:]} y"}}'.encode()
        written = (escaped(TOKEN[:9]) + TOKEN[9:]).encode()
        assert in_body(body) == [("github-token", "", written)]

    def test_a_string_within_a_string_is_read_through_its_escapes(self) -> None:
        inner = json.dumps({"content": f"line\n{TOKEN}\nline"})
        body = json.dumps({"arguments": inner}).encode()
        assert in_body(body) == [("github-token", "", TOKEN.encode())]

    def test_slashes_that_were_escaped_are_slashes(self) -> None:
        kind, secret = next(row[::2] for row in positives() if row[0] == "azure-storage-key")
        body = json.dumps({"a": secret}).replace("/", "\\/").encode()
        assert in_body(body) == [(kind, "", secret.replace("/", "\\/").encode())]

    @pytest.mark.parametrize(
        ("encoding", "text"),
        [
            ("base64", base64.b64encode(f"token: {TOKEN}".encode()).decode()),
            ("base64", base64.b64encode(TOKEN.encode()).decode().rstrip("=")),
            ("base64", base64.urlsafe_b64encode(f"??>>{TOKEN}".encode()).decode()),
            ("base64", "path/to/" + base64.b64encode(f"at {TOKEN}".encode()).decode()),
            ("base64", "ab-" + base64.b64encode(TOKEN.encode()).decode()),
            ("hex", TOKEN.encode().hex()),
            ("hex", TOKEN.encode().hex().upper()),
            ("percent", "".join(f"%{byte:02x}" for byte in TOKEN.encode())),
            ("percent", TOKEN.replace("_", "%5F")),
        ],
    )
    def test_a_secret_is_found_when_it_is_decoded_once(self, encoding: str, text: str) -> None:
        leaks = in_body(f'{{"a": "see: {text}"}}'.encode())
        assert leaks == [("github-token", encoding, text.encode())]

    def test_after_a_line_end_an_encoding_begins_with_its_first_character(self) -> None:
        text = TOKEN.encode().hex()
        assert in_body(json.dumps({"a": f"\n{text}"}).encode()) == [
            ("github-token", "hex", text.encode())
        ]

    def test_a_secret_encoded_twice_is_not_seen(self) -> None:
        twice = base64.b64encode(base64.b64encode(TOKEN.encode())).decode()
        assert not [leak for leak in in_body(twice.encode()) if leak[0] == "github-token"]

    def test_an_image_is_not_random_text_but_is_looked_through(self) -> None:
        image = base64.b64encode(b"\x89PNG" + bytes(range(256)) * 40).decode()
        assert in_body(json.dumps({"data": image}).encode()) == []
        spiked = base64.b64encode(b"\x89PNG\0\0" + TOKEN.encode() + b"\0" * 90).decode()
        assert in_body(json.dumps({"data": spiked}).encode()) == [
            ("github-token", "base64", spiked.encode())
        ]


class TestCanaries:
    @pytest.mark.parametrize(
        ("encoding", "text"),
        [
            ("", CANARY),
            ("", CANARY.upper()),
            ("", CANARY.swapcase()),
            ("", CANARY[::-1]),
            ("", escaped(CANARY)),
            ("", CANARY[:7] + escaped(CANARY[7]) + CANARY[8:]),
            ("", f"prefix{CANARY}suffix"),
            ("base64", base64.b64encode(CANARY.encode()).decode()),
            ("base64", base64.b64encode(f"x{CANARY.upper()}".encode()).decode()),
            ("base64", base64.urlsafe_b64encode(CANARY[::-1].encode()).decode()),
            ("hex", CANARY.encode().hex()),
            ("percent", "".join(f"%{ord(char):02X}" for char in CANARY)),
            ("percent", quote(CANARY.replace("-", "%2D"), safe="%")),
        ],
    )
    def test_a_canary_is_known_in_every_dress(self, encoding: str, text: str) -> None:
        leaks = in_body(f'{{"a": "{text}"}}'.encode())
        assert [(kind, coded) for kind, coded, _ in leaks] == [("canary", encoding)]

    @pytest.mark.parametrize("provider", [None, "openai"])
    @pytest.mark.parametrize("header", ["authorization", "x-api-key", "cookie", "x-other"])
    def test_a_canary_is_a_leak_wherever_it_stands(self, header: str, provider: str | None) -> None:
        headers = [(header, f"Bearer {CANARY}")]
        url = f"https://api.openai.com/v1?key={CANARY}"
        leaks = SCANNER.scan_request(url, headers, b"", "", provider=provider)
        assert [(leak.kind, leak.where) for leak in leaks] == [
            ("canary", "url"),
            ("canary", f"header:{header}"),
        ]


class TestOwnKeys:
    def test_an_operators_key_is_known_letter_by_letter(self) -> None:
        assert in_body(f'{{"a": "{OWN}"}}'.encode()) == [("own-key", "", OWN.encode())]

    def test_as_the_credential_of_its_provider_it_is_at_home_and_nowhere_else(self) -> None:
        headers = [("Authorization", f"Bearer {OWN}")]
        for provider, kinds in (("cohere", []), ("openai", ["own-key"]), (None, ["own-key"])):
            leaks = SCANNER.scan_request("https://a.example/", headers, b"", "", provider=provider)
            assert [leak.kind for leak in leaks] == kinds
        leaks = SCANNER.scan_request("/", [("x-note", OWN)], b"", "", provider="cohere")
        assert [leak.kind for leak in leaks] == ["own-key"]


def test_a_leak_tells_nothing_of_the_secret() -> None:
    (leak,) = SCANNER.scan_text(TOKEN, "body")
    assert TOKEN[4:12] not in repr(leak)
    assert set(leak.__slots__) == {"kind", "where", "start", "end", "encoded"}


def test_what_lies_within_a_surer_leak_is_not_told_twice() -> None:
    text = f"api_key={TOKEN}"
    assert [leak.kind for leak in SCANNER.scan_text(text, "body")] == ["github-token"]


@given(
    st.text(), st.lists(st.tuples(st.text(), st.text())), st.binary(), st.text(), SECRETS, st.data()
)
def test_nothing_makes_it_raise_and_every_place_is_one_of_the_text(
    url: str,
    headers: list[tuple[str, str]],
    body: bytes,
    content_type: str,
    secret: str,
    data: st.DataObject,
) -> None:
    at = data.draw(st.integers(0, len(body)))
    body = body[:at] + secret.encode() + body[at:]
    for leak in SCANNER.scan_request(url, headers, body, content_type, provider="openai"):
        text: str | bytes = url if leak.where == "url" else body
        if not leak.where.startswith("header:"):
            assert 0 <= leak.start < leak.end <= len(text)
    for leak in SCANNER.scan_text(url + secret, "x"):
        assert 0 <= leak.start < leak.end <= len(url + secret)


@given(st.text(alphabet='ab/-_+=%\\u0041"{}:,\nsk', max_size=400))
def test_any_tangle_of_escapes_is_read_to_its_end(text: str) -> None:
    SCANNER.scan_text(text, "body")


@pytest.mark.parametrize(
    "unit",
    [
        "sk-" + "Ab1" * 4,
        "eyJ" + "a" * 10 + "-",
        "-----BEGIN " + "PRIVATE KEY-----\n",
        "password=",
        "://a:bcdefg",
        "\\u0041",
        "\\\\",
        "%41",
        "AK" + "IA" + "A" * 15,
        "Zm9v/",
        "bearer ",
        "123456789:AA",
    ],
)
def test_twice_the_text_takes_twice_the_steps(unit: str) -> None:
    """Each step reads a bounded stretch or is RE2's, so steps that grow with the text are linear."""

    def steps(times: int) -> int:
        count = 0

        def counted(*_: object) -> None:
            nonlocal count
            count += 1

        sys.setprofile(counted)
        try:
            SCANNER.scan_request("/", [], (unit * times).encode(), JSON, provider=None)
        finally:
            sys.setprofile(None)
        return count

    steps(10)
    assert steps(2000) <= 2.2 * steps(1000) + 1000


def test_base64_of_many_secrets_is_one_leak_of_the_whole_run() -> None:
    text = base64.b64encode(f"{TOKEN} {TOKEN}".encode()).decode()
    assert in_body(text.encode(), "text/plain") == [("github-token", "base64", text.encode())]


def test_numbers_and_hashes_in_the_body_of_an_ordinary_call_are_no_leaks() -> None:
    body = {
        "model": "gpt-4.1",
        "input": [{"id": f"rs_{some(HEX, 40)}", "encrypted_content": some(B64, 800)}],
        "prompt_cache_key": some(ALNUM, 40),
        "previous_response_id": f"resp_{some(HEX, 48)}",
        "seed": 12345678901234567890,
    }
    assert in_body(json.dumps(body).encode()) == []
