"""Credentials alone: whose key goes where."""

import pytest

from addons.credentials import Credentials
from proxy.providers.recognise import Free, Known, NeedsShape, NotModel, Unsupported
from proxy.slip import Destination, Stamp
from tests.addons.slips import ANTHROPIC, ELSEWHERE, OPENAI, flow, slip

KEYS = {"openai": "sk-real", "anthropic": "sk-ant-real"}
SENT = {"authorization": "Bearer sk-dummy", "x_api_key": "sk-dummy"}
CHAT = Known("openai", "openai.chat")
MESSAGES = Known("anthropic", "anthropic.messages")
OWN = "the caller's own"

TABLE = {
    # name: (destination, what it is, keys, the note, headers after)
    "OpenAI's key goes into authorization, and nothing of the agent's rides along": (
        (OPENAI, CHAT, KEYS),
        ("the operator's key for openai", {"authorization": "Bearer sk-real"}),
    ),
    "Anthropic's key goes into x-api-key": (
        (ANTHROPIC, MESSAGES, KEYS),
        ("the operator's key for anthropic", {"x-api-key": "sk-ant-real"}),
    ),
    "what is not billed needs the key too": (
        (OPENAI, Free("openai", "models"), KEYS),
        ("the operator's key for openai", {"authorization": "Bearer sk-real"}),
    ),
    "without the operator's key the agent's own goes": (
        (OPENAI, CHAT, {"anthropic": "sk-ant-real"}),
        (OWN, {"authorization": "Bearer sk-dummy", "x-api-key": "sk-dummy"}),
    ),
    "no keys at all": (
        (ANTHROPIC, MESSAGES, {}),
        (OWN, {"authorization": "Bearer sk-dummy", "x-api-key": "sk-dummy"}),
    ),
    **{
        f"another host gets no key: {type(seen).__name__}": (
            (ELSEWHERE, seen, KEYS),
            (OWN, {"authorization": "Bearer sk-dummy", "x-api-key": "sk-dummy"}),
        )
        for seen in (NotModel(), NeedsShape(), Unsupported("groq", "provider_unsupported"), None)
    },
    "an unmetered path of a provider gets no key": (
        (OPENAI, Unsupported("openai", "path_unsupported"), KEYS),
        (OWN, {"authorization": "Bearer sk-dummy", "x-api-key": "sk-dummy"}),
    ),
    "a call to Exeat itself gets none": (
        (Destination("http", "exeat.internal", 80), None, KEYS),
        (OWN, {"authorization": "Bearer sk-dummy", "x-api-key": "sk-dummy"}),
    ),
}


@pytest.mark.parametrize("case", TABLE)
def test_with_whose_key(case):
    (to, seen, keys), (note, headers) = TABLE[case]
    over = flow(**SENT)

    assert Credentials(keys).depart(slip(to, recognised=seen), over) == Stamp(note)
    assert dict(over.request.headers) == headers


def test_an_agent_without_a_key_is_given_one():
    over = flow()
    Credentials(KEYS).depart(slip(OPENAI, recognised=CHAT), over)
    assert over.request.headers["authorization"] == "Bearer sk-real"


def test_two_lines_of_a_header_are_both_replaced():
    over = flow()
    over.request.headers.fields = (
        (b"Authorization", b"Bearer one"),
        (b"authorization", b"Bearer two"),
        (b"X-API-Key", b"three"),
    )
    Credentials(KEYS).depart(slip(OPENAI, recognised=CHAT), over)
    assert over.request.headers.fields == ((b"authorization", b"Bearer sk-real"),)


def test_rule_8_the_key_is_in_no_note():
    verdict = Credentials(KEYS).depart(slip(OPENAI, recognised=CHAT), flow())
    assert isinstance(verdict, Stamp)
    assert "sk-" not in verdict.note


def test_a_key_for_nobody_is_an_error_at_start_that_names_the_providers_and_not_the_key():
    with pytest.raises(ValueError) as raised:
        Credentials({"opnai": "sk-real"})
    text = str(raised.value)
    assert text == "credentials.opnai: no such provider; there are anthropic, openai"
