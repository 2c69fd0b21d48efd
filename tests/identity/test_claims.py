"""What headers and proxy credentials claim, line by line."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.identity import Claims, claims_from_credentials, claims_from_headers, is_identity_header
from proxy.identity.claims import OWN_HEADERS, VENDOR_HEADERS
from proxy.refusals import Code, Refusal
from proxy.shapes import answer

ALLOWED = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:@/-")


def basic(text: str | bytes) -> str:
    raw = text.encode() if isinstance(text, str) else text
    return "Basic " + base64.b64encode(raw).decode()


def own(*fields: tuple[str, str]) -> Claims:
    found = claims_from_headers(fields)
    assert not isinstance(found, Refusal), found
    return found[0]


def vendor(*fields: tuple[str, str]) -> Claims:
    found = claims_from_headers(fields)
    assert not isinstance(found, Refusal), found
    return found[1]


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("x-org-id", "org"),
        ("x-agent-id", "agent"),
        ("x-session-id", "session"),
        ("x-task-id", "task"),
        ("x-parent-agent-id", "parent"),
        ("x-exeat-org-id", "org"),
        ("x-exeat-agent-id", "agent"),
        ("x-exeat-session-id", "session"),
        ("x-exeat-task-id", "task"),
        ("x-exeat-parent-agent-id", "parent"),
    ],
)
def test_every_spelling_of_our_headers_is_read_and_kept_from_the_upstream(header, part):
    claim = own((header, "a.b_c:d@e/f-9"))

    assert claim.parts == {part: "a.b_c:d@e/f-9"}
    assert (claim.source, claim.strength, claim.is_adapter) == ("headers", 4, False)
    assert is_identity_header(header)


def test_the_table_of_spellings_above_is_whole():
    assert len(OWN_HEADERS) == 10


@pytest.mark.parametrize(("header", "part"), VENDOR_HEADERS)
def test_what_an_agent_runtime_sends_is_read_and_goes_upstream_unchanged(header, part):
    claim = vendor((header, "v1"))

    assert claim.parts == {part: "v1"}
    assert claim.is_adapter
    assert not is_identity_header(header)


def test_twins_that_agree_are_one_claim():
    assert own(("x-org-id", "acme"), ("x-exeat-org-id", "acme")).parts == {"org": "acme"}


@pytest.mark.parametrize("part", ["org", "agent", "session", "task", "parent"])
def test_twins_that_disagree_are_a_mismatch(part):
    twins = [name for name, of in OWN_HEADERS.items() if of == part]

    refusal = claims_from_headers([(twins[0], "one"), (twins[1], "two")])

    assert isinstance(refusal, Refusal)
    assert refusal.code is Code.IDENTITY_MISMATCH
    assert part in refusal.message
    assert twins[0] in refusal.message.lower(), "it names the header to send"


@pytest.mark.parametrize("second", ["one", "two"])
@pytest.mark.parametrize("header", [*OWN_HEADERS, *(name for name, _ in VENDOR_HEADERS)])
def test_a_header_sent_twice_is_refused_even_with_equal_values(header, second):
    refusal = claims_from_headers([(header, "one"), (header, second)])

    assert isinstance(refusal, Refusal)
    assert refusal.code is Code.IDENTITY_INVALID
    assert header in refusal.message


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "a b",
        "a,b",
        "a\tb",
        "é",
        "a\x00",
        "{a}",
        "a%2Fb",
        "a;b",
        "*",
        "x" * 129,
        "a\n",
        '"a"',
    ],
)
def test_a_value_outside_the_alphabet_is_refused_and_not_repeated(value):
    refusal = claims_from_headers([("x-agent-id", value)])

    assert isinstance(refusal, Refusal)
    assert refusal.code is Code.IDENTITY_INVALID
    assert len(value) < 3 or value not in refusal.message


def test_a_value_may_have_128_characters():
    assert own(("x-agent-id", "x" * 128)).parts["agent"] == "x" * 128


def test_the_first_adapter_of_the_list_fills_a_part_in_whatever_order_they_are_sent():
    codex = [("session-id", "root"), ("thread-id", "leaf")]

    assert vendor(*codex).parts == vendor(*reversed(codex)).parts == {"session": "leaf"}


def test_opencodes_session_header_is_a_runtimes_word_and_not_ours():
    opencode = ("user-agent", "opencode/1.18.33 (linux) ai-sdk/provider-utils/4.0.40")
    fields = [opencode, ("x-session-id", "ses_1"), ("x-session-affinity", "ses_1")]

    for sent in (fields, list(reversed(fields)), fields[:2]):
        assert own(*sent).parts == {}
        assert vendor(*sent).parts == {"session": "ses_1"}
    assert own(("user-agent", "curl/8"), ("x-session-id", "s")).parts == {"session": "s"}


def test_an_adapter_with_a_value_nobody_may_have_is_passed_over():
    assert vendor(("thread-id", "not valid"), ("session-id", "s1")).parts == {"session": "s1"}


def test_headers_that_are_not_identity_claim_nothing():
    assert own(("host", "x"), ("x-org", "y"), ("authorization", "z")).parts == {}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("acme/coder:s1", {"org": "acme", "agent": "coder", "session": "s1"}),
        ("acme%2Fcoder:s1", {"org": "acme", "agent": "coder", "session": "s1"}),
        ("acme%2fcoder:s%3A1", {"org": "acme", "agent": "coder", "session": "s:1"}),
        ("acme/coder/reviewer:s1", {"org": "acme", "agent": "coder/reviewer", "session": "s1"}),
        ("acme:s1", {"org": "acme", "session": "s1"}),
        ("acme/:s1", {"org": "acme", "session": "s1"}),
        ("/coder:s1", {"agent": "coder", "session": "s1"}),
        (":s1", {"session": "s1"}),
        ("acme/coder:", {"org": "acme", "agent": "coder"}),
        ("acme/coder", {"org": "acme", "agent": "coder"}),
        ("acme/coder:s:1", {"org": "acme", "agent": "coder", "session": "s:1"}),
        (":", {}),
        ("", {}),
    ],
)
def test_proxy_credentials_are_org_and_agent_and_session_and_may_lack_any(text, parts):
    claim = claims_from_credentials(basic(text))

    assert isinstance(claim, Claims)
    assert claim.parts == parts
    assert (claim.source, claim.strength) == ("proxy credentials", 3)


def test_the_scheme_of_proxy_credentials_is_read_in_any_case():
    assert isinstance(claims_from_credentials(basic("a/b:c").replace("Basic", "bASIC")), Claims)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("", "no scheme"),
        ("Basic !!!", "not base64"),
        ("Basic YWJ", "a length that base64 has not"),
        (basic("é:s"), "not ASCII"),
        (basic(b"\xff\xfe"), "not text"),
        ("Bearer " + basic("a/b:c").partition(" ")[2], "another scheme"),
        ("Digest username=acme", "another scheme"),
        (basic("a c/b:s"), "a blank"),
        (basic("acme/coder:s%201"), "a blank, percent-encoded"),
        (basic("acme/coder:s%C3%A9"), "beyond ASCII, percent-encoded"),
        (basic("acme/coder:s%00"), "a NUL, percent-encoded"),
        (basic("acme%252Fcoder:s"), "encoded twice"),
        (basic("a/b:" + "x" * 129), "a session too long"),
        (basic("o" * 129 + "/b:c"), "an org too long"),
    ],
)
def test_proxy_credentials_that_cannot_be_read_are_refused(value, why):
    refusal = claims_from_credentials(value)

    assert isinstance(refusal, Refusal), why
    assert refusal.code is Code.IDENTITY_INVALID
    assert "HTTPS_PROXY" in refusal.message, "it says how to write them"


def test_a_refusal_never_quotes_the_credentials():
    refusal = claims_from_credentials(basic("acme/coder:hunter2 hunter2"))

    assert isinstance(refusal, Refusal)
    assert "hunter2" not in refusal.message


@pytest.mark.parametrize("wire", ["openai.chat", "openai.responses", "anthropic.messages", "http"])
def test_whatever_is_wrong_with_a_claim_is_a_403(wire):
    for refusal in (
        claims_from_headers([("x-org-id", "a"), ("x-org-id", "a")]),
        claims_from_headers([("x-org-id", "a"), ("x-exeat-org-id", "b")]),
        claims_from_credentials("nothing"),
    ):
        assert isinstance(refusal, Refusal)
        assert answer(refusal, wire=wire, user_agent="codex_exec/1", record="r").status == 403


NAMES = st.sampled_from([*OWN_HEADERS, *(name for name, _ in VENDOR_HEADERS), "host"])
VALUES = st.text(st.characters(codec="latin-1"), max_size=140) | st.sampled_from(["a", "b/c"])


@given(st.lists(st.tuples(NAMES, VALUES), max_size=6))
def test_no_headers_crash_and_no_invalid_value_survives(fields):
    found = claims_from_headers(fields)

    for claim in found if isinstance(found, tuple) else ():
        for value in claim.parts.values():
            assert 1 <= len(value) <= 128
            assert set(value) <= ALLOWED


@given(st.text(max_size=60) | st.binary(max_size=200).map(basic) | st.text(max_size=200).map(basic))
def test_no_credentials_crash_and_no_invalid_value_survives(value):
    found = claims_from_credentials(value)

    for text in found.parts.values() if isinstance(found, Claims) else ():
        assert 1 <= len(text) <= 128
        assert set(text) <= ALLOWED
