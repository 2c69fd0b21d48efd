"""exeat approvals list, show, approve, deny: what waits for a person, in a running Exeat."""

from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

import typer

from proxy.cli.asking import ConsoleUrl, Token, ask
from proxy.cli.rows import AsFormat, Format, Row, printable, stop, write_rows

app = typer.Typer(
    help="What waits for a person: list it, approve it, deny it.", no_args_is_help=True
)

Which = Annotated[str, typer.Argument(help="Its id, as `exeat approvals list` shows it.")]
Reason = Annotated[str, typer.Option(help="Kept in the record; of a denial, told to the agent.")]

COLUMNS = ("asked", "id", "state", "kind", "org", "agent", "session", "rule", "what")


@app.command("list")
def list_(
    every: Annotated[bool, typer.Option("--all", help="Also what was decided lately.")] = False,
    form: AsFormat = Format.table,
    console: ConsoleUrl = None,
    token: Token = None,
) -> None:
    """What waits for a person, the newest first."""
    which = "all" if every else "pending"
    found = ask(console, token, "GET", f"/api/approvals?state={which}")
    write_rows([_row(each) for each in found["approvals"]], COLUMNS, form)
    if found["is_blind"]:
        stop("what other processes ask cannot be read now", 1)


@app.command()
def show(which: Which, console: ConsoleUrl = None, token: Token = None) -> None:
    """One of them, with all that is known of what is asked."""
    it = ask(console, token, "GET", _path(which))
    lines = [(name, it[name]) for name in ("id", "state", "org", "agent", "session", "rule")]
    lines += [("reason", it["reason"])] if it["reason"] else []
    lines += [(line["name"], line["value"]) for line in it["summary"]]
    lines += [("until", _moment(it["until_ms"])), ("needed", str(it["needed"]))]
    for vote in it["votes"]:
        said = "approved" if vote["says_yes"] else "denied"
        lines.append((said, f"by {vote['by']}: {vote['reason']}"))
    for name, value in lines:
        typer.echo(f"{name:>9}  {printable(str(value))}")


@app.command()
def approve(
    which: Which,
    reason: Reason,
    grant: Annotated[
        str | None, typer.Option(help="Dollars, or as many of what the budget counts.")
    ] = None,
    minutes: Annotated[
        int | None, typer.Option(min=1, max=1440, help="How long the grant holds.")
    ] = None,
    budget: Annotated[
        str | None, typer.Option(help="Whose cap is lifted; not needed for one that ran out.")
    ] = None,
    unit: Annotated[str | None, typer.Option(help="Where the budget counts several.")] = None,
    console: ConsoleUrl = None,
    token: Token = None,
) -> None:
    """Say yes: it may be done once. A grant lifts a budget for a time. Takes an approver's token."""
    if (grant is None) != (minutes is None):
        stop("--grant and --minutes go together: how much more, and for how long")
    more: dict[str, Any] = {}
    if grant is not None:
        named = {"budget": budget, "unit": unit}
        known = {name: value for name, value in named.items() if value is not None}
        more = {"grant": {"amount": grant, "minutes": minutes, **known}}
    _decide(which, "approve", reason, console, token, more)


@app.command()
def deny(which: Which, reason: Reason, console: ConsoleUrl = None, token: Token = None) -> None:
    """Say no. Takes an approver's token."""
    _decide(which, "deny", reason, console, token)


def _decide(
    which: str,
    verb: str,
    reason: str,
    console: str | None,
    token: str | None,
    more: dict[str, Any] | None = None,
) -> None:
    asked = {"reason": reason, **(more or {})}
    it = ask(console, token, "POST", f"{_path(which)}/{verb}", asked)
    yes = sum(vote["says_yes"] for vote in it["votes"])
    and_more = f", {yes} of {it['needed']} have said yes" if it["state"] == "pending" else ""
    typer.echo(f"{printable(it['id'])}: {it['state']}{and_more}")


def _path(which: str) -> str:
    return f"/api/approvals/{quote(which, safe='')}"


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _row(it: dict[str, Any]) -> Row:
    what = "; ".join(f"{line['name']} {line['value']}" for line in it["summary"])
    return {"asked": _moment(it["asked_ms"]), **{n: it[n] for n in COLUMNS[1:-1]}, "what": what}
