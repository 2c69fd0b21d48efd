"""What is said again of a call that a person kept waiting."""

import pytest

from proxy.anew import Anew
from proxy.approvals.wanted import of_call
from proxy.identity.scope import Scope
from proxy.kill.stops import Stop
from proxy.kill.switch import KillSwitch
from proxy.policy import PolicyBook
from proxy.policy.decide import decide
from proxy.policy.words import facts_of
from proxy.refusals import Code
from proxy.slip import Ruled
from tests.addons.slips import slip, switch
from tests.policy.texts import policy

OPEN = "egress: {default: allow}\n"
HELD = OPEN + "rules: [{id: look, decision: hold}]\n"


@pytest.fixture
async def still() -> KillSwitch:
    """Nobody is stopped."""
    made = switch()
    await made.open()
    return made


def book(text: str) -> PolicyBook:
    return PolicyBook([policy(text)])


async def test_what_passes_goes_on_with_the_terms_of_now(still) -> None:
    made, now = slip(), book(OPEN + "budgets: [{name: day, window: day, usd: '1'}]\n")
    assert Anew(still, now).no(made, "This call", None) is None
    assert made.terms is now.terms("acme", "coder")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (OPEN + "rules: [{id: no, decision: deny}]\n", Code.POLICY_DENIED),
        ("egress: {default: deny}\n", Code.POLICY_DENIED),
        (HELD, Code.APPROVAL_REQUIRED),
        ("", Code.POLICY_DENIED),
    ],
)
async def test_what_a_new_version_refuses_or_holds_does_not_go_on(still, text, code) -> None:
    refusal = Anew(still, book(text)).no(slip(), "This call", None)
    assert refusal is not None
    assert refusal.code is code


async def test_what_is_held_by_the_question_that_was_answered_goes_on(still) -> None:
    made, now = slip(), book(HELD)
    made.terms = now.terms("acme", "coder")
    ruled = decide(made.terms, facts_of(made))
    assert isinstance(ruled, Ruled)
    key = of_call(made, ruled).key
    assert Anew(still, now).no(made, "This call", key) is None
    assert Anew(still, now).no(made, "This call", "another") is not None


async def test_who_was_stopped_meanwhile_goes_nowhere(still) -> None:
    await still.stop(Scope("acme", "coder"), "kill", "ann", "astray")
    stop = still.found(slip().identity)  # type: ignore[arg-type]
    assert isinstance(stop, Stop)
    refusal = Anew(still, book(OPEN)).no(slip(), "This call", None)
    assert refusal is not None
    assert refusal.code is Code.KILLED
