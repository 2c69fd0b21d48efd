"""exeat kill, revive, kills: the kill switch of a running Exeat."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from proxy.cli.asking import ConsoleUrl, Token, ask
from proxy.cli.rows import AsFormat, Format, Row, printable, stop, write_rows

Org = Annotated[str, typer.Option(help="Whose agents.")]
Agent = Annotated[str | None, typer.Option(help="Only this agent.")]
Session = Annotated[str | None, typer.Option(help="Only this session of that agent.")]
Reason = Annotated[str, typer.Option(help="Told to whoever is refused, and kept in the record.")]

COLUMNS = ("since", "level", "org", "agent", "session", "by", "reason")


def kill(
    org: Org,
    reason: Reason,
    agent: Agent = None,
    session: Session = None,
    quarantine: Annotated[
        bool, typer.Option("--quarantine", help="It may still read; tools wait for a person.")
    ] = False,
    console: ConsoleUrl = None,
    token: Token = None,
) -> None:
    """Stop an org, an agent or a session, at once and everywhere. Takes an approver's token."""
    level = "quarantine" if quarantine else "kill"
    asked = {**_scope(org, agent, session), "level": level, "reason": reason}
    done = ask(console, token, "POST", "/api/kills", asked)
    in_force = done["stop"]
    word = "killed" if in_force["level"] == "kill" else "in quarantine"
    typer.echo(f"{word}: {_named(in_force)}; {done['severed']} calls under way ended")


def revive(
    org: Org,
    reason: Reason,
    agent: Agent = None,
    session: Session = None,
    console: ConsoleUrl = None,
    token: Token = None,
) -> None:
    """Let what was stopped go on. Takes an admin's token."""
    asked = {**_scope(org, agent, session), "reason": reason}
    done = ask(console, token, "POST", "/api/kills/revive", asked)
    typer.echo(f"revived: {_named(done['was'])}")
    for each in done["still"]:
        typer.echo(f"still stopped: {_named(each)} ({each['level']} by {printable(each['by'])})")


def kills(form: AsFormat = Format.table, console: ConsoleUrl = None, token: Token = None) -> None:
    """Everything that is stopped."""
    found = ask(console, token, "GET", "/api/kills")
    write_rows([_row(each) for each in found["stops"]], COLUMNS, form)
    if found["is_blind"]:
        stop("what other processes stopped cannot be read now: everything is refused", 1)


def _scope(org: str, agent: str | None, session: str | None) -> dict[str, str]:
    if session is not None and agent is None:
        stop("--session is some agent's: name it with --agent")
    parts = {"org": org, "agent": agent, "session": session}
    return {name: value for name, value in parts.items() if value is not None}


def _named(stop: dict[str, Any]) -> str:
    parts = [(name, stop[name]) for name in ("org", "agent", "session")]
    return ", ".join(f"{name} {printable(value)}" for name, value in parts if value is not None)


def _row(stop: dict[str, Any]) -> Row:
    since = datetime.fromtimestamp(stop["at_ms"] / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return {"since": since, **{name: stop[name] for name in COLUMNS[1:]}}
