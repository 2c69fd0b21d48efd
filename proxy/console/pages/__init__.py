"""The console's pages: one file each turns what the ports answer into a view; templates only lay it out.

A new page: a file here that exports `pages(ports)`, and a line below; `source(ports)` where it is live.
"""

from collections.abc import Mapping

from proxy.console.feed import Source
from proxy.console.pages import (
    agents,
    approval,
    approvals,
    call,
    calls,
    costs,
    drafts,
    explained,
    kills,
    ledger,
    mcp,
    now,
    permits,
    policies,
    raw_view,
    task,
    tasks,
)
from proxy.console.pages.page import Page
from proxy.console.ports import Ports

__all__ = ["pages", "sources"]


def pages(ports: Ports) -> list[Page]:
    """All that people look at."""
    return [
        *now.pages(ports),
        *calls.pages(ports),
        *call.pages(ports),
        *approvals.pages(ports),
        *approval.pages(ports),
        *agents.pages(ports),
        *costs.pages(ports),
        *policies.pages(ports),
        *permits.pages(ports),
        *mcp.pages(ports),
        *explained.pages(ports),
        *drafts.pages(ports),
        *tasks.pages(ports),
        *task.pages(ports),
        *ledger.pages(ports),
        *kills.pages(ports),
        *raw_view.pages(ports),
    ]


def sources(ports: Ports) -> Mapping[str, Source]:
    """The pages that are live, by the name that their feed is asked by."""
    return {
        "now": now.source(ports),
        "calls": calls.source(ports),
        "session": agents.source(ports),
        "call": call.source(ports),
        "approvals": approvals.source(ports),
        "approval": approval.source(ports),
        "tasks": tasks.source(ports),
        "task": task.source(ports),
    }
