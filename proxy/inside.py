"""What agents may ask Exeat itself, at http://exeat.internal: who am I, and what may I still spend?"""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from proxy.budgets import Accounts
from proxy.desk import Desk
from proxy.hooks.contract import CHECK_PATH, REPORT_PATH
from proxy.money import format_usd
from proxy.slip import Slip


class InsideDoor:
    """Answers identified callers only: the corridor has stamped their identity before."""

    def __init__(self, accounts: Accounts, desk: Desk) -> None:
        self._accounts = accounts
        self._posts = {CHECK_PATH: desk.check, REPORT_PATH: desk.report}

    async def respond(self, slip: Slip, body: bytes = b"") -> tuple[int, bytes]:
        """Status and JSON body."""
        path = slip.path.partition("?")[0]
        post = self._posts.get(path)
        if post is not None:
            if slip.method != "POST":
                return 405, _json({"error": "method_not_allowed", "allowed": ["POST"]})
            status, told = await post(slip, body)
            return status, _json(told)
        if slip.method != "GET":
            return 405, _json({"error": "method_not_allowed", "allowed": ["GET"]})
        if path == "/v1/whoami":
            return 200, _json(_whoami(slip))
        if path == "/v1/budget":
            return 200, _json(await self._budget(slip))
        paths = ["/v1/whoami", "/v1/budget", *self._posts]
        return 404, _json({"error": "not_found", "paths": paths})

    async def _budget(self, slip: Slip) -> Mapping[str, object]:
        assert slip.identity is not None
        assert slip.terms is not None
        limits = [each.limit for each in slip.terms.limits(slip.identity, None)]
        now_ms = time.time_ns() // 1_000_000
        balances = await self._accounts.balances(slip.identity.org, limits, now_ms)
        rows = []
        for balance in balances:
            limit = balance.limit
            row: dict[str, object] = {
                "budget": limit.name,
                "scope": dict(limit.scope),
                "unit": "nanousd" if limit.unit == "usd" else limit.unit,
                "window": limit.window,
                "limit": limit.cap,
                "settled": balance.settled,
                "held": balance.held,
                "remaining": balance.remaining,
                "resets_at": _moment(balance.resets_at_ms),
            }
            if limit.unit == "usd":
                row["remaining_usd"] = format_usd(balance.remaining)
            rows.append(row)
        return {"budgets": rows}


def _whoami(slip: Slip) -> Mapping[str, object]:
    identity = slip.identity
    assert identity is not None
    return {
        "org": identity.org,
        "agent": identity.agent,
        "session": identity.session,
        "task": identity.task,
        "parent": identity.parent,
        "sources": dict(identity.sources),
        "policies": list(slip.terms.policy_ids) if slip.terms else [],
    }


def _moment(ms: int | None) -> str | None:
    if ms is None:
        return None
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat().replace("+00:00", "Z")


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
