"""Approvals in other words: for the ledger and back, for whoever is refused, and as JSON (pure)."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from proxy.approvals.approval import Approval, Short, Taken, Vote, Wanted
from proxy.budgets import Limit
from proxy.ledger.r6 import ms_of
from proxy.ledger.records import Event
from proxy.refusals import Code, Refusal
from proxy.slip import Ruled

KIND = "approval"
"""The kind of event; whoever reads them in order knows what is open."""

RETRY_S = 30
"""When it is worth asking again for what a person has to see first."""

AGAIN = "Ask for the very same again once it is granted"


def event_of(it: Approval) -> Event:
    """What it came to be, under a name that no other change of it has."""
    who = it.wanted
    return Event(
        kind=KIND,
        id=f"{it.id}.{it.version}",
        ts_ms=it.changed_ms,
        org=who.org,
        agent=who.agent,
        session=who.session,
        task=who.task,
        decision_id=it.claimed_by or it.call,
        status=it.state,
        facts={
            "approval": it.id,
            "version": it.version,
            "key": who.key,
            "kind": who.kind,
            "parent": who.parent,
            "rule": who.rule,
            "reason": who.reason,
            "policies": _written(who.policies),
            "summary": _written(who.summary),
            "short": _written(_of_short(who.short)) if who.short else None,
            "call": it.call,
            "asked_ms": it.asked_ms,
            "until_ms": it.until_ms,
            "needed": it.needed,
            "votes": _written([[v.by, v.says_yes, v.reason, v.at_ms] for v in it.votes]),
            "by": it.votes[-1].by if it.votes else None,
            "said": it.votes[-1].reason if it.votes else None,
            "claimed_by": it.claimed_by,
        },
    )


def event_of_leaving(it: Approval, call: str, event_id: str, now_ms: int) -> Event:
    """The client of a held call went before anybody decided."""
    who = it.wanted
    return Event(
        kind=KIND,
        id=event_id,
        ts_ms=now_ms,
        org=who.org,
        agent=who.agent,
        session=who.session,
        task=who.task,
        decision_id=call,
        status="client_gone",
        facts={"approval": it.id, "rule": who.rule},
    )


def approvals_of(bodies: Iterable[Mapping[str, Any]]) -> dict[str, Approval]:
    """What each came to be, after these records, which come in the order in which they were filed."""
    found: dict[str, Approval] = {}
    for body in bodies:
        facts, role = body["result"]["facts"], body["role"]
        if "version" not in facts:
            continue
        wanted = Wanted(
            key=facts["key"],
            kind=facts["kind"],
            org=role["org"],
            agent=role["agent"],
            session=role["session"],
            task=role["task"],
            parent=facts["parent"],
            rule=facts["rule"],
            reason=facts["reason"],
            policies=tuple(json.loads(facts["policies"])),
            summary=tuple((name, value) for name, value in json.loads(facts["summary"])),
            short=_short(json.loads(facts.get("short") or "null")),
        )
        found[facts["approval"]] = Approval(
            id=facts["approval"],
            wanted=wanted,
            call=facts["call"],
            state=body["result"]["status"],
            asked_ms=facts["asked_ms"],
            changed_ms=ms_of(body["ts"]),
            until_ms=facts["until_ms"],
            needed=facts["needed"],
            votes=tuple(Vote(*each) for each in json.loads(facts["votes"])),
            claimed_by=facts["claimed_by"],
            version=facts["version"],
        )
    return found


def written(it: Approval) -> str:
    """As JSON; numbers that matter to others stand beside it."""
    found = {**asdict(it), "joins_until_ms": it.joins_until_ms}
    found["wanted"]["short"] = _of_short(it.wanted.short) if it.wanted.short else None
    return _written(found)


def read(text: str | bytes) -> Approval:
    """The inverse of `written`."""
    found = json.loads(text)
    del found["joins_until_ms"]
    wanted = found.pop("wanted")
    wanted["policies"] = tuple(wanted["policies"])
    wanted["summary"] = tuple((name, value) for name, value in wanted["summary"])
    wanted["short"] = _short(wanted.get("short"))
    votes = tuple(Vote(**each) for each in found.pop("votes"))
    return Approval(**found, wanted=Wanted(**wanted), votes=votes)


def refusal_of(it: Approval, what: str) -> Refusal:
    """The no that a held call is told, for now or for good."""
    reason = _sentence(it.wanted.reason)
    match it.state:
        case "denied":
            code, says = Code.APPROVAL_DENIED, f"A person said no{_why(it)}; do not try again."
        case "expired":
            code, says = (
                Code.APPROVAL_EXPIRED,
                "Nobody decided in time. Asked again, it is asked anew.",
            )
        case _:
            code, says = Code.APPROVAL_PENDING, f"Approval {it.id} is pending. {AGAIN}."
    return Refusal(
        code,
        f"{what} needs a person's approval. {reason}{says}",
        rule=it.wanted.rule,
        facts={"approval": it.id},
        retry_after_s=RETRY_S if code is Code.APPROVAL_PENDING else None,
    )


def of_taken(taken: Taken, ruled: Ruled, what: str) -> Refusal:
    """The no of what could not be taken."""
    if taken.is_blind:
        return Refusal(
            Code.GOVERNANCE_UNAVAILABLE,
            f"{what} needs a person's approval, and it cannot be read what people approved. Try again "
            "shortly.",
            rule=ruled.rule,
        )
    if taken.approval is None:
        return refusal_of_too_many(ruled, what)
    return refusal_of(taken.approval, what)


def refusal_of_too_many(ruled: Ruled, what: str) -> Refusal:
    """The no where nobody is asked any more."""
    return Refusal(
        Code.APPROVAL_REQUIRED,
        f"{what} needs a person's approval, and too many questions of its org wait for one already. "
        "Ask again when some are decided.",
        rule=ruled.rule,
    )


def _of_short(it: Short) -> list[Any]:
    """Amounts as text: readers of JSON round what is large."""
    limit = it.limit
    return [limit.name, limit.scope, limit.unit, limit.window, str(limit.cap), str(it.missing)]


def _short(found: list[Any] | None) -> Short | None:
    if found is None:
        return None
    name, scope, unit, window, cap, missing = found
    pairs = tuple((dimension, value) for dimension, value in scope)
    return Short(Limit(name, pairs, unit, window, int(cap)), int(missing))


def _why(it: Approval) -> str:
    no = next((vote for vote in reversed(it.votes) if not vote.says_yes), None)
    return f": {no.reason.rstrip('.')}" if no is not None and no.reason else ""


def _sentence(text: str) -> str:
    if not text:
        return ""
    text = text[:1].upper() + text[1:]
    return f"{text if text.endswith(('.', '!', '?')) else f'{text}.'} "


def _written(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
