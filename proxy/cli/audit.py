"""exeat audit: what the ledger holds, one call in full, and whether it still holds together."""

import json
from pathlib import Path
from typing import Annotated

import typer

from proxy.cli.reading import LedgerPath, Since, Until, ledger_path, moment, opened
from proxy.cli.rows import AsFormat, Format, Row, printable, stop, write_rows
from proxy.ledger.listed import LISTED, listed
from proxy.ledger.r6 import Body
from proxy.ledger.store import Filter
from proxy.ledger.verify import Report, Verdict
from proxy.ledger.verify import verify as verify_file

app = typer.Typer(help="The ledger: list, show, verify.", no_args_is_help=True)

Text = str | None


@app.command("list")
def list_records(
    org: Text = None,
    agent: Text = None,
    session: Text = None,
    task: Text = None,
    host: Text = None,
    provider: Text = None,
    model: Text = None,
    decision: Annotated[Text, typer.Option(help="allow, deny or fault.")] = None,
    status: Annotated[Text, typer.Option(help="An outcome's: answered, lost, …")] = None,
    code: Annotated[Text, typer.Option(help="A refusal's code.")] = None,
    kind: Annotated[Text, typer.Option(help="decision, outcome, or an event's kind.")] = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 50,
    before: Annotated[int | None, typer.Option(help="Only below this sequence number.")] = None,
    form: AsFormat = Format.table,
    ledger: LedgerPath = None,
) -> None:
    """The newest records that match every option given."""
    wanted = Filter(
        org=org,
        agent=agent,
        session=session,
        task=task,
        host=host,
        provider=provider,
        model=model,
        decision=decision,
        status=status,
        code=code,
        kind=kind,
        since_ms=moment("--since", since),
        until_ms=moment("--until", until),
    )
    ledger = ledger_path(ledger)
    with opened(ledger) as reader:
        found = reader.find(wanted, limit, before)
    write_rows([listed(entry.body) for entry in found], LISTED, form, right=("seq", "usd"))


@app.command()
def show(
    which: Annotated[str, typer.Argument(help="A sequence number, or the start of an id.")],
    form: AsFormat = Format.table,
    ledger: LedgerPath = None,
) -> None:
    """A call in full: its decision, its outcome, and what else was filed about it."""
    ledger = ledger_path(ledger)
    with opened(ledger) as reader:
        try:
            found = reader.get(int(which) if _is_number(which) else which)
        except ValueError as error:
            stop(str(error))
    if not found:
        stop(f"{which}: no such record in {ledger}; find it with exeat audit list", code=1)
    bodies = [{**entry.body, "leaf_hash": entry.leaf_hash.hex()} for entry in found]
    match form:
        case Format.table:
            typer.echo("\n".join(_page(body) for body in bodies))
        case Format.json:
            typer.echo(json.dumps(bodies, ensure_ascii=False, indent=2))
        case Format.jsonl:
            typer.echo("\n".join(json.dumps(body, ensure_ascii=False) for body in bodies))
        case Format.csv:
            write_rows([listed(entry.body) for entry in found], LISTED, form)


@app.command()
def verify(form: AsFormat = Format.table, ledger: LedgerPath = None) -> None:
    """Recompute every hash and link. Exit codes: 0 proved against an outside checkpoint (a later
    version), 1 tampered with, 2 unreadable, 3 consistent in itself and no more."""
    ledger = ledger_path(ledger)
    report = verify_file(ledger)
    if form is Format.table:
        _say(ledger, report)
    else:
        facts: Row = {
            "ledger": str(ledger),
            "verdict": report.verdict.name.lower(),
            "records": report.size,
            "head": report.head,
            "summary": report.summary,
        }
        if form is Format.csv:
            write_rows([facts], tuple(facts), form)
        else:
            findings = [{"kind": it.kind, "seq": it.seq, "text": it.text} for it in report.findings]
            indent = 2 if form is Format.json else None
            typer.echo(json.dumps({**facts, "findings": findings}, indent=indent))
    raise typer.Exit(report.exit_code)


def _is_number(which: str) -> bool:
    # An id may begin with digits too; but then with a nought, or for longer than any ledger.
    return which.isdecimal() and len(which) < 16 and str(int(which)) == which


def _say(ledger: Path, report: Report) -> None:
    typer.echo(f"{ledger}\n{printable(report.summary)}")
    if report.head:
        typer.echo(f"Head: record {report.size - 1}, {report.head}")
    for finding in report.findings:
        if finding.kind == "decision_without_outcome":
            typer.echo(f"Open: record {finding.seq}: {printable(finding.text)}")
    if report.verdict is Verdict.TAMPERED:
        typer.echo("Keep this file as it is, and compare it with a copy kept elsewhere.")


def _page(body: Body) -> str:
    lines = [f"record {body['seq']} · {body['kind']} · {body['ts']}", f"  leaf {body['leaf_hash']}"]
    for part in ("role", "request", "rules", "resource", "result", "reference"):
        lines.append(f"  {part}")
        lines += _lines(body[part], 2)
    return "\n".join(lines)


def _lines(value: object, depth: int) -> list[str]:
    indent = "  " * depth
    if isinstance(value, dict):
        lines = []
        for name, item in value.items():
            if isinstance(item, dict | list) and item:
                lines += [f"{indent}{printable(name)}", *_lines(item, depth + 1)]
            elif item not in (None, [], {}):
                lines.append(f"{indent}{printable(name)} {printable(str(item))}")
        return lines
    if isinstance(value, list):
        return [f"{indent}- {_flat(item)}" for item in value]
    return [f"{indent}{printable(str(value))}"]


def _flat(value: object) -> str:
    if isinstance(value, dict):
        facts = (f"{name} {item}" for name, item in value.items() if item is not None)
        return printable(", ".join(facts))
    return printable(str(value))
