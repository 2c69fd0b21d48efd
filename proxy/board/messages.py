"""Messages between the agents of an org: each has an inbox that lasts. The clock is whoever asks."""

from collections.abc import Sequence

from proxy.board import message_steps
from proxy.board.message import Message, NewMessage
from proxy.board.message_steps import Inbox
from proxy.board.outbox import Outbox
from proxy.board.roles import Roles
from proxy.board.task_steps import NewId
from proxy.slip import Identity, new_id


class Messages:
    """Who sends is who was proved to. Raises as `Board` does."""

    def __init__(self, outbox: Outbox, roles: Roles, new_id: NewId = new_id) -> None:
        self._outbox = outbox
        self._roles = roles
        self._new_id = new_id

    async def send(self, new: NewMessage, who: Identity, now_ms: int) -> Message:
        """Put it into the inboxes of those whom it is for."""
        return await self._outbox.run(
            lambda shelf: message_steps.send(shelf, new, who, now_ms, self._new_id, self._roles)
        )

    async def inbox(
        self,
        who: Identity,
        now_ms: int,
        *,
        after: int = 0,
        limit: int = 50,
        with_acknowledged: bool = False,
    ) -> Inbox:
        """What came for this agent, oldest first."""
        return await self._outbox.look(
            lambda shelf: message_steps.inbox(
                shelf,
                who,
                after,
                limit,
                now_ms,
                self._roles,
                with_acknowledged=with_acknowledged,
            )
        )

    async def thread(self, message_id: str, who: Identity, now_ms: int) -> Sequence[Message]:
        """The conversation that a message belongs to, oldest first."""
        return await self._outbox.look(
            lambda shelf: message_steps.thread(shelf, message_id, who, now_ms, self._roles)
        )

    async def acknowledge(self, message_id: str, who: Identity, now_ms: int) -> int:
        """Say that it was read; when it first was."""
        return await self._outbox.run(
            lambda shelf: message_steps.acknowledge(
                shelf, message_id, who, now_ms, self._new_id, self._roles
            )
        )
