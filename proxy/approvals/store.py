"""The port of approvals: where processes that share agents share what is asked and decided.

Every store answers alike (tests/contracts/test_approvals.py).
"""

from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from typing import Protocol

from proxy.approvals.approval import Approval


class ApprovalsUnavailable(Exception):  # noqa: N818  # the word the operator reads
    """The store did not answer: what was asked or decided elsewhere cannot be known, or told."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What is not as it was."""

    approvals: tuple[Approval, ...]
    upto: int
    """The number of the latest change in it; where the next look begins."""
    life: str = ""
    """Which life of the store this is; another one has lost what the last one knew."""
    is_all: bool = False
    """These are all there are: whatever else was known is lost."""


class ApprovalStore(Protocol):
    """Each method but `changes` is one atomic step, and raises ApprovalsUnavailable."""

    fresh_s: float | None
    """What was read longer ago may not be so any more. None: nobody else writes here."""

    async def begin(self, known: Iterable[Approval]) -> None:
        """What the ledger says, for a store that forgets with its process. Any other knows better."""
        ...

    async def ask(self, fresh: Approval, now_ms: int, pending_max: int) -> Approval | None:
        """The question that has this key now, or else this one, put there; None when as many of its org
        wait already."""
        ...

    async def swap(self, after: Approval) -> bool:
        """Put it in the place of the version before it. False when that is not what is there; True
        also when this very one is there, because an answer was lost."""
        ...

    async def get(self, approval_id: str) -> Approval | None:
        """As it is now."""
        ...

    async def since(self, upto: int, life: str) -> Changed:
        """What was changed after that change of that life; all when it is not in it, or `upto` is 0."""
        ...

    async def forget(self, approvals: Iterable[Approval]) -> None:
        """Drop those that have ended, if they are still as they are given."""
        ...

    def changes(self) -> AsyncGenerator[None]:
        """Comes round whenever something may have changed, and every second or so where others write.
        Never raises what the next round may mend."""
        ...

    async def aclose(self) -> None:
        """Let go of connections."""
        ...
