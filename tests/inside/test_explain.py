"""What would be decided, told before it is tried."""

import pytest

from proxy.endpoint import Problem
from proxy.inside.explain import Explainer, WouldBe
from proxy.policy import PolicyBook
from tests.inside.callers import asks, caller
from tests.policy.texts import policy

RULES = """
egress: {allow: [{host: api.openai.com}]}
models: {allow: ["gpt-4o*"]}
rules:
  - {id: no-rm, decision: deny, reason: Not here., match: {commands: [rm]}}
"""
TABLE = {
    # what would be asked: (passes, by which rule)
    "a place on the list": ({"host": "api.openai.com"}, True, "p/egress.allow[0]"),
    "a place that is not": ({"host": "b.test"}, False, "p/egress.default"),
    "a model on the list": ({"model": "gpt-4o-mini"}, True, "p/models.allow"),
    "a model that is not": ({"model": "o3"}, False, "p/models.allow"),
    "a tool": ({"tool": "Read"}, True, "p/tools.default"),
    "a tool by what it would do": (
        {"tool": "Bash", "arguments": '{"command":"rm x"}'},
        False,
        "p/rules.no-rm",
    ),
}


def explainer() -> Explainer:
    return Explainer(PolicyBook([policy(RULES)]))


@pytest.mark.parametrize("case", TABLE)
async def test_what_would_be_decided_and_by_which_rule(case):
    would_be, passes, rule = TABLE[case]
    told = await explainer().explain(asks(caller(RULES), WouldBe.model_validate(would_be)))

    assert (told.passes, told.ruled.rule) == (passes, rule)


async def test_a_policy_for_others_is_nobody_elses_business():
    book = PolicyBook([policy(RULES), policy("applies_to: {orgs: [other]}", "secret")])
    told = await Explainer(book).explain(asks(caller(RULES), WouldBe(tool="Read")))

    assert [each.policy for each in told.policies] == [book.policies[0].id]


async def test_a_question_about_nothing_is_turned_away():
    with pytest.raises(Problem) as raised:
        await explainer().explain(asks(caller(RULES), WouldBe()))
    assert raised.value.status == 400
