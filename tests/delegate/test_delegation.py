"""Attempts one after another: what is tried again, what is not, and what is told in the end."""

import json

import pytest

from proxy.delegate.delegation import Delegated, Refused
from proxy.delegate.health import FAILURES
from proxy.delegate.names import UnknownName
from proxy.delegate.sender import Broken
from proxy.delegate.told import HEADER
from proxy.ledger.records import Event
from proxy.ledger.store import LedgerUnavailable
from proxy.refusals import Code
from tests.delegate.shop import OPEN, PROMPT, MemorySender, Said, Shop, asked

MINI, BIG = "openai/gpt-4o-mini", "openai/gpt-4o"


EVENTS = {"content-type": "text/event-stream"}
ERROR = b'data: {"error":{"message":"overloaded"}}\n\n'
EVENT = b'data: {"choices":[]}\n\n'


def no(code: str, status: int = 403) -> Said:
    return Said(status, b"no", {"x-exeat-decision": code, "x-exeat-record": "r1"})


async def body_of(answer: Delegated) -> bytes:
    return b"".join([piece async for piece in answer.pieces])


async def test_the_first_good_answer_is_given_with_its_reasons():
    shop = Shop(MemorySender({MINI: [Said(200, b"good", {"content-type": "application/json"})]}))
    answer = await shop.delegation.answer(shop.caller(), asked())

    assert (answer.status, await body_of(answer)) == (200, b"good")
    assert answer.headers[HEADER].startswith(f"{MINI}; at most $0.0000")
    assert shop.sender.order == [MINI]
    assert shop.sender.sent[0][1]["model"] == "gpt-4o-mini"
    assert shop.sender.sent[0][2] == "call", "it is sent as the call that it serves"


FAILS_OVER = {
    "500": Said(500),
    "503": Said(503),
    "429": Said(429),
    "529": Said(529),
    "a redirect, which nobody follows": Said(302),
    "unreachable": None,
    "the upstream could not be reached": no("upstream_unreachable", 503),
    "a rule of the policy": no("policy_denied"),
    "a budget that was full by then": no("budget_exceeded", 429),
    "a rate limit of Exeat's": no("rate_limited", 429),
    "a price that is not known": no("price_unknown"),
    "it breaks off after its head": Said(200, b"", breaks=True),
    "it says nothing": Said(200, b""),
    "its stream breaks off before an event": Said(200, b": wait\n\n", EVENTS, breaks=True),
    "its stream begins with an error": Said(200, ERROR, EVENTS),
}


@pytest.mark.parametrize("case", FAILS_OVER)
async def test_the_next_is_asked_when_one_fails_before_its_first_byte(case):
    shop = Shop(MemorySender({MINI: [FAILS_OVER[case]], BIG: [Said(200, b"good")]}))
    answer = await shop.delegation.answer(shop.caller(), asked())

    assert (answer.status, await body_of(answer)) == (200, b"good")
    assert shop.sender.order == [MINI, BIG]
    assert f"after {MINI} (" in answer.headers[HEADER]


IS_FINAL = {
    "400": Said(400),
    "401": Said(401),
    "404": Said(404),
    "an identity that is refused": no("identity_required"),
    "counters that do not answer": no("governance_unavailable", 503),
}


@pytest.mark.parametrize("case", IS_FINAL)
async def test_nobody_else_is_asked_where_that_would_not_help(case):
    shop = Shop(MemorySender({MINI: [IS_FINAL[case]]}))
    answer = await shop.delegation.answer(shop.caller(), asked())

    assert answer.status == IS_FINAL[case].status
    assert shop.sender.order == [MINI]


LAST = {
    "the last provider's error": ([Said(500, b"one")], [Said(502, b"two")], b"two"),
    "a provider's error before a refusal": ([Said(500, b"one")], [no("policy_denied")], b"one"),
    "a provider's error after a refusal": ([no("policy_denied")], [Said(500, b"two")], b"two"),
    "an error that a stream began with": ([Said(200, ERROR, EVENTS)], [None], ERROR),
    "what was said, though others broke off": (
        [Said(500, b"one")],
        [Said(breaks=True, body=b"")],
        b"one",
    ),
    "a refusal where there is no more": ([None], [no("budget_exceeded", 429)], b"no"),
}


@pytest.mark.parametrize("case", LAST)
async def test_when_all_fail_the_last_error_is_told(case):
    mini, big, told = LAST[case]
    shop = Shop(MemorySender({MINI: mini, BIG: big}))
    answer = await shop.delegation.answer(shop.caller(), asked())

    assert await body_of(answer) == told
    assert answer.status >= 400 or told == ERROR


async def test_when_not_even_our_own_port_answers_it_is_a_fault():
    shop = Shop(MemorySender({MINI: [None], BIG: [None]}))
    with pytest.raises(Refused) as raised:
        await shop.delegation.answer(shop.caller(), asked())
    assert raised.value.refusal.code is Code.UPSTREAM_UNREACHABLE


async def test_when_all_break_off_it_is_a_fault_that_names_them():
    silent = Said(200, b"", breaks=True)
    shop = Shop(MemorySender({MINI: [silent], BIG: [None]}))
    with pytest.raises(Refused) as raised:
        await shop.delegation.answer(shop.caller(), asked())
    assert raised.value.refusal.code is Code.UPSTREAM_UNREACHABLE
    assert f"{MINI} (broke off); {BIG} (unreachable)" in raised.value.refusal.message


@pytest.mark.parametrize("said", [Said(200, b"{", breaks=True), Said(200, EVENT, EVENTS, True)])
async def test_after_the_first_byte_nobody_else_is_asked(said):
    shop = Shop(MemorySender({MINI: [said]}))
    answer = await shop.delegation.answer(shop.caller(), asked())

    with pytest.raises(Broken):
        await body_of(answer)
    assert shop.sender.order == [MINI]


async def test_no_more_are_asked_than_the_operator_allows():
    shop = Shop(MemorySender({MINI: [Said(500)], BIG: [Said(200)]}), attempts_max=1)
    answer = await shop.delegation.answer(shop.caller(), asked())

    assert (answer.status, shop.sender.order) == (500, [MINI])


async def test_who_failed_rests_and_is_tried_again_after_it():
    shop = Shop(MemorySender({MINI: [Said(500)] * FAILURES + [Said(200)]}))
    for _ in range(FAILURES):
        await shop.delegation.answer(shop.caller(), asked())
    await shop.delegation.answer(shop.caller(), asked())
    assert shop.sender.order == [MINI, BIG] * FAILURES + [BIG]

    shop.now_ms += 30_000
    await shop.delegation.answer(shop.caller(), asked())
    await shop.delegation.answer(shop.caller(), asked())
    assert shop.sender.order[-2:] == [MINI, MINI]


@pytest.mark.parametrize("said", [Said(200, b"", breaks=True), Said(200, ERROR, EVENTS)])
async def test_who_fails_before_the_first_byte_has_not_answered_and_rests(said):
    shop = Shop(MemorySender({MINI: [said]}))
    for _ in range(FAILURES + 1):
        await shop.delegation.answer(shop.caller(), asked())
    assert shop.sender.order == [MINI, BIG] * FAILURES + [BIG]


async def test_what_the_corridor_refuses_is_nobodys_fault():
    shop = Shop(MemorySender({MINI: [no("policy_denied")]}))
    for _ in range(FAILURES + 1):
        await shop.delegation.answer(shop.caller(), asked())
    assert shop.sender.order == [MINI, BIG] * (FAILURES + 1)


async def test_a_provider_that_says_when_to_come_back_is_left_alone_until_then():
    shop = Shop(MemorySender({MINI: [Said(429, headers={"retry-after": "5"}), Said(200)]}))
    await shop.delegation.answer(shop.caller(), asked())
    await shop.delegation.answer(shop.caller(), asked())
    shop.now_ms += 5_000
    await shop.delegation.answer(shop.caller(), asked())
    assert shop.sender.order == [MINI, BIG, BIG, MINI]


async def test_only_some_headers_of_an_answer_go_on():
    sent = {"x-request-id": "q", "set-cookie": "a=b", "x-exeat-record": "r", "server": "s"}
    shop = Shop(MemorySender({MINI: [Said(200, b"{}", sent)]}))
    answer = await shop.delegation.answer(shop.caller(), asked())

    assert set(answer.headers) == {"x-request-id", "x-exeat-record", HEADER}


async def test_rule_2_a_choice_is_on_file_before_anybody_is_asked():
    shop = Shop()
    shop.ledger.is_down = True
    with pytest.raises(LedgerUnavailable):
        await shop.delegation.answer(shop.caller(), asked())
    assert shop.sender.sent == []

    shop.ledger.is_down = False
    await shop.delegation.answer(shop.caller(), asked())
    (event,) = shop.ledger.records
    assert isinstance(event, Event)
    assert (event.kind, event.status) == ("delegation", "chosen")
    assert PROMPT not in json.dumps(dict(event.facts))


async def test_a_refusal_is_on_file_too_and_asks_nobody():
    shop = Shop(rules="egress: {allow: [{host: a.test}]}")
    with pytest.raises(Refused) as raised:
        await shop.delegation.answer(shop.caller(), asked())

    assert raised.value.refusal.code is Code.NO_CANDIDATE
    (event,) = shop.ledger.records
    assert isinstance(event, Event)
    assert (event.status, event.facts["code"]) == ("refused", "no_candidate")
    assert shop.sender.sent == []


async def test_an_unknown_name_is_asked_of_nobody():
    shop = Shop()
    with pytest.raises(UnknownName):
        await shop.delegation.answer(shop.caller(), asked("exeat/slow"))
    assert shop.sender.sent == []


async def test_the_names_that_are_told_are_those_that_somebody_may_answer():
    assert Shop().delegation.models(Shop().caller()) == [
        "exeat/fast", "exeat/any", BIG, MINI, "groq/llama-3.1-8b-instant",
    ]  # fmt: skip
    narrow = Shop(rules=OPEN + '\nmodels: {allow: ["llama*"]}', keys=("openai", "groq"))
    assert narrow.delegation.models(narrow.caller()) == ["exeat/any", "groq/llama-3.1-8b-instant"]
    broke = Shop(keys=())
    assert broke.delegation.models(broke.caller()) == []
