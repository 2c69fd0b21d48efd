"""Who an agent is taken for."""

from proxy.inside.whoami import whoami
from tests.inside.callers import asks, caller


async def test_an_agent_learns_who_it_is_taken_for():
    slip = caller()
    told = await whoami(asks(slip))

    assert told.model_dump() == {
        "org": "acme",
        "agent": "coder",
        "session": "s1",
        "task": "t1",
        "parent": None,
        "sources": {"org": "headers"},
        "policies": list(slip.terms.policy_ids),
    }
