"""Rule 7: a refusal is one that its client understands and does not repeat (standards.md 6.8.1b)."""

import json
from collections.abc import Callable
from typing import Any

import anthropic
import httpx
import httpx2
import openai
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.refusals import KINDS, Code, Kind, Refusal
from proxy.shapes import Answer, answer

WIRES = (
    "openai.chat",
    "openai.responses",
    "openai.embeddings",
    "openai.other",
    "anthropic.messages",
    "anthropic.count_tokens",
    "anthropic.other",
    "http",
)
OPENAI, ANTHROPIC = "OpenAI/Python 3.52.0", "Anthropic/Python 2.11.0"
CLAUDE, CODEX = "claude-cli/2.1.329 (external, sdk-cli)", "codex_exec/0.169.0 (Debian 13)"
CLIENTS = (OPENAI, ANTHROPIC, CLAUDE, CODEX, "curl/8.14", "git/2.47", "")
DECISIONS = [code for code, kind in KINDS.items() if kind != "fault"]


def refused(code: Code, wire: str, client: str = "", **more) -> Answer:
    refusal = Refusal(code, "What is wrong. What to do.", rule="p/egress.default", **more)
    return answer(refusal, wire=wire, user_agent=client, record="0192-record")


def headers_of(found: Answer) -> dict[str, str]:
    assert len({name for name, _ in found.headers}) == len(found.headers)
    return dict(found.headers)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("code", DECISIONS)
def test_rule_7_no_decision_wears_a_status_that_clients_repeat_or_take_for_success(code, wire):
    for client in CLIENTS:
        status = refused(code, wire, client).status

        assert 400 <= status < 500
        assert status not in (401, 404, 408, 409, 425)


IDENTITY, REQUEST, POLICY, BUDGET, RATE, FAULT = (
    Code.IDENTITY_REQUIRED,
    Code.BAD_REQUEST,
    Code.HOST_NOT_ALLOWED,
    Code.BUDGET_EXCEEDED,
    Code.RATE_LIMITED,
    Code.GOVERNANCE_UNAVAILABLE,
)


@pytest.mark.parametrize(
    ("code", "wire", "client", "status"),
    [
        *((IDENTITY, wire, client, 403) for wire in WIRES for client in CLIENTS),
        *((REQUEST, wire, client, 400) for wire in WIRES for client in CLIENTS),
        *((RATE, wire, client, 429) for wire in WIRES for client in CLIENTS),
        *((FAULT, wire, client, 503) for wire in WIRES for client in CLIENTS),
        (Code.BODY_TOO_LARGE, "openai.chat", OPENAI, 413),
        (Code.HEADERS_TOO_LARGE, "http", "", 431),
        (POLICY, "openai.chat", OPENAI, 403),
        (POLICY, "openai.embeddings", OPENAI, 403),
        (POLICY, "openai.responses", OPENAI, 400),
        (POLICY, "openai.responses", CODEX, 400),
        (POLICY, "openai.other", CODEX, 400),
        (POLICY, "openai.chat", CODEX, 400),
        (POLICY, "anthropic.messages", ANTHROPIC, 403),
        (POLICY, "anthropic.messages", CLAUDE, 451),
        (POLICY, "anthropic.count_tokens", CLAUDE, 451),
        (POLICY, "http", CLAUDE, 403),
        (POLICY, "http", "curl/8.14", 403),
        (POLICY, "http", "", 403),
        *((BUDGET, wire, client, 429) for wire in WIRES[:4] for client in CLIENTS),
        *((BUDGET, wire, client, 402) for wire in WIRES[4:7] for client in CLIENTS),
        (BUDGET, "http", "curl/8.14", 403),
    ],
)  # fmt: skip
def test_the_status_is_chosen_by_wire_and_client_and_kind(code, wire, client, status):
    assert refused(code, wire, client).status == status


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("code", list(Code))
def test_every_refusal_says_what_it_is_and_where_it_is_on_file(code, wire):
    found = refused(code, wire)
    headers = headers_of(found)

    assert headers["x-exeat-record"] == "0192-record"
    assert headers["x-exeat-decision"] == headers["x-deny-reason"] == code.value
    assert headers["cache-control"] == "no-store"
    machine = json.loads(found.body)
    machine = machine["exeat"] if wire == "http" else machine["error"]["exeat"]
    assert machine["code"] == code.value
    assert machine["rule"] == "p/egress.default"


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("code", list(Code))
def test_only_a_rate_limit_may_be_repeated(code, wire):
    may_repeat = headers_of(refused(code, wire))["x-should-retry"]

    assert may_repeat == ("true" if KINDS[code] == "rate" else "false")


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("code", list(Code))
def test_only_rate_limits_faults_and_what_a_person_decides_say_when_to_come_back(code, wire):
    headers = headers_of(refused(code, wire, retry_after_s=7))

    is_asked = wire == "http" and code is Code.APPROVAL_PENDING
    expected = "7" if KINDS[code] in ("rate", "fault") or is_asked else None
    assert headers.get("retry-after") == expected


def test_codex_would_sleep_on_a_budget_that_names_its_reset():
    headers = headers_of(refused(BUDGET, "openai.responses", CODEX, retry_after_s=3600))

    assert "retry-after" not in headers


def test_the_facts_of_a_budget_reach_the_machine():
    facts = {"required": 5, "remaining": 3, "resets_at": 1_795_000_000}

    body = json.loads(refused(BUDGET, "openai.chat", facts=facts).body)
    assert body["error"]["exeat"] == {
        "code": "budget_exceeded",
        "rule": "p/egress.default",
        **facts,
    }


def test_text_beyond_ascii_is_utf_8():
    refusal = Refusal(POLICY, "„Grüße“ ✓")

    for wire in WIRES:
        assert "„Grüße“ ✓" in answer(refusal, wire=wire, user_agent="", record="r").body.decode()


@pytest.mark.parametrize("code", list(Code))
def test_other_traffic_gets_problem_details(code):
    found = refused(code, "http")

    body = json.loads(found.body)
    assert headers_of(found)["content-type"] == "application/problem+json"
    assert body["status"] == found.status
    assert body["type"] == f"urn:exeat:refusal:{code.value}"
    assert body["detail"] == "What is wrong. What to do."
    assert body["instance"] == "urn:exeat:record:0192-record"


OPENAI_TYPES: dict[Kind, str] = {
    "identity": "permission_error",
    "request": "invalid_request_error",
    "policy": "permission_error",
    "budget": "insufficient_quota",
    "rate": "rate_limit_error",
    "fault": "server_error",
}


@pytest.mark.parametrize("code", list(Code))
def test_the_openai_shape_is_the_providers_own(code):
    error = json.loads(refused(code, "openai.chat").body)["error"]

    assert error["type"] == OPENAI_TYPES[KINDS[code]]
    assert error["code"] == ("insufficient_quota" if code is BUDGET else code.value)
    assert error["param"] is None


ANTHROPIC_TYPES = OPENAI_TYPES | {"budget": "billing_error", "fault": "api_error"}


@pytest.mark.parametrize("code", list(Code))
def test_the_anthropic_shape_is_the_providers_own(code):
    body = json.loads(refused(code, "anthropic.messages").body)

    special = {Code.BODY_TOO_LARGE: "request_too_large"}
    assert body["type"] == "error"
    assert body["request_id"] == "0192-record"
    assert body["error"]["type"] == special.get(code, ANTHROPIC_TYPES[KINDS[code]])


def _transport(found: Answer, library: Any) -> tuple[Any, list[Any]]:
    seen: list[Any] = []

    def respond(request: Any) -> Any:
        seen.append(request)
        return library.Response(found.status, headers=list(found.headers), content=found.body)

    return library.MockTransport(respond), seen


@pytest.fixture(scope="module")
def ask_openai() -> Callable[[Answer], tuple[openai.APIStatusError, int]]:
    def ask(found: Answer) -> tuple[openai.APIStatusError, int]:
        transport, seen = _transport(found, httpx)
        with (
            openai.OpenAI(api_key="k", http_client=httpx.Client(transport=transport)) as client,
            pytest.raises(openai.APIStatusError) as caught,
        ):
            client.chat.completions.create(model="gpt-4o", messages=[])
        return caught.value, len(seen)

    return ask


@pytest.fixture(scope="module")
def ask_anthropic() -> Callable[[Answer], tuple[anthropic.APIStatusError, int]]:
    def ask(found: Answer) -> tuple[anthropic.APIStatusError, int]:
        transport, seen = _transport(found, httpx2)
        with (
            anthropic.Anthropic(
                api_key="k", http_client=httpx2.Client(transport=transport)
            ) as client,
            pytest.raises(anthropic.APIStatusError) as caught,
        ):
            client.messages.create(model="claude-test", max_tokens=1, messages=[])
        return caught.value, len(seen)

    return ask


ONCE = [IDENTITY, REQUEST, POLICY, BUDGET, FAULT, Code.BODY_TOO_LARGE]


@pytest.mark.parametrize("code", ONCE)
def test_scenario_A1_the_openai_sdk_asks_once_and_reads_the_reason(ask_openai, code):
    error, attempts = ask_openai(refused(code, "openai.chat", OPENAI))

    assert attempts == 1
    assert "What is wrong. What to do." in error.message
    assert error.type == OPENAI_TYPES[KINDS[code]]
    assert error.code == ("insufficient_quota" if code is BUDGET else code.value)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (IDENTITY, openai.PermissionDeniedError),
        (POLICY, openai.PermissionDeniedError),
        (REQUEST, openai.BadRequestError),
        (BUDGET, openai.RateLimitError),
        (FAULT, openai.InternalServerError),
    ],
)
def test_the_openai_sdk_raises_the_error_that_its_users_catch(ask_openai, code, kind):
    assert isinstance(ask_openai(refused(code, "openai.chat", OPENAI))[0], kind)


@pytest.mark.parametrize("code", ONCE)
def test_scenario_A1_the_anthropic_sdk_asks_once_and_reads_the_reason(ask_anthropic, code):
    error, attempts = ask_anthropic(refused(code, "anthropic.messages", ANTHROPIC))

    assert attempts == 1
    assert "What is wrong. What to do." in error.message
    assert error.body["error"]["exeat"]["code"] == code.value


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (IDENTITY, anthropic.PermissionDeniedError),
        (POLICY, anthropic.PermissionDeniedError),
        (REQUEST, anthropic.BadRequestError),
        (FAULT, anthropic.InternalServerError),
    ],
)
def test_the_anthropic_sdk_raises_the_error_that_its_users_catch(ask_anthropic, code, kind):
    assert isinstance(ask_anthropic(refused(code, "anthropic.messages", ANTHROPIC))[0], kind)


@pytest.mark.parametrize(
    ("wire", "code", "status", "within"),
    [
        ("gemini.generate", BUDGET, 429, b'"status":"RESOURCE_EXHAUSTED"'),
        ("gemini.generate", BUDGET, 429, b"google.rpc.QuotaFailure"),
        ("gemini.generate", BUDGET, 429, b"PerDay"),
        ("gemini.embed", IDENTITY, 403, b'"status":"PERMISSION_DENIED"'),
        ("gemini.generate", REQUEST, 400, b'"status":"INVALID_ARGUMENT"'),
        ("bedrock.converse", BUDGET, 400, b'{"message":'),
        ("bedrock.invoke", IDENTITY, 403, b'{"message":'),
        ("cohere.chat", BUDGET, 402, b'{"message":'),
        ("cohere.rerank", IDENTITY, 403, b'{"message":'),
        ("ollama.chat", BUDGET, 402, b'{"error":'),
        ("mistral.chat", BUDGET, 402, b'{"object":"error","message":"What is wrong.'),
        ("mistral.other", POLICY, 403, b'"type":"permission_error","param":null'),
        ("openrouter.chat", BUDGET, 402, b'{"error":{"code":402,"message":"What is wrong.'),
        ("openrouter.other", POLICY, 403, b'{"error":{"code":403,"message":"What is wrong.'),
        ("gemini.array", BUDGET, 429, b'[{"error":{"code":429,'),
    ],
)
def test_each_provider_is_answered_in_its_own_shape(wire, code, status, within):
    found = refused(code, wire)
    assert found.status == status
    assert within in found.body
    assert b'"exeat":{' in found.body


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (BUDGET, "ServiceQuotaExceededException"),
        (RATE, "ThrottlingException"),
        (REQUEST, "ValidationException"),
        (IDENTITY, "AccessDeniedException"),
    ],
)
def test_bedrock_says_the_kind_in_a_header(code, kind):
    assert dict(refused(code, "bedrock.converse").headers)["x-amzn-errortype"] == kind


@pytest.mark.parametrize(
    ("code", "status"),
    [(IDENTITY, "7"), (POLICY, "7"), (REQUEST, "3"), (BUDGET, "8"), (RATE, "8"), (FAULT, "14")],
)
def test_grpc_is_told_no_in_its_headers_alone(code, status):
    found = refused(code, "grpc.call")
    headers = headers_of(found)
    assert (found.status, found.body) == (200, b"")
    assert (headers["content-type"], headers["grpc-status"]) == ("application/grpc", status)
    assert headers["grpc-message"] == "What is wrong. What to do."
    assert headers["x-exeat-decision"] == code.value


def test_what_grpc_cannot_say_in_a_header_is_escaped():
    found = answer(Refusal(POLICY, "100 % „no“"), wire="grpc.call", user_agent="", record="r")
    assert headers_of(found)["grpc-message"] == "100 %25 %E2%80%9Eno%E2%80%9C"


def test_codex_is_known_by_its_originator_too():
    refusal = Refusal(POLICY, "no")
    for originator in ("codex_vscode", "Codex Desktop"):
        found = answer(
            refusal, wire="openai.chat", user_agent="x", originator=originator, record="r"
        )
        assert found.status == 400


@pytest.mark.parametrize("client", ["opencode/1.18.2", "ai/7.0 ai-sdk/openai/4.0 runtime/node"])
def test_a_client_that_repeats_every_429_is_told_402_of_a_spent_budget(client):
    assert refused(BUDGET, "openai.chat", client).status == 402
    assert refused(BUDGET, "gemini.generate", client).status == 402
    assert refused(BUDGET, "bedrock.converse", client).status == 400
    assert refused(RATE, "openai.chat", client).status == 429


OPENCODE = "opencode/1.18.33 (linux) ai-sdk/provider-utils/4.0.40 runtime/bun/1.3.14"
ALARMING = ("429", "500", "502", "503", "504", "524", "resource_exhausted", "rate limit")
"""What opencode repeats a call for, wherever in the body it stands."""


@pytest.mark.parametrize("wire", ["openai.chat", "gemini.array", "anthropic.messages", "mistral.x"])
@given(amount=st.integers(0, 10**15))
@example(amount=14_767_500)
@example(amount=500_500)
def test_no_amount_makes_opencode_repeat_a_decision(wire, amount):
    refusal = Refusal(BUDGET, f"It may take ${amount}.", facts={"required": amount})
    found = answer(refusal, wire=wire, user_agent=OPENCODE, record=f"01a1-{amount}")
    text = found.body.decode()
    assert not [word for word in ALARMING if word in text.lower()]
    assert str(amount) in text.replace("\u2060", "")
    json.loads(text)


def test_googles_own_sdk_is_not_taken_for_the_ai_sdk():
    client = "google-genai-sdk/2.8.0 gl-python/3.13.0"
    assert refused(BUDGET, "gemini.generate", client).status == 429


def test_codex_asks_over_http_when_its_websocket_cannot_be_metered():
    refusal = Refusal(Code.FORMAT_UNSUPPORTED, "no", facts={"reason": "websocket"})
    found = answer(refusal, wire="openai.responses", user_agent=CODEX, record="r")
    assert found.status == 426
    assert refused(POLICY, "openai.responses", CODEX).status == 400
