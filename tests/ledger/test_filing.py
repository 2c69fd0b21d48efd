"""A slip as it is filed: what is kept, what is hashed, and what never enters."""

import hashlib
import json
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pytest

from proxy.budgets import Held, Limit
from proxy.budgets import Hold as BudgetHold
from proxy.ledger.filing import decision_of, outcome_of, threshold_of
from proxy.ledger.r6 import Body, r6
from proxy.ledger.records import Client, Forecast, Hold, HoldAmount, ToolCall, Usage
from proxy.policy import PolicyBook
from proxy.pricing.charges import quote_for
from proxy.pricing.prices import Prices
from proxy.pricing.tokens import TokenCounter
from proxy.providers.answer import AnswerReader
from proxy.providers.formats import format_named
from proxy.providers.openai_chat_answer import ChatAnswer
from proxy.providers.usage import Usage as Used
from proxy.refusals import KINDS, Code, Refusal
from proxy.slip import Destination, Identity, Slip, Stamped
from tests.policy.texts import policy

PROMPT = "the prompt itself"
SECRET = "sk-very-secret"
BODY = json.dumps(
    {"model": "gpt-4o", "messages": [{"role": "user", "content": PROMPT}], "max_tokens": 5}
).encode()
PRICES = Prices(at=datetime(2026, 11, 21, tzinfo=UTC))
LIMIT = Limit("day", (("org", "acme"),), "usd", "day", 10**9)


def slip(**facts: Any) -> Slip:
    made = Slip("call-1", time.monotonic_ns(), 1_795_000_000_000, "tunnel", "GET", "/a")
    for name, value in facts.items():
        setattr(made, name, value)
    return made


def model_slip(**facts: Any) -> Slip:
    """A call to a model, let through, that carries secrets wherever it can."""
    call = format_named("openai.chat", "openai").read_request(BODY)
    full: dict[str, Any] = {
        "method": "POST",
        "path": f"/v1/chat/completions?key={SECRET}&q=1",
        "user_agent": f"openai-python/1.2 ({SECRET}) {PROMPT}",
        "client_request_id": "r-1",
        "retry_count": 2,
        "destination": Destination("https", "api.openai.com", 443),
        "identity": Identity(
            "acme", "coder", "s1", "t1", "boss", 3, {"session": "headers", "agent": "credentials"}
        ),
        "call": call,
        "body_sha256": hashlib.sha256(BODY).hexdigest(),
        "body_bytes": len(BODY),
        "terms": PolicyBook([policy()]).terms("acme", "coder"),
        "quote": quote_for(PRICES, TokenCounter(), call),
        "price_version": PRICES.version,
        "hold": BudgetHold("call-1", "acme", 5, (Held(LIMIT, 7, 900, 10),), 99, 12),
        "stamps": [Stamped("route", 4, "tunnel"), Stamped("budget", 9, "held")],
    }
    return slip(**full | facts)


def test_a_decision_says_who_what_where_by_which_rules_and_for_how_much() -> None:
    it = model_slip()
    filed = decision_of(it)

    assert (filed.id, filed.ts_ms, filed.decision, filed.action) == (
        "call-1",
        1_795_000_000_000,
        "allow",
        "llm.call",
    )
    assert (filed.org, filed.agent, filed.session) == ("acme", "coder", "s1")
    assert (filed.task, filed.parent) == ("t1", "boss")
    assert (filed.method, filed.scheme, filed.host, filed.port, filed.path) == (
        "POST",
        "https",
        "api.openai.com",
        443,
        "/v1/chat/completions",
    )
    assert (filed.provider, filed.format, filed.model) == ("openai", "openai.chat", "gpt-4o")
    assert filed.identity_sources == (("agent", "credentials"), ("session", "headers"))
    assert it.terms is not None
    assert filed.policies == it.terms.policy_ids
    assert [(each.name, each.took_us, each.note) for each in filed.stamps] == [
        ("route", 4, "tunnel"),
        ("budget", 9, "held"),
    ]
    assert filed.client == Client("openai-python/1.2", "r-1", 2)
    assert it.quote is not None
    assert filed.bound == Forecast(it.quote.input_tokens_bound, 5, it.quote.bound_nanousd)
    assert filed.estimate == Forecast(
        it.quote.input_tokens_estimate, it.quote.output_tokens_estimate, it.quote.estimate_nanousd
    )
    assert filed.price_version == PRICES.version
    assert filed.hold == Hold("call-1", 12, (HoldAmount(LIMIT.key, "usd", "day", 7, 900),), 99)
    assert (filed.code, filed.reason, filed.rule) == (None, None, None)


def test_an_outcome_names_the_prices_it_was_charged_at_and_the_decision_those_it_was_held_at() -> (
    None
):
    it = model_slip(status="answered", left=True, price_version="newer")
    request: Body = {"class": "llm.call", "host": "a.test", "model": "m", "provider": "openai"}
    rules: Body = {"policies": [], "price_version": "older", "rule": None}
    decided: Body = {"request": request, "role": {}, "rules": rules, "seq": 1, "ts": "t"}
    body = r6(outcome_of(it), 2, None, None, decided)
    assert isinstance(body["rules"], dict)
    assert body["rules"]["price_version"] == "newer"


def test_a_threshold_is_filed_for_whom_the_limit_is_and_by_what_call() -> None:
    limit = Limit("day", (("org", "acme"), ("agent", "coder")), "usd", "day", 1000)
    event = threshold_of("call-1", limit, 80, 1_795_000_000_000)
    assert (event.kind, event.org, event.agent, event.session) == (
        "budget_threshold",
        "acme",
        "coder",
        None,
    )
    assert event.decision_id == "call-1"
    assert event.facts == {
        "budget": "day",
        "cap": 1000,
        "limit": limit.key,
        "percent": 80,
        "unit": "usd",
        "window": "day",
    }


def test_rule_8_no_query_no_secret_and_no_prompt_is_in_any_record() -> None:
    it = model_slip(status="answered", left=True, usage=Used(1, 2))
    text = json.dumps([asdict(decision_of(it)), asdict(outcome_of(it))])

    assert SECRET not in text
    assert PROMPT not in text
    assert "?" not in text


def test_queries_and_bodies_are_filed_as_hashes() -> None:
    filed = decision_of(model_slip())
    query = f"key={SECRET}&q=1".encode()

    assert filed.query_sha256 == hashlib.sha256(query).hexdigest()
    assert filed.request_sha256 == hashlib.sha256(BODY).hexdigest()
    assert filed.request_bytes == len(BODY)


@pytest.mark.parametrize(
    ("path", "kept", "query"),
    [
        ("/a", "/a", None),
        ("/a?", "/a", None),
        ("/a?b", "/a", b"b"),
        ("/a?b?c", "/a", b"b?c"),
        ("/?\udcff", "/", b"\xff"),
    ],
)
def test_a_path_is_filed_without_its_query(path: str, kept: str, query: bytes | None) -> None:
    filed = decision_of(slip(path=path))
    digest = hashlib.sha256(query).hexdigest() if query is not None else None
    assert (filed.path, filed.query_sha256) == (kept, digest)


AGENTS = {
    "curl/8.5.0": "curl/8.5.0",
    "openai-python/1.2 extra": "openai-python/1.2",
    "claude-cli/2.0.1 (external, cli)": "claude-cli/2.0.1",
    "Mozilla/5.0 (X11)": "Mozilla/5.0",
    "node": "node",
    "": None,
    "(only a comment)": None,
    "a" * 65: "a" * 64,
}


@pytest.mark.parametrize("header", AGENTS)
def test_of_a_user_agent_only_the_product_is_filed(header: str) -> None:
    client = decision_of(slip(user_agent=header)).client
    assert client is not None
    assert client.user_agent == AGENTS[header]


@pytest.mark.parametrize(
    ("strength", "word"),
    [(1, "token"), (2, "listener"), (3, "proxy_credentials"), (4, "headers"), (None, None)],
)
def test_how_well_the_caller_is_known_is_filed_in_a_word(
    strength: int | None, word: str | None
) -> None:
    who = Identity("acme", "coder", "s1", strength=strength) if strength else None
    assert decision_of(slip(identity=who)).identity_strength == word


@pytest.mark.parametrize("code", Code)
def test_a_no_is_a_deny_and_what_we_could_not_decide_a_fault(code: Code) -> None:
    no = Refusal(code, "No. Ask.", rule="p/x")
    filed = decision_of(model_slip(refusal=no, repeats=3))

    assert filed.decision == ("fault" if KINDS[code] == "fault" else "deny")
    assert (filed.code, filed.reason, filed.rule) == (code.value, "No. Ask.", "p/x")
    assert filed.repeats == 3
    assert filed.hold is None, "what is refused holds nothing"


ACTIONS = {
    "a model call": (lambda: model_slip(), "llm.call"),
    "any other": (lambda: slip(), "egress.http"),
    "to Exeat itself": (lambda: model_slip(door="internal"), "internal"),
}


@pytest.mark.parametrize("case", ACTIONS)
def test_what_kind_of_action_it_was(case: str) -> None:
    make, action = ACTIONS[case]
    assert decision_of(make()).action == action


def test_a_slip_of_which_nothing_is_known_yet_can_be_filed() -> None:
    filed = decision_of(slip(refusal=Refusal(Code.BAD_REQUEST, "No.")))
    facts = asdict(filed)
    for name in ("org", "agent", "session", "host", "model", "bound", "estimate", "hold"):
        assert facts[name] is None, name
    assert (filed.policies, filed.identity_sources, filed.stamps) == ((), (), ())


def test_an_attempt_names_the_call_that_it_serves_and_no_other_record_says_a_word_of_it() -> None:
    def reference(serves: str | None) -> object:
        return r6(decision_of(slip(serves=serves)), 0, None, None, None)["reference"]

    links = {"decision_id": "call-1", "prev": None, "session_prev": None}
    assert reference("call-0") == {**links, "serves": "call-0"}
    assert reference(None) == links


def test_an_outcome_says_what_was_used_and_what_it_cost() -> None:
    it = model_slip(
        status="answered",
        http_status=200,
        left=True,
        usage=Used(12, 8, 3, 1, 2, 4),
        cost_nanousd=700,
        tokens=20,
        finish_reason="stop",
        tool_calls=(("t1", "read_file"),),
        upstream_request_id="req_1",
        answer_sha256="ab" * 32,
        answer_bytes=99,
    )
    it.first_byte_ns = it.opened_ns + 5_000_000
    filed = outcome_of(it)

    assert (filed.decision_id, filed.status, filed.http_status) == ("call-1", "answered", 200)
    assert filed.usage == Usage(12, 8, 3, 3, 4, "provider")
    assert (filed.cost_nanousd, filed.tokens, filed.requests) == (700, 20, 1)
    assert (filed.finish_reason, filed.tool_calls) == ("stop", (ToolCall("t1", "read_file"),))
    assert (filed.upstream_request_id, filed.response_bytes) == ("req_1", 99)
    assert (filed.response_sha256, filed.ttfb_us, filed.note) == ("ab" * 32, 5000, None)
    assert filed.duration_us is not None
    assert filed.duration_us >= 0
    assert filed.ts_ms >= it.opened_ms


@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("status", ["answered", "refused", "errored", "aborted", "client_gone"])
def test_a_request_is_counted_only_when_a_byte_of_it_left(status: str, left: bool) -> None:
    assert outcome_of(slip(status=status, left=left)).requests == int(left)


def answering(**facts: str) -> AnswerReader:
    reader = AnswerReader(ChatAnswer(), {"content-type": "application/json"})
    reader.feed(json.dumps({"choices": [], **facts}).encode())
    reader.close()
    return reader


def test_an_outcome_says_which_model_answered_and_what_the_provider_calls_its_answer() -> None:
    it = model_slip(status="answered", reader=answering(model="gpt-4o-2024-08-06", id="chatcmpl-1"))
    filed = outcome_of(it)
    assert (filed.model, filed.response_id) == ("gpt-4o-2024-08-06", "chatcmpl-1")


@pytest.mark.parametrize("name", ["a prompt, quoted back", "x" * 257, "", "naïve", "two\nlines"])
def test_what_is_no_name_is_not_filed_as_one(name: str) -> None:
    it = model_slip(
        status="answered",
        reader=answering(model=name, id=name),
        finish_reason=name,
        upstream_request_id=name,
    )
    filed = outcome_of(it)
    assert (filed.model, filed.response_id) == (None, None)
    assert (filed.finish_reason, filed.upstream_request_id) == (None, None)


def test_an_estimate_says_that_it_is_one() -> None:
    filed = outcome_of(slip(status="client_gone", usage=Used(1, 2), usage_is_estimated=True))
    assert filed.estimated
    assert filed.usage is not None
    assert filed.usage.source == "estimated"


def test_an_outcome_without_an_answer_has_no_status_and_no_first_byte() -> None:
    no = Refusal(Code.UPSTREAM_UNREACHABLE, "The upstream broke off.")
    filed = outcome_of(slip(status="errored", refusal=no))
    assert (filed.http_status, filed.ttfb_us, filed.usage) == (None, None, None)
    assert filed.note == "upstream_unreachable"
