"""A permit as it is shared and as it is filed (pure)."""

import json
from collections.abc import Iterable
from typing import Any

from proxy.identity.scope import Scope
from proxy.ledger.r6 import ms_of
from proxy.ledger.records import Event, Fact
from proxy.policy.permits import Bypass, Grant, Permit

KINDS = ("bypass", "grant", "permit_end")
"""Events that say what is allowed for a time; whoever reads them in order knows what is in force."""


def event_of(permit: Permit) -> Event:
    """What was allowed, by whom and until when."""
    return Event(
        kind="bypass" if isinstance(permit, Bypass) else "grant",
        id=permit.id,
        ts_ms=permit.from_ms,
        org=permit.scope.org,
        agent=permit.scope.agent,
        session=permit.scope.session,
        status="in_force",
        facts={
            "by": permit.by,
            "reason": permit.reason,
            "until_ms": permit.until_ms,
            **_facts(permit),
        },
    )


def event_of_end(
    permit: Permit, how: str, by: str, reason: str, severed: int, event_id: str, now_ms: int
) -> Event:
    """Its end: `expired`, or `revoked` by somebody; with how many calls that cut here."""
    return Event(
        kind="permit_end",
        id=event_id,
        ts_ms=now_ms,
        org=permit.scope.org,
        agent=permit.scope.agent,
        session=permit.scope.session,
        decision_id=permit.id,
        status=how,
        facts={"by": by, "reason": reason, "severed": severed},
    )


def permits_of(bodies: Iterable[dict[str, Any]]) -> dict[str, Permit]:
    """What has not ended after these records, by its id, in the order in which they were filed."""
    found: dict[str, Permit] = {}
    for body in bodies:
        if body["kind"] == "permit_end":
            found.pop(body["reference"]["decision_id"], None)
        else:
            permit = _filed(body)
            found[permit.id] = permit
    return found


def dumped(permit: Permit) -> str:
    """As it is shared."""
    event = event_of(permit)
    scope = [event.org, event.agent, event.session]
    facts = {**event.facts, "from_ms": str(permit.from_ms), "until_ms": str(permit.until_ms)}
    return json.dumps({"id": event.id, "kind": event.kind, "scope": scope, "facts": facts})


def loaded(text: str | bytes) -> Permit:
    """The same, read."""
    it = json.loads(text)
    facts = it["facts"]
    return _made(it["kind"], it["id"], Scope(*it["scope"]), int(facts["from_ms"]), facts)


def _filed(body: dict[str, Any]) -> Permit:
    role = body["role"]
    scope = Scope(role["org"], role["agent"], role["session"])
    return _made(body["kind"], body["id"], scope, ms_of(body["ts"]), body["result"]["facts"])


def _facts(permit: Permit) -> dict[str, Fact]:
    if isinstance(permit, Bypass):
        return {"rules": json.dumps(permit.rules)}
    assert isinstance(permit, Grant)
    amount = str(permit.amount)  # Readers of JSON round what is large.
    return {
        "limit": permit.limit,
        "budget": permit.budget,
        "unit": permit.unit,
        "amount": amount,
    }


def _made(kind: str, permit_id: str, scope: Scope, from_ms: int, facts: dict[str, Any]) -> Permit:
    by, reason, until_ms = facts["by"], facts["reason"], int(facts["until_ms"])
    if kind == "bypass":
        return Bypass(
            id=permit_id,
            scope=scope,
            by=by,
            reason=reason,
            from_ms=from_ms,
            until_ms=until_ms,
            rules=tuple(json.loads(facts["rules"])),
        )
    return Grant(
        id=permit_id,
        scope=scope,
        by=by,
        reason=reason,
        from_ms=from_ms,
        until_ms=until_ms,
        limit=facts["limit"],
        budget=facts["budget"],
        unit=facts["unit"],
        amount=int(facts["amount"]),
    )
