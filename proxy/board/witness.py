"""A witness: one agent's word on a record of another's (pure)."""

import hashlib
import json
from dataclasses import dataclass
from typing import Annotated, Literal, cast

from pydantic import Field

from proxy.board.words import Id
from proxy.endpoint import Model, Problem
from proxy.ledger.r6 import Body, ms_of
from proxy.ledger.records import Event
from proxy.slip import Identity

KIND = "witness"

Verdict = Literal["confirm", "dispute"]
Reason = Literal[
    "observed",
    "reproduced",
    "verified",
    "not_done",
    "wrong_result",
    "incomplete",
    "not_as_described",
    "harmful",
]
_CONFIRMING = ("observed", "reproduced", "verified")


class Attestation(Model):
    """What an agent says of a record."""

    record: Annotated[
        Id,
        Field(
            description="The record's id: `record` of a task, or X-Exeat-Record of a refusal. It may "
            "not be your own."
        ),
    ]
    outcome: Annotated[
        Verdict, Field(description="Is it so, as far as you have seen (confirm), or not (dispute)?")
    ]
    reason: Annotated[
        Reason,
        Field(
            description="How you know. To confirm: observed, reproduced, verified. To dispute: "
            "not_done, wrong_result, incomplete, not_as_described, harmful."
        ),
    ]


@dataclass(frozen=True, slots=True)
class Witness:
    """An attestation as it is on file."""

    id: str
    record: str
    agent: str
    session: str
    outcome: Verdict
    reason: Reason
    ts_ms: int


def must_fit(asked: Attestation) -> None:
    """A reason to confirm is none to dispute. Raises Problem."""
    if (asked.outcome == "confirm") != (asked.reason in _CONFIRMING):
        raise Problem(
            400,
            "bad_reason",
            f"{asked.reason} is no reason to {asked.outcome}. To confirm: {', '.join(_CONFIRMING)}; "
            "to dispute: the others.",
        )


def must_be_anothers(about: Body, who: Identity) -> None:
    """Nobody vouches for itself, nor for the agents within it or around it. Raises Problem."""
    agent = _role(about)["agent"]
    if agent is None:
        raise Problem(
            409,
            "nobody_to_attest",
            "This record is of no agent's doing: there is nothing to attest.",
        )
    if _is_one(str(agent), who.agent):
        raise Problem(
            403,
            "own_record",
            f"This record is of {agent}, and you are {who.agent}. Another agent must attest it.",
        )


def witness_id(org: str, agent: str, record: str) -> str:
    """One for each (witness, record), so that the ledger itself keeps it from being filed twice."""
    digest = hashlib.sha256(json.dumps([KIND, org, agent, record]).encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-8{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"


def witness_event(asked: Attestation, who: Identity, about: Body, now_ms: int) -> Event:
    """As the ledger files it."""
    return Event(
        kind=KIND,
        id=witness_id(who.org, who.agent, asked.record),
        ts_ms=now_ms,
        org=who.org,
        agent=who.agent,
        session=who.session,
        task=who.task,
        decision_id=asked.record,
        status=asked.outcome,
        facts={
            "reason": asked.reason,
            "about_agent": cast(str, _role(about)["agent"]),
            "about_kind": cast(str, about["kind"]),
            "strength": who.strength,
        },
    )


def witness_of(body: Body) -> Witness:
    """Read back."""
    role, result = _role(body), cast(Body, body["result"])
    return Witness(
        id=cast(str, body["id"]),
        record=cast(str, cast(Body, body["reference"])["decision_id"]),
        agent=cast(str, role["agent"]),
        session=cast(str, role["session"]),
        outcome=cast(Verdict, result["status"]),
        reason=cast(Reason, cast(Body, result["facts"])["reason"]),
        ts_ms=ms_of(cast(str, body["ts"])),
    )


def _role(body: Body) -> Body:
    return cast(Body, body["role"])


def _is_one(left: str, right: str) -> bool:
    """`coder/reviewer` is an agent of `coder`."""
    return left == right or left.startswith(f"{right}/") or right.startswith(f"{left}/")
