"""A message from one agent to others, and what may be asked about messages (pure).

A message is never an approval: nothing that decides reads one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field, model_validator

from proxy.board.roles import Roles, matches_any
from proxy.board.words import Glob, Id, Key, Letter, Role, sha256_of
from proxy.endpoint import Model, Problem
from proxy.ledger.records import Event
from proxy.slip import Identity

KIND = "message"
KEPT_S = 7 * 86_400
KEPT_S_MAX = 30 * 86_400


@dataclass(frozen=True, slots=True)
class Address:
    """Whom a message is for: the agents that a glob stands for, or those of a role."""

    kind: Literal["agent", "role"]
    value: str

    @property
    def is_one(self) -> bool:
        """A single agent, so a message is done with once it was acknowledged."""
        return self.kind == "agent" and not set("*?") & set(self.value)

    def reaches(self, agent: str, roles: Sequence[str]) -> bool:
        """Is a message sent here for this agent, which has these roles?"""
        if self.kind == "role":
            return self.value in roles
        return self.value == agent if self.is_one else matches_any([self.value], agent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message. Its text stays out of its representation, and so out of logs."""

    id: str
    org: str
    thread: str
    """The id of the first message of its conversation."""
    reply_to: str | None = None
    sender: str
    """The agent that was proved to send it."""
    session: str
    to: Address
    text: str = field(repr=False)
    sent_ms: int
    expires_ms: int
    key: str | None = field(default=None, repr=False)
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Received:
    """A message in an agent's inbox."""

    number: int
    """Where it stands in the order in which messages were sent."""
    message: Message
    acknowledged_ms: int | None = None


class NewMessage(Model):
    """A message to be sent, to `to_agent` or `to_role`; a reply goes to whoever it answers unless it
    says otherwise."""

    text: Annotated[Letter, Field(description="What to tell them. At most 64 KiB.")]
    to_agent: Annotated[
        Glob | None, Field(description="An agent, or a glob such as `review/*` for many.")
    ] = None
    to_role: Annotated[Role | None, Field(description="A role of the operator's.")] = None
    reply_to: Annotated[Id | None, Field(description="The message that this answers.")] = None
    expires_s: Annotated[
        int, Field(ge=1, le=KEPT_S_MAX, description="Seconds until it is forgotten.")
    ] = KEPT_S
    key: Annotated[
        Key | None, Field(description="Idempotency key: the same request again sends nothing.")
    ] = None

    @model_validator(mode="after")
    def _addressed(self) -> "NewMessage":
        if self.to_agent is not None and self.to_role is not None:
            raise ValueError("give to_agent or to_role, not both")
        if self.to_agent is None and self.to_role is None and self.reply_to is None:
            raise ValueError("say whom it is for: to_agent, to_role, or reply_to")
        return self


def address_of(new: NewMessage, answered: Message | None, who: Identity, roles: Roles) -> Address:
    """Whom it is for. Raises Problem."""
    if new.to_role is not None:
        if new.to_role not in roles.names:
            raise unknown_role(new.to_role, roles)
        return Address("role", new.to_role)
    if new.to_agent is not None:
        return Address("agent", new.to_agent)
    assert answered is not None
    is_own = answered.sender == who.agent
    return answered.to if is_own else Address("agent", answered.sender)


def unknown_role(role: str, roles: Roles) -> Problem:
    """For whoever names a role that the operator has not made."""
    known = ", ".join(roles.names) or "none"
    return Problem(
        404,
        "role_not_found",
        f"There is no role {role}; there are: {known}. Name agents by a glob, or ask the operator "
        "for [board.roles].",
    )


def concerns(message: Message, agent: str, roles: Sequence[str]) -> bool:
    """May this agent read it?"""
    return message.sender == agent or message.to.reaches(agent, roles)


def message_event(event_id: str, now_ms: int, what: str, who: Identity, message: Message) -> Event:
    """What the ledger hears of it: from whom, to whom, and a hash."""
    return Event(
        kind=KIND,
        id=event_id,
        ts_ms=now_ms,
        org=message.org,
        agent=who.agent,
        session=who.session,
        task=who.task,
        status=what,
        facts={
            "message": message.id,
            "thread": message.thread,
            "reply_to": message.reply_to,
            "from": message.sender,
            f"to_{message.to.kind}": message.to.value,
            "text_sha256": sha256_of(message.text),
            "text_bytes": len(message.text.encode()),
        },
    )
