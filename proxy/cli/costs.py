"""exeat costs: what the calls cost, summed as asked."""

from typing import Annotated

import typer

from proxy.cli.reading import LedgerPath, Since, Until, ledger_path, moment, opened
from proxy.cli.rows import AsFormat, Format, Row, stop
from proxy.cli.rows import write_rows as write
from proxy.ledger.queries import DIMENSIONS
from proxy.ledger.store import CostRow
from proxy.money import format_usd

app = typer.Typer(help="What the calls cost.")

NUMBERS = (
    "calls",
    "requests",
    "tool_calls",
    "input",
    "output",
    "cache_read",
    "cache_write",
    "tokens",
)
By = Annotated[str, typer.Option(help=f"Dimensions, comma-separated: {', '.join(DIMENSIONS)}.")]


@app.callback(invoke_without_command=True)
def costs(
    by: By = "agent",
    since: Since = None,
    until: Until = None,
    form: AsFormat = Format.table,
    ledger: LedgerPath = None,
) -> None:
    """What the calls cost, by agent, session, model, … (`estimated` counts calls whose provider
    gave no figure)."""
    dimensions = tuple(dict.fromkeys(part.strip() for part in by.split(",") if part.strip()))
    for name in dimensions:
        if name not in DIMENSIONS:
            stop(f"--by {name!r}: no such dimension; choose of {', '.join(DIMENSIONS)}")
    since_ms, until_ms = moment("--since", since), moment("--until", until)
    with opened(ledger_path(ledger)) as reader:
        sums = reader.costs(dimensions, since_ms, until_ms)
    rows = [_row(dimensions, group) for group in sums if group.calls or dimensions]
    if form is Format.table and len(sums) > 1:
        rows.append(_total(dimensions, sums))
    columns = (*dimensions, *NUMBERS, "usd", "estimated")
    write(rows, columns, form, right=(*NUMBERS, "usd", "estimated"))


def _row(dimensions: tuple[str, ...], it: CostRow) -> Row:
    return dict(zip(dimensions, it.group, strict=True)) | {
        "calls": it.calls,
        "requests": it.requests,
        "tool_calls": it.tool_calls,
        "input": it.input_tokens,
        "output": it.output_tokens,
        "cache_read": it.cache_read_tokens,
        "cache_write": it.cache_write_tokens,
        "tokens": it.tokens,
        "usd": format_usd(it.nanousd),
        "nanousd": it.nanousd,
        "estimated": it.estimated,
    }


def _total(dimensions: tuple[str, ...], sums: list[CostRow]) -> Row:
    fields = [name for name in CostRow.__slots__ if name != "group"]
    total = {name: sum(getattr(row, name) for row in sums) for name in fields}
    blank = ("total", *[None] * (len(dimensions) - 1))
    return _row(dimensions, CostRow(group=blank, **total))
