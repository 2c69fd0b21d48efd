"""Costs: sums over the ledger's outcomes."""

from collections.abc import Callable
from typing import Any

from pydantic import ConfigDict

from proxy.console.access import Viewer
from proxy.console.api.asked import CSV, AsFormat, Moment, Text, as_ms, attachment
from proxy.csv_rows import csv_rows, csv_titles
from proxy.endpoint import Asked, Endpoint, Model, Nothing, Problem, Reply
from proxy.ledger.store import CostRow, Ledger
from proxy.serving import BAD_QUERY

DIMENSIONS = ("org", "agent", "session", "task", "provider", "model", "answered_model", "host")


class CostsAsked(Model):
    """Sums of what, and when."""

    by: Text = "agent,model"
    """Dimensions, with commas between them."""
    since: Moment | None = None
    until: Moment | None = None
    format: AsFormat = "json"


class Cost(Model):
    """What the calls of one group cost. The group's own dimensions are fields too."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, str | None]

    calls: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    tokens: int
    requests: int
    tool_calls: int
    nanousd: int
    estimated: int


class Costs(Model):
    """The dearest group first."""

    rows: list[Cost]


def endpoints(ledger: Ledger, now_ms: Callable[[], int]) -> list[Endpoint[Viewer]]:
    """What can be asked of costs."""

    async def costs(asked: Asked[Viewer, CostsAsked, Nothing]) -> Costs | Reply:
        """Sums by the dimensions in `by`."""
        by = dimensions(asked.query.by)
        now = now_ms()
        since, until = (
            as_ms("since", asked.query.since, now),
            as_ms("until", asked.query.until, now),
        )
        found = Costs(rows=[cost(by, row) for row in await ledger.costs(by, since, until)])
        if asked.query.format == "csv":
            columns = [*by, *Cost.model_fields]
            rows = csv_rows(columns, [row.model_dump() for row in found.rows])
            return attachment("costs.csv", csv_titles(columns) + rows)
        return found

    return [
        Endpoint(
            "GET", "/api/costs", "viewer", costs, Costs, query=CostsAsked, kinds=CSV, tag="costs"
        )
    ]


def dimensions(text: str) -> list[str]:
    """The dimensions in a text. Raises Problem 400."""
    by = [name for name in text.split(",") if name]
    unknown = [name for name in by if name not in DIMENSIONS]
    if unknown:
        raise Problem(400, BAD_QUERY, f"by={unknown[0]}: use {', '.join(DIMENSIONS)}")
    return by


def cost(by: list[str], row: CostRow) -> Cost:
    """A row, with its dimensions by name."""
    group: dict[str, Any] = dict(zip(by, row.group, strict=True))
    return Cost(
        **group,
        calls=row.calls,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cache_read_tokens=row.cache_read_tokens,
        cache_write_tokens=row.cache_write_tokens,
        tokens=row.tokens,
        requests=row.requests,
        tool_calls=row.tool_calls,
        nanousd=row.nanousd,
        estimated=row.estimated,
    )
