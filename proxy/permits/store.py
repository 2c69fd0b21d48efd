"""The port of permits: where processes that share agents share what people allow.

Every store answers alike (tests/contracts/test_permits.py).
"""

from collections.abc import AsyncGenerator
from typing import Protocol

from proxy.policy.permits import Permit


class PermitsUnavailable(Exception):  # noqa: N818  # the word the operator reads
    """The store did not answer: what others allowed or took back cannot be known, or told."""


class PermitStore(Protocol):
    """Each method but `changes` is one atomic step, and raises PermitsUnavailable."""

    keeps: bool
    """It outlives this process; otherwise it begins with what the ledger says."""

    async def load(self) -> tuple[Permit, ...]:
        """All that are there, also those whose time is over."""
        ...

    async def put(self, permit: Permit) -> None:
        """Add one; twice is once."""
        ...

    async def remove(self, permit_id: str) -> Permit | None:
        """Take one away; what it was."""
        ...

    def changes(self) -> AsyncGenerator[None]:
        """Comes round whenever something may have changed, and every second or so. Never raises what
        the next round may mend."""
        ...

    async def aclose(self) -> None:
        """Let go of connections."""
        ...
