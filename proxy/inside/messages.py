"""Messages to other agents of the org, and from them."""

from collections.abc import Callable, Sequence
from typing import Annotated

from pydantic import Field

from proxy.board import Messages
from proxy.board.message import NewMessage
from proxy.board.views import (
    Acknowledged,
    InboxView,
    MessageView,
    ThreadView,
    message_view,
    received_view,
)
from proxy.endpoint import Asked, Endpoint, Model, Nothing
from proxy.inside.caller import caller
from proxy.ledger.r6 import rfc3339
from proxy.slip import Slip

PATH = "/v1/messages"
_ONE = f"{PATH}/{{message}}"


class InboxAsked(Model):
    """Which of them."""

    acknowledged: Annotated[bool, Field(description="Also what you have acknowledged.")] = False
    after: Annotated[int, Field(ge=0, lt=2**53, description="`following` of the page before.")] = 0
    limit: Annotated[int, Field(ge=1, le=50)] = 20


class Mail:
    """For agents: each reads what is for it, and writes as whom it was proved to be."""

    def __init__(self, messages: Messages, now_ms: Callable[[], int]) -> None:
        self._messages = messages
        self._now_ms = now_ms

    async def send(self, asked: Asked[Slip, Nothing, NewMessage]) -> MessageView:
        """Send a message to an agent, to several, or to a role."""
        sent = await self._messages.send(asked.body, caller(asked), self._now_ms())
        return message_view(sent)

    async def inbox(self, asked: Asked[Slip, InboxAsked, Nothing]) -> InboxView:
        """What came for you, oldest first, until you acknowledge it."""
        query = asked.query
        found = await self._messages.inbox(
            caller(asked),
            self._now_ms(),
            after=query.after,
            limit=query.limit,
            with_acknowledged=query.acknowledged,
        )
        received = [received_view(each) for each in found.received]
        return InboxView(messages=received, following=found.following)

    async def thread(self, asked: Asked[Slip, Nothing, Nothing]) -> ThreadView:
        """The conversation that a message belongs to."""
        message = asked.path["message"]
        found = await self._messages.thread(message, caller(asked), self._now_ms())
        return ThreadView(messages=[message_view(each) for each in found])

    async def acknowledge(self, asked: Asked[Slip, Nothing, Nothing]) -> Acknowledged:
        """Say that you have dealt with a message."""
        message = asked.path["message"]
        at_ms = await self._messages.acknowledge(message, caller(asked), self._now_ms())
        return Acknowledged(id=message, acknowledged_at=rfc3339(at_ms))

    def endpoints(self) -> Sequence[Endpoint[Slip]]:
        tag = "messages"
        return [
            Endpoint(
                "POST",
                PATH,
                "agent",
                self.send,
                MessageView,
                body=NewMessage,
                status=201,
                problems=(404, 409),
                tag=tag,
            ),
            Endpoint("GET", PATH, "agent", self.inbox, InboxView, query=InboxAsked, tag=tag),
            Endpoint(
                "GET",
                f"{_ONE}/thread",
                "agent",
                self.thread,
                ThreadView,
                problems=(404,),
                tag=tag,
            ),
            Endpoint(
                "POST",
                f"{_ONE}/ack",
                "agent",
                self.acknowledge,
                Acknowledged,
                problems=(403, 404),
                tag=tag,
            ),
        ]
