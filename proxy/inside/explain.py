"""Would this be allowed? Asked before it is tried, of the same function that would decide."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

from pydantic import Field

from proxy.actions import action_of
from proxy.endpoint import Asked, Endpoint, Model, Nothing, Problem
from proxy.policy import PolicyBook
from proxy.policy.explain import explain
from proxy.policy.facts import Facts
from proxy.policy.words import now
from proxy.serving import BAD_QUERY
from proxy.slip import Slip

_ARGUMENTS_MAX = 32_768

Word = Annotated[str, Field(max_length=2048)]


class WouldBe(Model):
    """What would be asked for: a place, a model or a tool."""

    host: Word | None = None
    port: Annotated[int, Field(ge=1, le=65535)] = 443
    method: Word = "GET"
    path: Word = "/"
    model: Word | None = None
    provider: Word | None = None
    tool: Word | None = None
    arguments: Annotated[str, Field(max_length=_ARGUMENTS_MAX)] = "{}"
    """Of the tool, as JSON."""


class Decided(Model):
    """A decision, and whose it was."""

    decision: str
    rule: str
    reason: str
    enforced: bool
    """False: a policy that only watches would have it so, and it passes."""
    watched: "Decided | None" = None
    """What policies that only watch would have decided instead."""
    bypass: str = ""
    """The id of the bypass by which it passes, where its rule refuses."""


class ConsideredRule(Model):
    """One rule, in the order in which rules count."""

    rule: str
    decision: str
    missed: str | None
    """The criterion that is not met; null when it matches."""
    won: bool


class PolicySaid(Model):
    """One policy's word."""

    policy: str
    places: str | None
    model: str | None
    rules: Sequence[ConsideredRule]
    ruled: Decided | None


class Explained(Model):
    """What would be decided, and how it comes about."""

    passes: bool
    ruled: Decided
    policies: Sequence[PolicySaid]
    """Those that apply to you."""


class Explainer:
    """Answers for the caller itself, and for nobody else."""

    def __init__(self, policies: PolicyBook) -> None:
        self._policies = policies

    async def explain(self, asked: Asked[Slip, WouldBe, Nothing]) -> Explained:
        """Whether a call to a host, a model or a tool would be allowed, and by which rule."""
        found = explain(
            self._policies.policies, _facts(asked.who, asked.query), self._policies.permits
        )
        return Explained(
            passes=found.ruled.passes,
            ruled=Decided(**asdict(found.ruled)),
            policies=[
                PolicySaid(
                    policy=said.policy,
                    places=said.places,
                    model=said.model,
                    rules=[ConsideredRule(**asdict(rule)) for rule in said.rules],
                    ruled=Decided(**asdict(said.ruled)) if said.ruled else None,
                )
                for said in found.policies
                if said.applies
            ],
        )

    def endpoints(self) -> Sequence[Endpoint[Slip]]:
        return [
            Endpoint(
                "GET",
                "/v1/policy/explain",
                "agent",
                self.explain,
                Explained,
                query=WouldBe,
                tag="you",
            )
        ]


def _facts(slip: Slip, would_be: WouldBe) -> Facts:
    who = slip.identity
    assert who is not None
    caller = (who.org, who.agent, who.session, now(), who.strength)
    if would_be.tool is not None:
        return Facts("tool", *caller, action=action_of(would_be.tool, would_be.arguments))
    if would_be.host is None and would_be.model is None:
        raise Problem(400, BAD_QUERY, "Name a host, a model or a tool to ask about.")
    return Facts(
        "http" if would_be.model is None else "llm",
        *caller,
        host=would_be.host,
        port=would_be.port,
        method=would_be.method.upper(),
        path=would_be.path.partition("?")[0],
        provider=would_be.provider,
        model=would_be.model,
    )
