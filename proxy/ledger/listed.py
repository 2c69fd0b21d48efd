"""A record as one line of a list: what tells it from its neighbours (pure)."""

from typing import cast

from proxy.ledger.r6 import Body
from proxy.money import format_usd

LISTED = (
    "seq", "ts", "kind", "status", "code", "org", "agent", "session", "host", "model", "answered",
    "usd", "id",
)  # fmt: skip


def listed(body: Body) -> dict[str, str | int | bool | None]:
    """Values by the names in LISTED, and the task."""
    role, request = cast(Body, body["role"]), cast(Body, body["request"])
    result, resource = cast(Body, body["result"]), cast(Body, body["resource"])
    nanousd = resource.get("nanousd")
    values = {
        "seq": body["seq"],
        "ts": body["ts"],
        "kind": body["kind"],
        "status": result["decision"] if body["kind"] == "decision" else result["status"],
        "code": result.get("code"),
        "org": role["org"],
        "agent": role["agent"],
        "session": role["session"],
        "task": role["task"],
        "host": request.get("host"),
        "model": request.get("model"),
        "answered": result.get("model"),
        "usd": format_usd(nanousd) if isinstance(nanousd, int) else None,
        "id": body["id"],
    }
    return cast(dict[str, str | int | bool | None], values)
