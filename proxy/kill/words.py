"""What a stop means for one call, and how it is told: to its agent, and to the ledger (pure)."""

from collections.abc import Iterable
from typing import Any, cast

from proxy.identity.scope import Scope
from proxy.kill.stops import Level, Stop, Stops
from proxy.ledger.r6 import ms_of
from proxy.ledger.records import Event
from proxy.policy.facts import READS
from proxy.refusals import Code, Refusal
from proxy.slip import Slip

KINDS = ("kill", "quarantine", "revive")
"""Events that say what is stopped; whoever reads them in order knows what is in force."""


def refusal_of_stop(stop: Stop) -> Refusal:
    """The no that everything in its scope is told."""
    what = f"The {stop.scope.kind} that this call belongs to"
    reason = stop.reason if stop.reason.endswith((".", "!", "?")) else f"{stop.reason}."
    facts: dict[str, str | int] = {"scope": stop.scope.kind, "since": stop.at_ms // 1000}
    if stop.level == "kill":
        return Refusal(
            Code.KILLED,
            f"{what} was stopped: {reason} Nothing of it passes until it is revived; do not try "
            "again. Ask the operator (exeat revive).",
            facts=facts,
        )
    return Refusal(
        Code.QUARANTINED,
        f"{what} is in quarantine: {reason} It may read and ask models, and not write, until it is "
        "revived. Ask the operator (exeat revive).",
        facts=facts,
    )


def goes_on(slip: Slip) -> bool:
    """Whether a call that is under way may end by itself when its agent comes into quarantine: it
    reads, or the tools that its answer asks for were to be decided anyway."""
    if slip.door == "internal":
        return True
    if slip.dialogue is not None or slip.socket is not None:
        return slip.gate is not None
    if slip.call is not None:
        return slip.gates_tools
    return slip.method in READS


def event_of_stop(stop: Stop, severed: int) -> Event:
    """A kill or a quarantine, with how many calls it cut here."""
    scope = stop.scope
    return Event(
        kind=stop.level,
        id=stop.id,
        ts_ms=stop.at_ms,
        org=scope.org,
        agent=scope.agent,
        session=scope.session,
        status="in_force",
        facts={"by": stop.by, "reason": stop.reason, "severed": severed},
    )


def event_of_severed(stop: Stop, severed: int, event_id: str, now_ms: int) -> Event:
    """What a stop that another process was asked for has cut in this one."""
    scope = stop.scope
    return Event(
        kind="severed",
        id=event_id,
        ts_ms=now_ms,
        org=scope.org,
        agent=scope.agent,
        session=scope.session,
        decision_id=stop.id,
        status=stop.level,
        facts={"by": stop.by, "reason": stop.reason, "severed": severed},
    )


def event_of_revive(was: Stop, by: str, reason: str, event_id: str, now_ms: int) -> Event:
    """The end of a stop."""
    scope = was.scope
    return Event(
        kind="revive",
        id=event_id,
        ts_ms=now_ms,
        org=scope.org,
        agent=scope.agent,
        session=scope.session,
        decision_id=was.id,
        status="lifted",
        facts={"by": by, "reason": reason, "was": was.level, "was_by": was.by},
    )


def stops_of(bodies: Iterable[dict[str, Any]]) -> Stops:
    """What is in force after these records, which come in the order in which they were filed."""
    stops = Stops()
    for body in bodies:
        role, facts = body["role"], body["result"]["facts"]
        scope = Scope(role["org"], role["agent"], role["session"])
        if body["kind"] == "revive":
            stops.remove(scope)
        else:
            level = cast(Level, body["kind"])
            at_ms = ms_of(body["ts"])
            stops.add(Stop(body["id"], scope, level, facts["by"], facts["reason"], at_ms))
    return stops
