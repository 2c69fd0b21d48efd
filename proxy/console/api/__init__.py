"""The JSON API, a file per topic. Every page is drawn from the same answers.

A new topic: a file here that exports `endpoints(…)`, given what it asks and no more; a field in
`Ports` when that is not there yet; a line below. Its routes, its documentation, its refusals to whoever
may not ask and their tests follow from the descriptions.
"""

from proxy.console.access import Viewer
from proxy.console.api import (
    access,
    approvals,
    budgets,
    calls,
    costs,
    documentation,
    drafts,
    health,
    kills,
    mcp,
    metrics,
    permits,
    policies,
    raw_view,
    tasks,
)
from proxy.console.ports import Ports
from proxy.endpoint import Endpoint

__all__ = ["endpoints"]


def endpoints(ports: Ports) -> list[Endpoint[Viewer]]:
    """All that can be asked, in the order in which the documentation has it."""
    found = [
        *calls.endpoints(ports.ledger, ports.calls, ports.now_ms),
        *costs.endpoints(ports.ledger, ports.now_ms),
        *budgets.endpoints(ports.accounts, ports.policies, ports.now_ms),
        *policies.endpoints(ports.policies),
        *drafts.endpoints(ports.ledger, ports.policies, ports.now_ms),
        *raw_view.endpoints(ports.raw_view),
        *kills.endpoints(ports.switch),
        *approvals.endpoints(ports.approvals, ports.granting),
        *permits.endpoints(ports.permits, ports.policies, ports.now_ms),
        *mcp.endpoints(ports.pins),
        *tasks.endpoints(ports.board, ports.now_ms),
        *access.endpoints(ports.access, ports.ledger, ports.now_ms),
        *health.endpoints(ports.ledger, ports.accounts, ports.policies, ports.calls, ports.now_ms),
        *metrics.endpoints(ports.metrics),
    ]
    found += documentation.endpoints(found)
    return found
