"""Kills: what is stopped, stopping it, and letting it go on."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from proxy.console.access import Viewer
from proxy.endpoint import Asked, Endpoint, Model, Nothing, Problem
from proxy.identity.claims import VALUE
from proxy.identity.scope import Scope
from proxy.kill.stops import REASON_MAX, Level, Stop
from proxy.kill.switch import KillSwitch

Name = Annotated[str, Field(pattern=f"^{VALUE}$")]
"""As identities are written, so that a name which nobody can have is noticed."""
Reason = Annotated[str, Field(min_length=1, max_length=REASON_MAX, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""Told to whoever is refused, and kept in the record."""


class Scoped(Model):
    """An org; an agent of it; or a session of that agent."""

    org: Name
    agent: Name | None = None
    session: Name | None = None

    @model_validator(mode="after")
    def _agents_session(self) -> Self:
        if self.session is not None and self.agent is None:
            raise ValueError("a session is some agent's: name the agent, too")
        return self

    @property
    def scope(self) -> Scope:
        """As the kill switch names it."""
        return Scope(self.org, self.agent, self.session)


class KillAsked(Scoped):
    """What to stop, how far, and why."""

    level: Literal["kill", "quarantine"] = "kill"
    """Nothing passes; or only what reads, while tools wait for a person."""
    reason: Reason


class ReviveAsked(Scoped):
    """What may go on, and why."""

    reason: Reason


class StopInForce(Model):
    """A kill or a quarantine."""

    id: str
    """Of its record."""
    org: str
    agent: str | None
    session: str | None
    level: Level
    by: str
    reason: str
    at_ms: int


class Kills(Model):
    """Everything that is stopped, the oldest first."""

    stops: list[StopInForce]
    is_blind: bool
    """What other processes stopped cannot be read now, so everything is refused."""


class Killed(Model):
    """What a kill or a quarantine did."""

    stop: StopInForce
    """What is in force now: another's, where one as strict was there before."""
    severed: int
    """Calls that ended with it in the process that was asked; others file their own."""


class Revived(Model):
    """What was lifted."""

    was: StopInForce
    still: list[StopInForce]
    """What keeps all or a part of it stopped all the same."""


def endpoints(switch: KillSwitch) -> list[Endpoint[Viewer]]:
    """What can be asked of the kill switch."""

    async def kills(asked: Asked[Viewer, Nothing, Nothing]) -> Kills:
        """Everything that is stopped."""
        return Kills(stops=[in_force(each) for each in switch.in_force], is_blind=switch.is_blind)

    async def kill(asked: Asked[Viewer, Nothing, KillAsked]) -> Killed:
        """Stop an org, an agent or a session, in every process at once."""
        body = asked.body
        done = await switch.stop(body.scope, body.level, asked.who.name, body.reason)
        return Killed(stop=in_force(done.stop), severed=done.severed)

    async def revive(asked: Asked[Viewer, Nothing, ReviveAsked]) -> Revived:
        """Let what was stopped go on."""
        scope = asked.body.scope
        was = await switch.revive(scope, asked.who.name, asked.body.reason)
        if was is None:
            raise Problem(
                404, "not_stopped", f"Nothing stops {scope}; `exeat kills` lists what is."
            )
        still = [in_force(each) for each in switch.in_force if _overlap(each.scope, scope)]
        return Revived(was=in_force(was), still=still)

    tag = "kills"
    return [
        Endpoint("GET", "/api/kills", "viewer", kills, Kills, tag=tag),
        Endpoint("POST", "/api/kills", "approver", kill, Killed, body=KillAsked, tag=tag),
        Endpoint(
            "POST",
            "/api/kills/revive",
            "admin",
            revive,
            Revived,
            body=ReviveAsked,
            problems=(404,),
            tag=tag,
        ),
    ]


def in_force(stop: Stop) -> StopInForce:
    """A stop as it is shown."""
    scope = stop.scope
    return StopInForce(
        id=stop.id,
        org=scope.org,
        agent=scope.agent,
        session=scope.session,
        level=stop.level,
        by=stop.by,
        reason=stop.reason,
        at_ms=stop.at_ms,
    )


def _overlap(one: Scope, other: Scope) -> bool:
    """Whether one lies within the other."""
    pairs = ((one.org, other.org), (one.agent, other.agent), (one.session, other.session))
    return all(a is None or b is None or a == b for a, b in pairs)
