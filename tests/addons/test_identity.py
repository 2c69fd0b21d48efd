"""Identity alone: who is believed, what is taken off, and one connection's one identity."""

import base64
from typing import Any

import pytest
from mitmproxy import http

from addons.identity import Identity
from proxy.engine.facts import facts_of
from proxy.policy import PolicyBook
from proxy.refusals import Code, Refusal
from proxy.seal import HEADER, Seal
from proxy.slip import Identity as Who
from proxy.slip import Slip, Stamp
from tests.addons.slips import flow, slip
from tests.policy.texts import policy

HEADERS = {"x_org_id": "acme", "x_agent_id": "coder", "x_session_id": "s1"}
BOOK = PolicyBook(
    [policy("applies_to: {orgs: [acme]}", "for-acme"), policy("applies_to: {agents: [x]}", "for-x")]
)


def basic(user: str = "acme/coder", session: str = "s1") -> str:
    return "Basic " + base64.b64encode(f"{user}:{session}".encode()).decode()


SEAL = Seal(bytes(32))


def ask(over: http.HTTPFlow, *live: Slip, **facts: Any) -> tuple[Stamp | Refusal, Slip]:
    it = slip(**{"identity": None, "terms": None, **facts})
    known = {each.id: each for each in live}
    return Identity(BOOK, SEAL, known).depart(it, over), it


WHO = {
    # name: (headers, CONNECT's credentials, the note, strength)
    "headers": (HEADERS, [], "acme/coder s1", 4),
    "proxy credentials": ({"proxy_authorization": basic()}, [], "acme/coder s1", 3),
    "CONNECT's credentials": ({}, [basic()], "acme/coder s1", 3),
    "CONNECT's and the call's, the same": (
        {"proxy_authorization": basic()},
        [basic()],
        "acme/coder s1",
        3,
    ),
    "credentials for the org and headers for the rest": (
        {"proxy_authorization": basic("acme", ""), "x_agent_id": "coder", "x_session_id": "s1"},
        [],
        "acme/coder s1",
        4,
    ),
    "headers that narrow": (
        {"proxy_authorization": basic(), "x_agent_id": "coder/reviewer"},
        [],
        "acme/coder/reviewer s1",
        4,
    ),
    "a runtime's own headers fill what is missing": (
        {"proxy_authorization": basic("acme/coder", ""), "x_claude_code_session_id": "cc1"},
        [],
        "acme/coder cc1",
        4,
    ),
}


@pytest.mark.parametrize("case", WHO)
def test_who_asks(case):
    headers, connect, note, strength = WHO[case]
    over = flow(**headers)
    facts_of(over.client_conn).connect_credentials.extend(connect)
    verdict, it = ask(over)

    assert verdict == Stamp(note)
    assert it.identity is not None
    assert it.identity.strength == strength


def test_from_here_on_the_callers_own_terms_hold():
    _, it = ask(flow(**HEADERS))
    assert it.terms is not None
    assert [each.split(":")[1] for each in it.terms.policy_ids] == ["for-acme"]
    _, stranger = ask(flow(**HEADERS | {"x_org_id": "other"}))
    assert stranger.terms is not None
    assert stranger.terms.is_empty


NO = {
    "nothing is said": ({}, [], Code.IDENTITY_REQUIRED, "org, agent, session missing"),
    "the session is not said": (
        {"x_org_id": "acme", "x_agent_id": "coder"},
        [],
        Code.IDENTITY_REQUIRED,
        "session missing",
    ),
    "headers contradict credentials": (
        {"proxy_authorization": basic(), "x_org_id": "other"},
        [],
        Code.IDENTITY_MISMATCH,
        "another org",
    ),
    "two spellings of a header contradict": (
        HEADERS | {"x_exeat_org_id": "other"},
        [],
        Code.IDENTITY_MISMATCH,
        "two different values for org",
    ),
    "CONNECT and the call contradict": (
        {"proxy_authorization": basic(session="s2")},
        [basic()],
        Code.IDENTITY_MISMATCH,
        "different proxy credentials",
    ),
    "CONNECT says it twice": (
        HEADERS,
        [basic(), basic()],
        Code.IDENTITY_INVALID,
        "more than once",
    ),
    "credentials of another scheme": (
        {"proxy_authorization": "Bearer sk-secret"},
        [],
        Code.IDENTITY_INVALID,
        "use the Basic scheme",
    ),
    "credentials that cannot be read": (
        {"proxy_authorization": "Basic ###"},
        [],
        Code.IDENTITY_INVALID,
        "base64",
    ),
    "a header that is no name": (
        HEADERS | {"x_agent_id": "a b"},
        [],
        Code.IDENTITY_INVALID,
        "x-agent-id is not valid",
    ),
}


@pytest.mark.parametrize("case", NO)
def test_who_is_not_believed(case):
    headers, connect, code, says = NO[case]
    over = flow(**headers)
    facts_of(over.client_conn).connect_credentials.extend(connect)
    verdict, it = ask(over)

    assert isinstance(verdict, Refusal)
    assert verdict.code is code
    assert says in verdict.message
    assert "secret" not in verdict.message
    assert (it.identity, it.terms) == (None, None)


@pytest.mark.parametrize("name", [b"proxy-authorization", b"x-org-id"])
def test_a_line_that_is_sent_twice_is_refused_even_when_both_say_the_same(name):
    over = flow(**HEADERS)
    value = basic().encode() if name.startswith(b"proxy") else b"acme"
    others = tuple(field for field in over.request.headers.fields if field[0] != name)
    over.request.headers.fields = (*others, (name, value), (name.title(), value))
    verdict, _ = ask(over)

    assert isinstance(verdict, Refusal)
    assert verdict.code is Code.IDENTITY_INVALID
    assert "more than once" in verdict.message


def test_nothing_that_is_for_exeat_goes_upstream_and_the_rest_goes_unchanged():
    over = flow()
    kept = (
        (b"Accept", b"*/*"),
        (b"X-Claude-Code-Session-Id", b"cc1"),
        (b"accept", b"\xff\xfe"),
        (b"Authorization", b"Bearer sk"),
    )
    others = tuple((b"X-Other", b"%d" % number) for number in range(4))
    gone = (
        (b"X-Org-Id", b"acme"),
        (b"X-Agent-ID", b"coder"),
        (b"x-session-id", b"s1"),
        (b"X-Task-Id", b"t1"),
        (b"X-Parent-Agent-Id", b"boss"),
        (b"X-Exeat-Org-Id", b"acme"),
        (b"X-Exeat-Anything", b"1"),
        (b"Proxy-Authorization", basic().encode()),
    )
    mixed = [field for pair in zip(gone, (*kept, *others), strict=True) for field in pair]
    over.request.headers.fields = tuple(mixed)
    verdict, it = ask(over)

    assert isinstance(verdict, Stamp)
    assert over.request.headers.fields == (*kept, *others)
    assert it.identity is not None
    assert (it.identity.task, it.identity.parent) == ("t1", "boss")


def test_a_refused_call_is_stripped_too():
    over = flow(x_org_id="acme")
    ask(over)
    assert dict(over.request.headers) == {}


def test_a_connection_is_bound_to_the_credentials_it_has_presented():
    first = flow(proxy_authorization=basic())
    verdict, _ = ask(first)
    assert isinstance(verdict, Stamp)

    for headers, passes in (
        ({"proxy_authorization": basic()}, True),
        ({"proxy_authorization": basic(session="s2")}, False),
        (HEADERS, True),
    ):
        second = flow(**headers)
        second.client_conn = first.client_conn
        verdict, _ = ask(second)
        assert isinstance(verdict, Stamp) is passes
        if isinstance(verdict, Refusal):
            assert verdict.code is Code.IDENTITY_MISMATCH
            assert "open a connection for each identity" in verdict.message


def test_credentials_that_cannot_be_read_bind_nobody():
    first = flow(proxy_authorization="Basic ###")
    ask(first)
    second = flow(proxy_authorization=basic())
    second.client_conn = first.client_conn
    assert isinstance(ask(second)[0], Stamp)


def test_two_connections_are_two_callers():
    for session in ("s1", "s2"):
        over = flow(proxy_authorization=basic(session=session))
        over.client_conn = over.client_conn.copy()
        assert ask(over)[0] == Stamp(f"acme/coder {session}")


# -- delegated calls

SERVED = Who("acme", "x", "s9", task="t1", strength=1, sources={"org": "token"})


def served(**facts: Any) -> Slip:
    """A call to Exeat itself that is being answered."""
    it = slip(identity=SERVED, id="served", door="internal", cleared=True, wire="openai.chat")
    for name, value in facts.items():
        setattr(it, name, value)
    return it


def sealed(by: Seal = SEAL, **headers: str) -> http.HTTPFlow:
    return flow(**{HEADER.replace("-", "_"): by.on("served"), **headers})


def test_an_attempt_has_the_identity_of_who_delegated_it_strength_and_all():
    over = sealed(x_agent_id="somebody-else", content_type="application/json")
    answer, it = ask(over, served(), wire="mistral.chat")

    assert answer == Stamp("acme/x s9, for served")
    assert (it.identity, it.serves, it.wire) == (SERVED, "served", "openai.chat")
    assert it.terms.policy_ids == BOOK.terms("acme", "x").policy_ids
    assert dict(over.request.headers) == {"content-type": "application/json"}


FORGERIES = {
    "no such call": (sealed(), ()),
    "a call that goes elsewhere": (sealed(), (served(door="forward"),)),
    "a call that was not let through": (sealed(), (served(cleared=False),)),
    "another process's seal": (sealed(Seal(bytes(range(32)))), (served(),)),
    "an id alone": (flow(x_exeat_seal="served"), (served(),)),
}


@pytest.mark.parametrize("case", FORGERIES)
def test_whoever_shows_no_live_seal_is_nobody(case):
    over, live = FORGERIES[case]
    answer, it = ask(over, *live)

    assert isinstance(answer, Refusal)
    assert answer.code is Code.IDENTITY_REQUIRED
    assert it.identity is None
    assert HEADER not in over.request.headers


def test_what_was_delegated_cannot_be_delegated_again():
    answer, _ = ask(sealed(), served(), door="internal")

    assert isinstance(answer, Refusal)
    assert answer.code is Code.POLICY_DENIED
