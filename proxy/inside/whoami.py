"""Who am I taken for?"""

from collections.abc import Mapping, Sequence

from proxy.endpoint import Asked, Endpoint, Model, Nothing
from proxy.slip import Slip


class WhoAmI(Model):
    """An identity as the corridor settled it, and the policies that hold for it."""

    org: str
    agent: str
    session: str
    task: str | None
    parent: str | None
    sources: Mapping[str, str]
    """Each part, and where it was said."""
    policies: Sequence[str]


async def whoami(asked: Asked[Slip, Nothing, Nothing]) -> WhoAmI:
    """Who you are taken for, and which policies apply to you."""
    identity, terms = asked.who.identity, asked.who.terms
    assert identity is not None
    return WhoAmI(
        org=identity.org,
        agent=identity.agent,
        session=identity.session,
        task=identity.task,
        parent=identity.parent,
        sources=dict(identity.sources),
        policies=list(terms.policy_ids) if terms else [],
    )


def endpoint() -> Endpoint[Slip]:
    return Endpoint("GET", "/v1/whoami", "agent", whoami, WhoAmI, tag="you")
