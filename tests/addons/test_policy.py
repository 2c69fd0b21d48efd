"""Policy alone: the rules of a caller, asked about one call."""

from typing import Any

import pytest

from addons.policy import Policy
from proxy.leaks import LeakScanner
from proxy.refusals import Code, Refusal
from proxy.slip import Stamp
from tests.addons.slips import chat, flow, model_slip, rate_counts, slip, triggers


def ask(it: Any, over: Any = None, addon: Policy | None = None) -> Stamp | Refusal:
    addon = addon or Policy(LeakScanner(), 1 << 20, rate_counts(), triggers())
    return addon.depart(it, over or flow(chat()))


def rules(*lines: str) -> str:
    return "egress: {default: allow}\nrules:\n" + "\n".join(f"  - {{{line}}}" for line in lines)


def test_without_a_rule_the_default_says_yes():
    assert ask(slip()) == Stamp("p/egress.default") or ask(slip()) == Stamp("p/rules.default")


def test_a_rule_that_denies_says_why():
    no = ask(slip(rules=rules("id: r, decision: deny, reason: use the mirror")))

    assert isinstance(no, Refusal)
    assert no.code is Code.POLICY_DENIED
    assert "Use the mirror" in no.message
    assert no.rule == "p/rules.r"


def test_a_rule_that_holds_needs_a_person():
    it = slip(rules=rules("id: r, decision: hold"))

    assert ask(it) == Stamp("hold by p/rules.r")
    assert it.held_for is not None
    assert it.held_for.rule == "p/rules.r"


def test_a_warning_passes_and_stands_in_the_stamp():
    assert ask(slip(rules=rules("id: r, decision: warn"))) == Stamp("warn by p/rules.r")


def test_a_dry_run_passes_and_stands_in_the_stamp():
    verdict = ask(slip(rules="enforce: false\n" + rules("id: r, decision: deny")))
    assert isinstance(verdict, Stamp)
    assert verdict.note.endswith("deny by p/rules.r, not enforced")


def test_calls_to_exeat_itself_are_not_ruled():
    assert ask(slip(rules=rules("id: r, decision: deny"), door="internal")) == Stamp("inside")


SECRET = "ghp_" + "wX4kR9mTz2LpQv7YbN3cJd8FhS5gUe1AoKi6"


def test_a_secret_that_would_leave_is_seen_and_can_be_taken_out():
    body = chat(messages=[{"role": "user", "content": f"my key is {SECRET}"}])
    denied = rules("id: r, decision: deny, match: {secrets: ['*']}")
    assert isinstance(ask(model_slip(body, denied, reads_body=True), flow(body)), Refusal)
    assert isinstance(ask(model_slip(chat(), denied)), Stamp)

    over = flow(body)
    taken_out = rules("id: r, decision: redact, match: {secrets: ['*']}")
    assert ask(model_slip(body, taken_out, reads_body=True), over) == Stamp("redact by p/rules.r")
    assert SECRET.encode() not in over.request.raw_content
    assert b"my key is" in over.request.raw_content


def test_r8_the_same_last_message_is_a_circle_however_the_conversation_grows():
    addon = Policy(LeakScanner(), 1 << 20, rate_counts(), triggers())
    circles = rules("id: r, decision: deny, match: {repeats_more_than: 2}")
    verdicts = []
    for turn in range(4):
        said = [{"role": "user", "content": f"earlier {n}"} for n in range(turn)]
        body = chat(messages=[*said, {"role": "user", "content": "try again"}])
        verdicts.append(ask(model_slip(body, circles), addon=addon))
    assert [isinstance(each, Refusal) for each in verdicts] == [False, False, False, True]


def test_tools_that_answer_alike_are_no_circle_and_the_same_call_again_is():
    addon = Policy(LeakScanner(), 1 << 20, rate_counts(), triggers())
    circles = rules("id: r, decision: deny, match: {repeats_more_than: 2}")

    def turn(command: str) -> dict:
        call = {"id": "c", "type": "function", "function": {"name": "Bash", "arguments": command}}
        asked = {"role": "assistant", "content": None, "tool_calls": [call]}
        return chat(messages=[asked, {"role": "tool", "tool_call_id": "c", "content": "no output"}])

    verdicts = [
        ask(model_slip(turn(command), circles), addon=addon)
        for command in ("a", "b", "c", "d", "e", "a", "a", "a")
    ]
    assert [isinstance(each, Refusal) for each in verdicts] == [False] * 7 + [True]


@pytest.mark.parametrize("kind", ["http", "llm"])
def test_a_rule_may_be_about_one_kind_of_call(kind):
    text = rules(f"id: r, decision: deny, match: {{kinds: [{kind}]}}")
    assert isinstance(ask(slip(rules=text)), Refusal) is (kind == "http")
    assert isinstance(ask(model_slip(chat(), text)), Refusal) is (kind == "llm")
