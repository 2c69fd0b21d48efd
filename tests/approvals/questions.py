"""Questions for people, for tests of approvals."""

from typing import Any

from proxy.approvals.approval import Approval, Wanted, asked

NOW = 1_795_000_000_000
TTL = 60_000
CLAIM = 10_000


def wanted(key: str = "k", org: str = "acme", **more: Any) -> Wanted:
    facts: dict[str, Any] = {
        "key": key,
        "kind": "tool",
        "org": org,
        "agent": "coder",
        "session": "s1",
        "rule": "p/rules.r",
        "reason": "“Dear” \n",
        "policies": ("policy:p:1:0",),
        "summary": (("tool", "deploy"), ("target", "/srv")),
    }
    return Wanted(**facts | more)


def question(number: int = 1, key: str = "k", now_ms: int = NOW, **more: Any) -> Approval:
    needed = more.pop("needed", 1)
    return asked(wanted(key, **more), f"A-{number}", "call-1", now_ms, ttl_ms=TTL, needed=needed)
