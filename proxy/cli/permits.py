"""exeat permits …, exeat policy bypass: what people allow for a time, in a running Exeat."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from proxy.cli.asking import ConsoleUrl, Token, ask
from proxy.cli.kill import Agent, Org, Session
from proxy.cli.rows import AsFormat, Format, Row, printable, write_rows
from proxy.money import format_usd

app = typer.Typer(
    help="What people allow for a time: list it, grant more budget, take it back.",
    no_args_is_help=True,
)

Reason = Annotated[str, typer.Option(help="Kept in the record.")]
Minutes = Annotated[int, typer.Option(min=1, max=1440, help="When it ends by itself.")]

COLUMNS = ("id", "until", "kind", "org", "agent", "session", "what", "by", "reason")


@app.command("list")
def list_(form: AsFormat = Format.table, console: ConsoleUrl = None, token: Token = None) -> None:
    """Every bypass and grant in force."""
    found = ask(console, token, "GET", "/api/permits")
    write_rows([_row(each) for each in found["permits"]], COLUMNS, form)


def bypass(
    org: Org,
    rule: Annotated[
        list[str],
        typer.Option(help="As it stands in records, or a glob of that; may be repeated."),
    ],
    minutes: Minutes,
    reason: Reason,
    agent: Agent = None,
    session: Session = None,
    console: ConsoleUrl = None,
    token: Token = None,
) -> None:
    """Let pass for a time, flagged, what some rules refuse. Takes an admin's token."""
    asked = {**_given(org=org, agent=agent, session=session), "rules": rule}
    asked |= {"minutes": minutes, "reason": reason}
    _say(ask(console, token, "POST", "/api/permits/bypass", asked))


@app.command()
def grant(
    org: Org,
    budget: Annotated[str, typer.Option(help="Its name in the policy.")],
    amount: Annotated[str, typer.Option(help="Dollars, or as many of what it counts.")],
    minutes: Minutes,
    reason: Reason,
    agent: Agent = None,
    session: Session = None,
    task: Annotated[str | None, typer.Option(help="Of a budget per task.")] = None,
    model: Annotated[str | None, typer.Option(help="Of a budget per model.")] = None,
    unit: Annotated[str | None, typer.Option(help="Where it counts several.")] = None,
    console: ConsoleUrl = None,
    token: Token = None,
) -> None:
    """Lift one limit of a budget for a time. Takes an approver's token."""
    asked = _given(
        org=org, agent=agent, session=session, task=task, model=model, unit=unit, budget=budget
    )
    asked |= {"amount": amount, "minutes": minutes, "reason": reason}
    _say(ask(console, token, "POST", "/api/permits/grant", asked))


@app.command()
def revoke(
    which: Annotated[str, typer.Argument(help="Its id, as `exeat permits list` shows it.")],
    reason: Reason,
    console: ConsoleUrl = None,
    token: Token = None,
) -> None:
    """Take one back before its time. Takes an approver's token."""
    was = ask(console, token, "POST", "/api/permits/revoke", {"id": which, "reason": reason})
    typer.echo(f"revoked: {printable(was['id'])}, {printable(_what(was))}")


def _given(**parts: str | None) -> dict[str, Any]:
    return {name: value for name, value in parts.items() if value is not None}


def _say(made: dict[str, Any]) -> None:
    until = _moment(made["until_ms"])
    typer.echo(f"until {until}: {printable(_what(made))}; {printable(made['id'])} takes it back")


def _what(it: dict[str, Any]) -> str:
    if it["kind"] == "bypass":
        return f"passes {', '.join(it['rules'])}"
    more = format_usd(it["amount"]) if it["unit"] == "usd" else f"{it['amount']} {it['unit']}"
    return f"{more} more of {it['budget']}"


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _row(it: dict[str, Any]) -> Row:
    known = {name: it[name] for name in ("id", "kind", "org", "agent", "session", "by", "reason")}
    return {**known, "until": _moment(it["until_ms"]), "what": _what(it)}
