"""exeat prices …: the rates as they will be applied, and what a file of one's own changes."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from proxy.cli.reading import LedgerPath, ledger_path, moment, opened
from proxy.cli.rows import AsFormat, Format, Row, stop, write_rows
from proxy.config import load_settings
from proxy.ledger.store import CostRow
from proxy.money import format_usd
from proxy.pricing import catalogue
from proxy.pricing.price_file import PriceFileError, load
from proxy.pricing.prices import Prices, UnknownPrice
from proxy.pricing.rates import Rates, nano
from proxy.providers.usage import Usage

app = typer.Typer(help="Look at prices, and check a price file.", no_args_is_help=True)

PriceFileOption = Annotated[
    Path | None,
    typer.Option("--file", help="The price file; default: the settings' own.", metavar="PATH"),
]
AsJson = Annotated[bool, typer.Option("--json", help="The same as --format json.")]

WARNED = 3
"""The exit code of a file that can be used and may not be what was meant."""


@app.callback()
def prices() -> None:
    """Look at prices, and check a price file."""


@app.command()
def show(
    provider: Annotated[str | None, typer.Argument(help="Such as openai, or host:port.")] = None,
    model: Annotated[str | None, typer.Argument(help="A model, or a name that is mapped.")] = None,
    file: PriceFileOption = None,
    form: AsFormat = Format.table,
    json: AsJson = False,
) -> None:
    """Rates as they will be applied now, in dollars per million tokens, with limits and source."""
    table = _prices(file or load_settings().prices_file)
    form = Format.json if json else form
    if form is Format.table:
        typer.echo(table.version)
    if provider is None:
        rows: list[Row] = [
            {"provider": name, "models": len(catalogue.models(table, name))}
            for name in catalogue.providers(table)
        ]
        write_rows(rows, ("provider", "models"), form, right=("models",))
    elif model is None:
        rows = [
            row
            for name in catalogue.models(table, provider)
            for row in _short(table, provider, name)
        ]
        if not rows and table.own_rate(provider, "*") is None:
            stop(f"{provider}: no table lists this provider; see exeat prices show")
        write_rows(rows or list(_short(table, provider, "*")), _SHORT, form, right=_SHORT[1:-1])
    else:
        rows = list(_long(table, provider, model))
        if not rows:
            stop(f"{provider}/{model}: no price is known; give it one in prices_file")
        write_rows(rows, _LONG, form, right=_LONG[1:-1])


_SHORT = (
    "model", "input", "output", "cache_read", "cache_write", "cache_write_1h", "context",
    "max_output", "source",
)  # fmt: skip
_LONG = (
    "tier", "above", *catalogue.KINDS, "request", "web_search", "context", "max_output", "source",
)  # fmt: skip


def _short(table: Prices, provider: str, model: str) -> list[Row]:
    """One row: the standard tier, up to its first long-context step."""
    named = catalogue.meant(table, provider, model)
    try:
        step = table.rates(*named).steps[0]
    except UnknownPrice:
        return []
    limits = table.limits(*named)
    return [
        {
            "model": model,
            "input": catalogue.per_mtok(step.input),
            "output": catalogue.per_mtok(step.output),
            "cache_read": catalogue.per_mtok(step.cache_read),
            "cache_write": catalogue.per_mtok(step.cache_write_5m),
            "cache_write_1h": catalogue.per_mtok(step.cache_write_1h),
            "context": limits.input_tokens,
            "max_output": limits.output_tokens,
            "source": catalogue.source(table, provider, model),
        }
    ]


def _long(table: Prices, provider: str, model: str) -> list[Row]:
    """A row for every tier and step."""
    limits = table.limits(*catalogue.meant(table, provider, model))
    return [
        {
            "tier": tier,
            "above": max(0, step.above),
            **{kind: catalogue.per_mtok(getattr(step, kind)) for kind in catalogue.KINDS},
            "request": catalogue.each(rates.request),
            "web_search": catalogue.each(rates.web_search),
            "context": limits.input_tokens,
            "max_output": limits.output_tokens,
            "source": catalogue.source(table, provider, model),
        }
        for tier, rates in catalogue.tiers(table, provider, model)
        for step in rates.steps
    ]


@app.command()
def check(
    file: Annotated[
        Path | None, typer.Argument(help="A price file; default: the settings' own.")
    ] = None,
) -> None:
    """Exit 0 when the file says what it seems to, 3 with warnings, 1 when it cannot be used."""
    path = file or load_settings().prices_file
    if path is None:
        stop("no price file: name one, or set prices_file")
    try:
        table = Prices(at=datetime.now(UTC), file=load(path))
    except PriceFileError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    warnings = catalogue.warnings(table)
    for warning in warnings:
        typer.echo(f"{path}: warning: {warning}")
    if warnings:
        raise typer.Exit(WARNED)
    typer.echo(f"{path}: ok, {table.version}")


@app.command()
def diff(
    first: Annotated[Path, typer.Argument(metavar="FILE", help="A price file.")],
    second: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE", help="Another; with one file, it is held against what is in force."
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(help="What the ledger's calls since then would cost: 7d, 2026-11-01."),
    ] = None,
    ledger: LedgerPath = None,
    form: AsFormat = Format.table,
) -> None:
    """What changes from one price file to another: rates, limits, and with --since, dollars."""
    if second is None:
        before, after = _prices(load_settings().prices_file), _prices(first)
    else:
        before, after = _prices(first), _prices(second)
    if since is not None:
        since_ms = moment("--since", since)
        with opened(ledger_path(ledger)) as reader:
            sums = reader.costs(("provider", "model"), since_ms, None)
        rows = [_repriced(before, after, each) for each in sums if each.group[0] is not None]
        write_rows(rows, _DOLLARS, form, right=_DOLLARS[2:])
        return
    changed: list[Row] = [
        {
            "provider": each.provider,
            "model": each.model,
            "what": each.what,
            "before": each.before,
            "after": each.after,
        }
        for each in catalogue.changes(before, after)
    ]
    if not changed and form is Format.table:
        typer.echo("nothing changes")
        return
    columns = ("provider", "model", "what", "before", "after")
    write_rows(changed, columns, form, right=("before", "after"))


_DOLLARS = ("provider", "model", "calls", "charged", "before", "after")


def _repriced(before: Prices, after: Prices, it: CostRow) -> Row:
    """All calls of one model together, at the standard tier below any long-context step, which
    sums of tokens cannot tell; writes at the short lifetime."""
    usage = Usage(
        it.input_tokens,
        it.output_tokens,
        cache_read_tokens=it.cache_read_tokens,
        cache_write_5m_tokens=it.cache_write_tokens,
    )

    def cost(table: Prices) -> str | None:
        provider, model = it.group
        try:
            rates = table.rates(*catalogue.meant(table, str(provider), str(model)))
        except UnknownPrice:
            return None
        return format_usd(nano(Rates(rates.steps[:1]).femto(usage) + rates.request * it.requests))

    return {
        "provider": it.group[0],
        "model": it.group[1],
        "calls": it.calls,
        "charged": format_usd(it.nanousd),
        "before": cost(before),
        "after": cost(after),
    }


def _prices(path: Path | None) -> Prices:
    try:
        return Prices(at=datetime.now(UTC), file=load(path) if path else None)
    except PriceFileError as error:
        stop(str(error))
