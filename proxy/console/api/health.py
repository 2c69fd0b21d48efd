"""Health, for machines: the process lives, and calls can be governed."""

from collections.abc import Callable

from proxy.budgets import Accounts, CountersUnavailable
from proxy.console.access import Viewer
from proxy.console.ports import Calls
from proxy.endpoint import Asked, Endpoint, Model, Nothing, Reply
from proxy.ledger.store import Ledger, LedgerError
from proxy.policy import PolicyBook


class Alive(Model):
    """The process lives."""

    status: str


class Readiness(Model):
    """Whether calls can be governed, and each check's own words."""

    status: str
    checks: dict[str, str]


def endpoints(
    ledger: Ledger,
    accounts: Accounts,
    policies: PolicyBook,
    calls: Calls,
    now_ms: Callable[[], int],
) -> list[Endpoint[Viewer]]:
    """What machines ask."""

    async def healthz(asked: Asked[Viewer, Nothing, Nothing]) -> Alive:
        """The process lives."""
        return Alive(status="ok")

    async def readyz(asked: Asked[Viewer, Nothing, Nothing]) -> Readiness | Reply:
        """Calls can be governed: policy in force, ledger writable, counters answering."""
        checks = {
            "policy": policies.problem or "ok",
            "counters": await _counters(accounts, now_ms()),
            "ledger": await _ledger(ledger),
        }
        if not policies.policies:
            checks["policy"] = policies.problem or "no policy is in force"
        if calls.is_stopping:
            checks["engine"] = "stopping"
        fails = [name for name, word in checks.items() if word != "ok" and name != "policy"]
        if policies.policies and not fails:
            return Readiness(status="ready", checks=checks)
        return Reply(Readiness(status="not ready", checks=checks), 503)

    tag = "health"
    return [
        Endpoint("GET", "/healthz", "anyone", healthz, Alive, tag=tag),
        Endpoint("GET", "/readyz", "anyone", readyz, Readiness, others={503: Readiness}, tag=tag),
    ]


async def _counters(accounts: Accounts, now_ms: int) -> str:
    try:
        await accounts.balances("readyz", [], now_ms)
    except CountersUnavailable as error:
        return str(error)
    return "ok"


async def _ledger(ledger: Ledger) -> str:
    try:
        await ledger.last_seq("readyz")
    except LedgerError as error:
        return str(error)
    return ledger.problem or "ok"
