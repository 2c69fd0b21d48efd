"""Tools of MCP servers, pinned on file: what was agreed to outlives the process."""

import asyncio
import time
from collections.abc import Mapping

import structlog

from proxy.ledger.records import Event, Fact
from proxy.ledger.store import Filed, Ledger, LedgerUnavailable
from proxy.mcp.pins import Key, Pin, ToolPins
from proxy.providers.body import Json
from proxy.slip import new_id

log = structlog.get_logger()

KIND = "mcp_pin"
"""The event of a first sight, a change, its end, and an acceptance. No words of a tool are in it."""


class NotAccepted(Exception):  # noqa: N818 -- named for what it reports
    """This cannot be accepted; `code` is unknown, not_changed or changed_again."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class PinBook:
    """One per process. What is seen is queued for the ledger, and many sights share one sync.

    The ledger files in order, so a call that left after a list has that list's pins on file before
    it. A tool whose pin cannot be filed is neither shown nor called; the next list tries again.
    """

    def __init__(self, ledger: Ledger, pins: ToolPins | None = None) -> None:
        self._ledger = ledger
        self.pins = pins or ToolPins()
        self._unfiled: set[Key] = set()
        """Tools of which the ledger did not take the last sight."""

    async def open(self) -> None:
        """What the ledger says was pinned, changed and accepted. Raises LedgerError."""
        entries = await self._ledger.events((KIND,))
        self.pins.restore(entry.body for entry in entries)

    def see(self, server: str, tool: Json) -> bool:
        """Whether a tool of a list is the one that it was, and the ledger takes that."""
        key = (server, str(tool.get("name")))
        before = self.pins.get(*key)
        if self.pins.see(server, tool) == "full":
            return False
        pin = self.pins.get(*key)
        assert pin is not None
        if before is None or before.changed != pin.changed or key in self._unfiled:
            self._file(pin)
        return pin.changed is None and key not in self._unfiled

    def problem(self, server: str, tool: str) -> str | None:
        """Why no call of this tool may go out, or None."""
        if self.pins.is_changed(server, tool):
            return (
                "its description is not what it was when it was first seen. Ask the operator to look "
                "at it (exeat mcp pins --changed)"
            )
        if (server, tool) in self._unfiled:
            return "its description cannot be put on file now. List the tools again later"
        return None

    async def accept(self, server: str, tool: str, accepted: str, by: str, reason: str) -> Pin:
        """A person agrees to that fingerprint. It is on file, and then in force. Raises NotAccepted,
        and LedgerError when it cannot be filed: nothing is accepted then."""
        was = self.pins.get(server, tool)
        if was is None:
            raise NotAccepted("unknown", "No such tool was seen; `exeat mcp pins` lists them.")
        if was.changed is None:
            raise NotAccepted("not_changed", "The tool is as it was pinned; nothing is to accept.")
        if was.changed != accepted:
            raise NotAccepted(
                "changed_again",
                "That is not the fingerprint which was seen last. Look at the tool anew "
                "(exeat mcp pins --changed).",
            )
        facts = {"was": was.fingerprint, "by": by, "reason": reason}
        await self._ledger.append(_event(server, tool, "accepted", accepted, accepted, facts))
        meanwhile = self.pins.get(server, tool)
        self.pins.accept(server, tool, accepted)
        pin = self.pins.get(server, tool)
        assert pin is not None
        if meanwhile is None or meanwhile.changed != accepted:
            self._file(pin)  # What was seen while we waited is filed with the pin of before.
        return pin

    def _file(self, pin: Pin) -> None:
        key, seen = (pin.server, pin.tool), pin.changed or pin.fingerprint
        status = "changed" if pin.changed else "pinned"
        event = _event(*key, status, seen, pin.fingerprint)
        self._unfiled.discard(key)
        try:
            filed = self._ledger.submit(event, is_urgent=False)
        except LedgerUnavailable as error:
            self._lost(key, error)
        else:
            filed.add_done_callback(lambda done: self._filed(key, done))

    def _filed(self, key: Key, done: "asyncio.Future[Filed]") -> None:
        error = None if done.cancelled() else done.exception()
        if error is not None:
            self._lost(key, error)

    def _lost(self, key: Key, error: BaseException) -> None:
        self._unfiled.add(key)
        log.error("the pin of a tool is not filed", server=key[0], error=str(error))


def _event(
    server: str,
    tool: str,
    status: str,
    seen: str,
    pinned: str,
    more: Mapping[str, Fact] | None = None,
) -> Event:
    """The whole state of one pin: whoever restores needs only the last."""
    return Event(
        kind=KIND,
        id=new_id(),
        ts_ms=time.time_ns() // 1_000_000,
        status=status,
        facts={
            "server": server,
            "tool": tool,
            "fingerprint": seen,
            "pinned": pinned,
            **(more or {}),
        },
    )
