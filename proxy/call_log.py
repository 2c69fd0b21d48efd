"""One line of the log for a call that has ended, by which its record is found. No path, no query."""

from typing import Literal

import structlog

from proxy.slip import Slip

log = structlog.get_logger()

type Logged = Literal["none", "refused", "all"]
"""Which calls have a line: none; those that were refused or failed; all."""


class CallLog:
    """Told of each call that ends."""

    def __init__(self, logged: Logged) -> None:
        self._logged = logged

    def ended(self, slip: Slip) -> None:
        """Write its line, if it has one."""
        has_failed = slip.refusal is not None or slip.status == "errored"
        if self._logged == "none" or (self._logged == "refused" and not has_failed):
            return
        who, to, refusal = slip.identity, slip.destination, slip.refusal
        facts = {
            "record": slip.id,
            "status": slip.status,
            "code": refusal.code.value if refusal else None,
            "rule": refusal.rule if refusal else None,
            "org": who.org if who else None,
            "agent": who.agent if who else None,
            "session": who.session if who else None,
            "method": slip.method,
            "host": to.host if to else None,
            "model": slip.call.model if slip.call else None,
            "http_status": slip.http_status or None,
            "nanousd": slip.cost_nanousd or None,
            "serves": slip.serves,
        }
        told = {name: value for name, value in facts.items() if value is not None}
        (log.warning if has_failed else log.info)("call ended", **told)
