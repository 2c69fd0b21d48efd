"""Allowlist alone: which of its answers comes first, and why."""

import asyncio
import gzip
import json
import threading
from typing import Any

import pytest

from addons.allowlist import LARGE_BYTES, Allowlist
from proxy.policy import PolicyBook
from proxy.providers.recognise import Free, Known, NeedsShape, NotModel, Unsupported
from proxy.refusals import Code, Refusal
from proxy.slip import Slip, Stamp
from tests.addons.slips import ANTHROPIC, ELSEWHERE, OPENAI, chat, flow, slip
from tests.policy.texts import policy
from tests.providers.billable import FORM
from tests.providers.bodies import form

ADDON = Allowlist(body_bytes_max=4096)
CHAT = Known("openai", "openai.chat")
MINI = "egress: {allow: [{host: api.openai.com}]}\nmodels: {allow: [gpt-4o-mini]}"
DRY = "enforce: false\n"


def chat_slip(rules: str = MINI, **facts: Any) -> Slip:
    return slip(OPENAI, rules, method="POST", path="/v1/chat/completions", recognised=CHAT, **facts)


def judged(it: Slip, over: Any) -> Stamp | Refusal:
    """The addon's answer, whether it gives it at once or from a thread."""
    verdict = ADDON.depart(it, over)
    return asyncio.run(verdict) if asyncio.iscoroutine(verdict) else verdict


YES = {
    "a host on the list, and its model": (
        chat_slip,
        "p/egress.allow[0]",
    ),
    "a host on the list": (
        lambda: slip(ELSEWHERE, "egress: {allow: [{host: b.test}, {host: a.test}]}"),
        "p/egress.allow[1]",
    ),
    "any host, where policy says so": (slip, "p/egress.default"),
    "a dry run lets a host pass and says so": (
        lambda: slip(ELSEWHERE, DRY + MINI),
        "p/egress.default, not enforced",
    ),
    "a dry run lets a denied host pass": (
        lambda: slip(ELSEWHERE, DRY + "egress: {default: allow, deny: [{host: a.test}]}"),
        "p/egress.deny[0], not enforced",
    ),
    "a dry run lets a model pass": (
        lambda: chat_slip(DRY + "egress: {default: allow}\nmodels: {allow: [gpt-9]}"),
        "p/models.allow, not enforced",
    ),
    "what is free needs no model": (
        lambda: slip(OPENAI, MINI, path="/v1/models", recognised=Free("openai", "models")),
        "p/egress.allow[0]",
    ),
    "ordinary traffic is not read": (
        lambda: slip(recognised=NotModel()),
        "p/egress.default",
    ),
    "the query is no part of a path": (
        lambda: slip(ELSEWHERE, "egress: {allow: [{host: a.test, paths: [/x]}]}"),
        "p/egress.allow[0]",
    ),
    "Exeat itself needs no policy": (
        lambda: slip(door="internal", terms=PolicyBook([]).terms("a", "b")),
        "inside",
    ),
}


@pytest.mark.parametrize("case", YES)
def test_yes_with_the_rule_that_says_so(case):
    make, note = YES[case]
    assert judged(make(), flow(chat())) == Stamp(note)


NO_POLICY = PolicyBook([]).terms("acme", "coder")
SHUT = "egress: {deny: [{host: api.openai.com}], default: allow}"
MODELLESS = "egress: {default: allow}\nmodels: {deny: [gpt-*]}"

NO: dict[str, tuple[Any, Any, Code, str | None]] = {
    # in the order in which the answers come: each call is wrong in everything below it too
    "no policy is in force": (
        lambda: chat_slip(terms=NO_POLICY),
        b"{",
        Code.POLICY_MISSING,
        None,
    ),
    "the host is on no list": (
        lambda: slip(ANTHROPIC, MINI, recognised=Unsupported("anthropic", "path_unsupported")),
        b"{",
        Code.HOST_NOT_ALLOWED,
        "p/egress.default",
    ),
    "the host is denied": (
        lambda: chat_slip(SHUT),
        b"{",
        Code.HOST_NOT_ALLOWED,
        "p/egress.deny[0]",
    ),
    "the kind of call cannot be metered": (
        lambda: slip(recognised=Unsupported("openai", "websocket")),
        b"{",
        Code.FORMAT_UNSUPPORTED,
        None,
    ),
    "the body cannot be read": (lambda: chat_slip(MODELLESS), b"{", Code.BAD_REQUEST, None),
    "the model is denied": (
        lambda: chat_slip(MODELLESS),
        chat(),
        Code.MODEL_NOT_ALLOWED,
        "p/models.deny",
    ),
    "the model is on no list": (
        chat_slip,
        chat(model="gpt-4o"),
        Code.MODEL_NOT_ALLOWED,
        "p/models.allow",
    ),
}


@pytest.mark.parametrize("case", NO)
def test_no_with_the_first_reason_that_holds(case):
    make, body, code, rule = NO[case]
    no = judged(make(), flow(body))

    assert isinstance(no, Refusal)
    assert (no.code, no.rule) == (code, rule)
    assert no.message[0].isupper()
    assert no.message.endswith(".")


def test_a_refused_host_is_told_whom_to_ask():
    no = judged(slip(ELSEWHERE, MINI), flow())
    assert isinstance(no, Refusal)
    assert no.message == (
        "GET a.test is on no list of places that agents may go. Ask the operator to add it to "
        "egress.allow of the policy."
    )


def test_the_call_that_was_read_stands_on_the_slip():
    it = chat_slip()
    judged(it, flow(chat()))
    assert it.call is not None
    assert (it.call.model, it.call.output_tokens_max) == ("gpt-4o-mini", 100)


def test_a_host_that_is_refused_has_its_body_unread():
    it = chat_slip(SHUT)
    judged(it, flow(chat()))
    assert it.call is None


def test_a_form_is_read_with_its_content_type():
    seen = Known("openai", "openai.images")
    it = slip(OPENAI, MINI, method="POST", path="/v1/images/edits", recognised=seen)
    over = flow(form(model="gpt-4o-mini", prompt="x"), content_type=FORM)
    assert ADDON.depart(it, over) == Stamp("p/egress.allow[0]")
    assert it.call is not None
    assert it.call.model == "gpt-4o-mini"


async def test_a_large_body_is_read_in_a_thread_and_judged_alike():
    large = chat(messages=[{"role": "user", "content": "x" * (LARGE_BYTES + 1)}])
    it = chat_slip()
    verdict = Allowlist(body_bytes_max=4096).depart(it, flow(large))
    assert asyncio.iscoroutine(verdict)
    assert it.call is None
    assert await verdict == Stamp("p/egress.allow[0]")
    assert it.call is not None
    refused = ADDON.depart(chat_slip(), flow(large | {"model": "gpt-9"}))
    assert asyncio.iscoroutine(refused)
    no = await refused
    assert isinstance(no, Refusal)
    assert no.code is Code.MODEL_NOT_ALLOWED


OTHERS: dict[str, tuple[Known, dict[str, Any]]] = {
    "a request of a batch": (
        Known("anthropic", "anthropic.batch"),
        {
            "requests": [
                {"params": {"model": model, "max_tokens": 5, "messages": []}}
                for model in ("good", "bad")
            ]
        },
    ),
    "a model to fall back on": (
        Known("openrouter", "openai.chat"),
        chat(model="good", models=["bad"]),
    ),
}


@pytest.mark.parametrize("case", OTHERS)
def test_every_model_that_may_answer_is_held_against_policy(case):
    seen, body = OTHERS[case]
    it = slip(rules="models: {allow: [good]}\negress: {default: allow}", recognised=seen)
    no = ADDON.depart(it, flow(body))
    assert isinstance(no, Refusal)
    assert (no.code, no.rule) == (Code.MODEL_NOT_ALLOWED, "p/models.allow")


SHAPES = {
    "messages to an unlisted gateway": ("/v1/chat/completions", chat(), None),
    "a model's path spelled oddly": ("/v1//chat/completions", chat(), Code.FORMAT_UNSUPPORTED),
    "sound to an unlisted gateway": (
        "/v1/audio/speech",
        {"model": "m", "input": "x"},
        None,
    ),
    "messages at any path": ("/anything", chat(), Code.FORMAT_UNSUPPORTED),
    "a model's path with what is no JSON": ("/v1/messages", b"\x00\x01", Code.FORMAT_UNSUPPORTED),
    "some JSON": ("/anything", {"name": "x"}, None),
    "no JSON": ("/anything", b"a=1&b=2", None),
}


@pytest.mark.parametrize("case", SHAPES)
def test_the_shape_of_a_body_tells_what_the_host_does_not(case):
    path, body, code = SHAPES[case]
    verdict = judged(slip(method="POST", path=path, recognised=NeedsShape()), flow(body))

    assert (verdict.code if isinstance(verdict, Refusal) else None) is code
    if isinstance(verdict, Refusal):
        assert verdict.facts == {"reason": "unlisted_gateway"}


def test_a_model_call_to_an_unlisted_host_is_read_under_the_hosts_own_name():
    it = slip(method="POST", path="/v1/chat/completions", recognised=NeedsShape())
    judged(it, flow(chat()))
    assert it.destination is not None
    assert it.call is not None
    assert it.call.provider == f"{it.destination.host}:{it.destination.port}"
    assert it.wire == "openai.chat"


def test_a_compressed_shape_is_looked_into():
    squeezed = gzip.compress(json.dumps(chat()).encode())
    it = slip(method="POST", path="/anything", recognised=NeedsShape())
    no = judged(it, flow(squeezed, content_encoding="gzip"))
    assert isinstance(no, Refusal)
    assert no.code is Code.FORMAT_UNSUPPORTED


BAD: dict[str, tuple[Any, dict[str, str]]] = {
    "no body": (b"", {}),
    "no JSON": (b"hello", {}),
    "a list": (b"[]", {}),
    "no model": ({"messages": []}, {}),
    "two models": (b'{"model":"gpt-4o-mini","model":"gpt-9","messages":[]}', {}),
    "a model that is no name": (chat(model="x\ny"), {}),
    "max_tokens below nothing": (chat(max_tokens=-1), {}),
    "max_tokens as text": (chat(max_tokens="100"), {}),
    "a coding nobody knows": (chat(), {"content_encoding": "rot13"}),
    "a coding that it is not in": (chat(), {"content_encoding": "gzip"}),
    "a body cut off": (gzip.compress(b"{}" * 99)[:-4], {"content_encoding": "gzip"}),
    "more than may be read": (gzip.compress(b" " * 5000), {"content_encoding": "gzip"}),
}


@pytest.mark.parametrize("case", BAD)
def test_what_can_be_read_in_two_ways_or_in_none_is_a_bad_request(case):
    body, headers = BAD[case]
    no = judged(chat_slip(), flow(body, **headers))

    assert isinstance(no, Refusal)
    assert no.code is Code.BAD_REQUEST
    assert no.message.startswith("The request cannot be read: ")


def test_a_bad_field_is_named_and_its_value_is_not():
    no = judged(chat_slip(), flow(chat(max_tokens="a secret")))
    assert isinstance(no, Refusal)
    assert "(max_tokens)" in no.message
    assert "secret" not in no.message


def test_a_compressed_body_is_read_and_goes_as_it_came():
    squeezed = gzip.compress(json.dumps(chat()).encode())
    over = flow(squeezed, content_encoding="gzip")
    assert judged(chat_slip(), over) == Stamp("p/egress.allow[0]")
    assert over.request.raw_content == squeezed


def test_of_two_policies_an_enforced_no_stands_before_one_that_only_watches():
    loaded = [policy(DRY + MINI, "watch"), policy(SHUT, "hard")]
    it = chat_slip(terms=PolicyBook(loaded).terms("acme", "coder"))
    no = judged(it, flow(chat()))
    assert isinstance(no, Refusal)
    assert no.rule == "hard/egress.deny[0]"


def test_a_large_body_is_read_where_nobody_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []
    read = Allowlist._read

    def seen(*arguments: Any) -> Any:
        threads.append(threading.get_ident())
        return read(*arguments)

    monkeypatch.setattr(Allowlist, "_read", seen)
    small, large = "x", "x" * LARGE_BYTES
    for text in (small, large):
        it = chat_slip()
        verdict = judged(it, flow(chat(messages=[{"role": "user", "content": text}])))
        assert verdict == Stamp("p/egress.allow[0]")
        assert it.call is not None
        assert it.call.prompt.texts[0].endswith(text)
    here = threading.get_ident()
    assert [thread == here for thread in threads] == [True, False]
