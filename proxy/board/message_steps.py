"""What is done to messages in one transaction, over whatever keeps them (pure over the shelf)."""

from collections.abc import Sequence
from dataclasses import dataclass

from proxy.board.message import (
    Address,
    Message,
    NewMessage,
    Received,
    address_of,
    concerns,
    message_event,
)
from proxy.board.roles import Roles
from proxy.board.store import Shelf
from proxy.board.task_steps import NewId
from proxy.board.words import digest_of
from proxy.endpoint import Problem
from proxy.slip import Identity

INBOX_MAX = 1000
"""Messages that wait at one address."""
FROM_ONE_MAX = 200
"""Of these from one sender, so that nobody can shut an inbox for everybody else."""
MESSAGES_MAX = 20_000
"""Messages that are kept of one org. Beyond it those that are done with make room, the oldest first."""
SHARE_MAX = 2_000
"""Of these from one sender that are not done with, so that nobody can shut all inboxes of the org."""


@dataclass(frozen=True, slots=True)
class Inbox:
    """Some of what came for an agent; `following` is where the rest begins."""

    received: tuple[Received, ...]
    following: int | None = None


def send(
    shelf: Shelf, new: NewMessage, who: Identity, now_ms: int, new_id: NewId, roles: Roles
) -> Message:
    """Put it where its addressees look, unless its key says that it was sent before. Raises Problem."""
    earlier = shelf.messages.sent_with(who.org, who.agent, new.key, now_ms) if new.key else None
    if earlier is not None:
        return _same(earlier, new)
    answered = known(shelf, new.reply_to, who, now_ms, roles) if new.reply_to else None
    to = address_of(new, answered, who, roles)
    _must_have_room(shelf, who, to, now_ms)
    message_id = new_id(now_ms)
    message = Message(
        id=message_id,
        org=who.org,
        thread=answered.thread if answered else message_id,
        reply_to=new.reply_to,
        sender=who.agent,
        session=who.session,
        to=to,
        text=new.text,
        sent_ms=now_ms,
        expires_ms=now_ms + new.expires_s * 1000,
        key=new.key,
        digest=digest_of(new),
    )
    shelf.messages.put(message)
    shelf.events.put(message_event(new_id(now_ms), now_ms, "sent", who, message))
    return message


def inbox(
    shelf: Shelf,
    who: Identity,
    after: int,
    limit: int,
    now_ms: int,
    roles: Roles,
    *,
    with_acknowledged: bool = False,
) -> Inbox:
    """What came for this agent, oldest first."""
    found: list[Received] = []
    for each in shelf.messages.inbox(who.org, who.agent, roles.of(who.agent), after, now_ms):
        if each.acknowledged_ms is not None and not with_acknowledged:
            continue
        if len(found) == limit:
            return Inbox(tuple(found), found[-1].number)
        found.append(each)
    return Inbox(tuple(found))


def thread(
    shelf: Shelf, message_id: str, who: Identity, now_ms: int, roles: Roles
) -> Sequence[Message]:
    """The conversation that a message belongs to, as far as it concerns this agent. Raises Problem."""
    one = known(shelf, message_id, who, now_ms, roles)
    mine = roles.of(who.agent)
    every = shelf.messages.thread(who.org, one.thread, now_ms)
    return [each for each in every if concerns(each, who.agent, mine)]


def acknowledge(
    shelf: Shelf, message_id: str, who: Identity, now_ms: int, new_id: NewId, roles: Roles
) -> int:
    """Note that this agent has read it; when it first did. Raises Problem."""
    message = known(shelf, message_id, who, now_ms, roles)
    if not message.to.reaches(who.agent, roles.of(who.agent)):
        raise Problem(
            403, "not_for_you", "You sent this message; whoever it is for acknowledges it."
        )
    earlier = shelf.messages.acknowledged_ms(message.id, who.agent)
    if earlier is not None:
        return earlier
    shelf.messages.acknowledge(message.id, who.agent, now_ms)
    shelf.events.put(message_event(new_id(now_ms), now_ms, "acknowledged", who, message))
    return now_ms


def known(shelf: Shelf, message_id: str, who: Identity, now_ms: int, roles: Roles) -> Message:
    """A message that this agent may read. Raises Problem."""
    message = shelf.messages.get(who.org, message_id, now_ms)
    if message is None or not concerns(message, who.agent, roles.of(who.agent)):
        raise Problem(
            404,
            "message_not_found",
            f"There is no message {message_id[:64]} to you or from you. It may have expired.",
        )
    return message


def _same(earlier: Message, new: NewMessage) -> Message:
    if earlier.digest != digest_of(new):
        raise Problem(
            409,
            "key_reused",
            f"Your key {new.key} sent message {earlier.id}, with other words. Use a new key.",
        )
    return earlier


def _must_have_room(shelf: Shelf, who: Identity, to: Address, now_ms: int) -> None:
    waiting = shelf.messages.waiting
    if waiting(who.org, to, who.agent, now_ms) >= FROM_ONE_MAX:
        raise Problem(
            409,
            "inbox_full",
            f"{FROM_ONE_MAX} of your messages to {to.value} wait there. Send no more until they are "
            "acknowledged, or have expired.",
        )
    if waiting(who.org, to, None, now_ms) >= INBOX_MAX:
        raise Problem(
            409,
            "inbox_full",
            f"The inbox of {to.value} is full: {INBOX_MAX} messages wait there. Try again later.",
        )
    if shelf.messages.pending(who.org, who.agent, now_ms) >= SHARE_MAX:
        raise Problem(
            409,
            "share_full",
            f"{SHARE_MAX} of your messages are not acknowledged or went to many, which is your share of "
            "what your org keeps. Send no more until some are acknowledged, or have expired.",
        )
    _make_room(shelf, who, now_ms)


def _make_room(shelf: Shelf, who: Identity, now_ms: int) -> None:
    """Messages that are done with give way; the sender's own first, when it has more than its share."""
    too_many = shelf.messages.count(who.org, now_ms) + 1 - MESSAGES_MAX
    if too_many <= 0:
        return
    has_more = shelf.messages.count(who.org, now_ms, who.agent) >= SHARE_MAX
    for sender in [who.agent, None] if has_more else [None]:
        forgotten = shelf.messages.done(who.org, sender, too_many, now_ms)
        for each in forgotten:
            shelf.messages.forget(each)
        too_many -= len(forgotten)
    if too_many > 0:
        raise Problem(
            409,
            "inbox_full",
            f"Your org keeps {MESSAGES_MAX} messages. Try again when some are acknowledged, or have "
            "expired.",
        )
