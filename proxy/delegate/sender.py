"""The port by which an attempt is made: a call of its own, through the same corridor."""

from collections.abc import AsyncGenerator, Mapping
from typing import Protocol

from proxy.delegate.roads import Road
from proxy.slip import Slip


class Unreachable(Exception):  # noqa: N818 -- the word that is told
    """Not even Exeat's own port answered."""


class Broken(Exception):  # noqa: N818 -- the word that is told
    """An answer broke off."""


class Answer(Protocol):
    """An answer whose head is here."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Names in whatever case; looked up in any."""

    def pieces(self) -> AsyncGenerator[bytes]:
        """The body as it comes, once. Raises Broken; closing it gives the call up."""


class Sender(Protocol):
    """Sends what is asked by one road, as the call that it serves."""

    async def send(self, road: Road, body: bytes, slip: Slip) -> Answer:
        """Raises Unreachable. Cancelling it, or letting the answer go, cancels the call."""
