"""Credentials alone: whose key goes where."""

import pytest

from addons.credentials import Credentials
from proxy.providers.recognise import Free, Known, NeedsShape, NotModel, Unsupported
from proxy.refusals import Code, Refusal
from proxy.seal import HEADER, Seal
from proxy.slip import Destination, Stamp
from tests.addons.slips import ANTHROPIC, ELSEWHERE, OPENAI, flow, slip

SEAL = Seal(bytes(32))
KEYS = {"openai": "sk-real", "anthropic": "sk-ant-real"}
ALL = dict.fromkeys(("google", "azure", "aws", "cohere", "mistral", "groq", "x-ai"), "real")
ALL |= dict.fromkeys(("openrouter", "huggingface", "ollama", "deepseek"), "real")
BEARER = {"authorization": "Bearer real"}
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
}


@pytest.mark.parametrize("case", TABLE)
def test_with_whose_key(case):
    (to, seen, keys), (note, headers) = TABLE[case]
    over = flow(**SENT)

    assert Credentials(keys, SEAL).depart(slip(to, recognised=seen), over) == Stamp(note)
    assert dict(over.request.headers) == headers


def test_a_call_to_exeat_itself_bears_a_seal_and_no_key_of_the_agents():
    to = Destination("http", "exeat.internal", 80)
    over = flow(**SENT, x_exeat_seal="forged")
    it = slip(to, door="internal")

    assert Credentials(KEYS, SEAL).depart(it, over) == Stamp("Exeat's own seal")
    assert dict(over.request.headers) == {HEADER: SEAL.on(it.id)}


def at(host: str, port: int = 443) -> Destination:
    return Destination("https" if port == 443 else "http", host, port)


GENERATE = Known("google", "gemini.generate")
CONVERSE = Known("aws", "bedrock.converse")
EVERYWHERE = {
    "x_api_key": "a",
    "authorization": "b",
    "api_key": "c",
    "x_goog_api_key": "d",
    "x_amz_security_token": "e",
}
PROVIDERS = {
    # name: (destination, what it is, path, headers after)
    "Gemini": (
        (at("generativelanguage.googleapis.com"), GENERATE, "/v1beta/models/m:generateContent"),
        {"x-goog-api-key": "real"},
    ),
    "Gemini in OpenAI's language": (
        (
            at("generativelanguage.googleapis.com"),
            Known("google", "openai.chat"),
            "/v1beta/openai/chat/completions",
        ),
        BEARER,
    ),
    "Azure": (
        (
            at("acme.openai.azure.com"),
            Known("azure", "openai.chat"),
            "/openai/deployments/d/chat/completions",
        ),
        {"api-key": "real"},
    ),
    "Claude on Azure": (
        (
            at("acme.services.ai.azure.com"),
            Known("azure", "anthropic.messages"),
            "/anthropic/v1/messages",
        ),
        {"x-api-key": "real"},
    ),
    "Bedrock": (
        (at("bedrock-runtime.us-east-1.amazonaws.com"), CONVERSE, "/model/m/converse"),
        BEARER,
    ),
    "Cohere": ((at("api.cohere.com"), Known("cohere", "cohere.chat"), "/v2/chat"), BEARER),
    "Mistral": ((at("api.mistral.ai"), Known("mistral", "openai.chat"), "/v1/x"), BEARER),
    "Groq": ((at("api.groq.com"), Known("groq", "openai.chat"), "/openai/v1/x"), BEARER),
    "xAI": ((at("api.x.ai"), Known("x-ai", "openai.chat"), "/v1/x"), BEARER),
    "DeepSeek": ((at("api.deepseek.com"), Known("deepseek", "openai.chat"), "/x"), BEARER),
    "OpenRouter": ((at("openrouter.ai"), Known("openrouter", "openai.chat"), "/api/v1/x"), BEARER),
    "Hugging Face, whomever it routes to": (
        (at("router.huggingface.co"), Known("huggingface_groq", "openai.chat"), "/groq/v1/x"),
        BEARER,
    ),
    "Ollama's cloud": ((at("ollama.com"), Known("ollama", "ollama.chat"), "/api/chat"), BEARER),
    "a gateway that the operator calls Gemini": (
        (at("gateway.test"), GENERATE, "/v1beta/models/m:generateContent"),
        {"x-goog-api-key": "real"},
    ),
}


@pytest.mark.parametrize("case", PROVIDERS)
def test_every_provider_gets_the_key_where_it_looks_for_it_and_nothing_of_the_agents(case):
    (to, seen, path), headers = PROVIDERS[case]
    over = flow(**EVERYWHERE)
    verdict = Credentials(ALL, SEAL).depart(slip(to, recognised=seen, path=path), over)
    assert isinstance(verdict, Stamp)
    assert verdict.note.startswith("the operator's key for ")
    assert dict(over.request.headers) == headers


@pytest.mark.parametrize(
    ("to", "seen", "path"),
    [
        (at("us-central1-aiplatform.googleapis.com"), GENERATE, "/v1/projects/p"),
        (at("cloudcode-pa.googleapis.com"), GENERATE, "/v1internal:generateContent"),
        (at("127.0.0.1", 11434), Known("ollama", "ollama.chat"), "/api/chat"),
        (at("api.githubcopilot.com"), Known("github-copilot", "openai.chat"), "/chat/completions"),
    ],
)
def test_a_host_that_takes_no_key_gets_what_the_caller_sent(to, seen, path):
    over = flow(authorization="Bearer own")
    verdict = Credentials(ALL, SEAL).depart(slip(to, recognised=seen, path=path), over)
    assert verdict == Stamp(OWN)
    assert dict(over.request.headers) == {"authorization": "Bearer own"}


@pytest.mark.parametrize(
    ("sent", "left"),
    [
        ("/v1beta/models/m:streamGenerateContent?key=k&alt=sse", "?alt=sse"),
        ("/v1beta/models/m:streamGenerateContent?alt=sse&key=k", "?alt=sse"),
        ("/v1beta/models/m:streamGenerateContent?key=k", ""),
        ("/v1beta/models/m:streamGenerateContent?a=%20b&monkey=1", "?a=%20b&monkey=1"),
        ("/v1beta/models/m:streamGenerateContent", ""),
    ],
)
def test_a_key_in_geminis_query_is_taken_out_and_the_rest_stays_as_it_is(sent, left):
    over = flow()
    it = slip(at("generativelanguage.googleapis.com"), recognised=GENERATE, path=sent)
    over.request.path = sent
    Credentials(ALL, SEAL).depart(it, over)
    assert it.path == over.request.path == "/v1beta/models/m:streamGenerateContent" + left


SIGNED = "AWS4-HMAC-SHA256 Credential=AKIA/20261121/us-east-1/bedrock/aws4_request, Signature=0"


def test_a_signed_call_in_a_tunnel_passes_as_it_is():
    over = flow(authorization=SIGNED, x_amz_security_token="t")
    to = at("bedrock-runtime.us-east-1.amazonaws.com")
    verdict = Credentials(KEYS, SEAL).depart(slip(to, recognised=CONVERSE), over)
    assert verdict == Stamp(OWN)
    assert dict(over.request.headers) == {
        "authorization": SIGNED,
        "x-amz-security-token": "t",
    }


def test_a_call_signed_for_our_own_address_is_refused_and_says_what_to_do():
    over = flow(authorization=SIGNED)
    to = at("bedrock-runtime.us-east-1.amazonaws.com")
    verdict = Credentials(KEYS, SEAL).depart(slip(to, recognised=CONVERSE, door="base_url"), over)
    assert isinstance(verdict, Refusal)
    assert verdict.code is Code.SIGNATURE_BROKEN
    assert "Call by HTTPS_PROXY" in verdict.message


def test_the_operators_key_replaces_a_signature_by_either_door():
    for door in ("base_url", "tunnel"):
        over = flow(authorization=SIGNED, x_amz_security_token="t")
        to = at("bedrock-runtime.us-east-1.amazonaws.com")
        Credentials(ALL, SEAL).depart(slip(to, recognised=CONVERSE, door=door), over)
        assert dict(over.request.headers) == BEARER


def test_an_agent_without_a_key_is_given_one():
    over = flow()
    Credentials(KEYS, SEAL).depart(slip(OPENAI, recognised=CHAT), over)
    assert over.request.headers["authorization"] == "Bearer sk-real"


def test_two_lines_of_a_header_are_both_replaced():
    over = flow()
    over.request.headers.fields = (
        (b"Authorization", b"Bearer one"),
        (b"authorization", b"Bearer two"),
        (b"X-API-Key", b"three"),
    )
    Credentials(KEYS, SEAL).depart(slip(OPENAI, recognised=CHAT), over)
    assert over.request.headers.fields == ((b"authorization", b"Bearer sk-real"),)


def test_rule_8_the_key_is_in_no_note():
    verdict = Credentials(KEYS, SEAL).depart(slip(OPENAI, recognised=CHAT), flow())
    assert isinstance(verdict, Stamp)
    assert "sk-" not in verdict.note


def test_a_key_for_nobody_is_an_error_at_start_that_names_the_providers_and_not_the_key():
    with pytest.raises(ValueError) as raised:
        Credentials({"opnai": "sk-real"}, SEAL)
    text = str(raised.value)
    assert text.startswith("credentials.opnai: no such provider; there are anthropic, ")
    assert " openai, " in text
    assert "sk-real" not in text
