"""The console's pages: one file each turns what the ports answer into a view; templates only lay it out.

A new page: a file here that exports `pages(ports)`, and a line below; `source(ports)` where it is live.
"""

from collections.abc import Mapping

from proxy.console.feed import Source
from proxy.console.pages import call, calls
from proxy.console.pages.page import Page
from proxy.console.ports import Ports

__all__ = ["pages", "sources"]


def pages(ports: Ports) -> list[Page]:
    """All that people look at."""
    return [*calls.pages(ports), *call.pages(ports)]


def sources(ports: Ports) -> Mapping[str, Source]:
    """The pages that are live, by the name that their feed is asked by."""
    return {"calls": calls.source(ports), "call": call.source(ports)}
