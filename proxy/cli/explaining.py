"""exeat policy explain: why a call or a tool call is decided as it is."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from proxy.actions import action_of
from proxy.cli.reading import LedgerPath, ledger_path, opened
from proxy.cli.rows import printable, stop
from proxy.money import nanousd
from proxy.policy import PolicyError, load_all, telling
from proxy.policy import explain as reasons
from proxy.policy.facts import Facts
from proxy.policy.history import facts_of_record, unseen

_STRENGTHS = {"token": 1, "listener": 2, "proxy_credentials": 3, "headers": 4}
Text = str | None


def explain(
    files: Annotated[list[Path], typer.Argument(help="Policy files, or names of presets.")],
    org: str = "org",
    agent: str = "agent",
    session: str = "session",
    host: Text = None,
    port: Annotated[int, typer.Option(min=1, max=65535)] = 443,
    method: str = "GET",
    path: str = "/",
    model: Annotated[Text, typer.Option(help="It is a call to this model.")] = None,
    provider: Text = None,
    tool: Annotated[Text, typer.Option(help="It is a call of this tool.")] = None,
    arguments: Annotated[str, typer.Option(help="The tool's, as JSON.")] = "{}",
    secret: Annotated[list[str] | None, typer.Option(help="A kind of secret that leaves.")] = None,
    repeats: Annotated[int, typer.Option(min=0, help="How often it was done before.")] = 0,
    costs: Annotated[Text, typer.Option(help="Dollars that it may cost at most.")] = None,
    identity: Annotated[str, typer.Option(help=f"{', '.join(_STRENGTHS)}.")] = "headers",
    record: Annotated[Text, typer.Option(help="A record of the ledger, instead.")] = None,
    ledger: LedgerPath = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Every rule that is considered, with the criterion that it misses, and the decision. Exit 0 when
    it passes, 1 when it is refused."""
    try:
        policies = load_all(files)
        bound = nanousd(costs) if costs is not None else None
    except PolicyError as error:
        stop(str(error))
    except ValueError as error:
        stop(f"--costs {error}")
    if identity not in _STRENGTHS:
        stop(f"--identity {identity!r}: choose of {', '.join(_STRENGTHS)}")
    if record is not None:
        facts = _recorded(record, ledger)
    elif tool is None and host is None and model is None:
        stop("say what is asked for: --host, --model, --tool or --record")
    else:
        facts = Facts(
            "tool" if tool is not None else "llm" if model is not None else "http",
            org,
            agent,
            session,
            datetime.fromtimestamp(time.time(), UTC),
            strength=_STRENGTHS[identity],
            secrets=frozenset(secret or ()),
            repeats=repeats,
            action=action_of(tool, arguments) if tool is not None else None,
            host=host if tool is None else None,
            port=port if tool is None else None,
            method=method.upper() if tool is None else None,
            path=path.partition("?")[0] if tool is None else None,
            provider=provider if tool is None else None,
            model=model if tool is None else None,
            bound_nanousd=bound,
        )
    found = reasons.explain(policies, facts)
    if as_json:
        typer.echo(json.dumps(telling.explained(found), indent=2))
    else:
        for line in telling.say_explained(found, facts):
            typer.echo(printable(line))
        for rule, what in unseen(policies).items() if record is not None else ():
            typer.echo(f"not seen: {rule} asks for {what} that no record keeps, so it may match")
    raise typer.Exit(0 if found.ruled.passes else 1)


def _recorded(record: str, ledger: Path | None) -> Facts:
    """The facts of one record: by its number, or the start of its id."""
    path = ledger_path(ledger)
    is_number = record.isdecimal() and len(record) < 16 and str(int(record)) == record
    with opened(path) as reader:
        try:
            found = reader.get(int(record) if is_number else record)
        except ValueError as error:
            stop(f"--record {error}")
    facts = [facts for entry in found if (facts := facts_of_record(entry.body)) is not None]
    if not facts:
        stop(f"--record {record}: no such decision in {path}; find one with exeat audit list")
    return facts[0]
