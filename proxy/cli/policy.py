"""exeat policy …: look at policy files before they are in force."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from proxy.cli.explaining import explain
from proxy.cli.permits import bypass
from proxy.cli.reading import LedgerPath, Since, ledger_path, moment, opened
from proxy.cli.rows import printable, stop
from proxy.ledger.reader import SqliteReader
from proxy.policy import LoadedPolicy, PolicyError, load_all, telling
from proxy.policy.learn import Learned
from proxy.policy.replay import EXAMPLES, Comparison, difference
from proxy.policy.replay import replay as replay_of

_PAGE = 2000
"""Records read at a time."""

app = typer.Typer(help="Check policies, explain, replay, compare and learn.", no_args_is_help=True)

Files = Annotated[list[Path], typer.Argument(help="Policy files, or names of presets.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Examples = Annotated[int, typer.Option(min=0, help="How many changed calls are named.")]


@app.callback()
def policy() -> None:
    """Check policies, explain, replay, compare and learn."""


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Policy files, as they would be loaded.")],
) -> None:
    """Exit 0 when the files can be put in force together; else name each problem and exit 1."""
    try:
        loaded = load_all(files)
    except PolicyError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    for each in loaded:
        typer.echo(f"{each.path}: ok, {each.id}")


app.command()(explain)
app.command()(bypass)


@app.command()
def replay(
    files: Files,
    since: Since = None,
    ledger: LedgerPath = None,
    examples: Examples = EXAMPLES,
    as_json: AsJson = False,
) -> None:
    """Hold policies against the ledger's history: what would have been decided otherwise, and what
    would not have been spent."""
    found = replay_of(_loaded(files))
    _compare(found, since, ledger, examples)
    _print(found, as_json, telling.say_replayed)


@app.command()
def diff(
    one: Annotated[Path, typer.Argument(help="A policy file.")],
    other: Annotated[Path, typer.Argument(help="Another.")],
    since: Since = None,
    ledger: LedgerPath = None,
    examples: Examples = EXAMPLES,
    as_json: AsJson = False,
) -> None:
    """Two policies over the same history: what they decide differently."""
    found = difference(_loaded([one]), _loaded([other]))
    _compare(found, since, ledger, examples)
    _print(found, as_json, telling.say_differing)


@app.command()
def learn(
    since: Since = None,
    org: Annotated[str | None, typer.Option(help="Only this org's calls.")] = None,
    agent: Annotated[str | None, typer.Option(help="Only this agent's calls.")] = None,
    ledger: LedgerPath = None,
) -> None:
    """Write a policy that allows what was seen, and little more."""
    learned = Learned(org, agent)
    with opened(ledger_path(ledger)) as reader:
        for body in _bodies(reader, moment("--since", since)):
            learned.take(body)
    if not learned.calls:
        stop("no call in this history left; name another --since, --org, --agent or --ledger", 1)
    typer.echo(learned.text(), nl=False)


def _loaded(files: list[Path]) -> list[LoadedPolicy]:
    try:
        return load_all(files)
    except PolicyError as error:
        stop(str(error))


def _compare(found: Comparison, since: str | None, ledger: Path | None, examples: int) -> None:
    found.examples_max = examples
    with opened(ledger_path(ledger)) as reader:
        for body in _bodies(reader, moment("--since", since)):
            found.take(body)


def _bodies(reader: SqliteReader, since_ms: int | None) -> Iterator[Any]:
    """Every record in the order in which it was filed, a page at a time."""
    last = -1
    while entries := reader.after(last, _PAGE, since_ms):
        yield from (entry.body for entry in entries)
        last = entries[-1].seq


def _print(found: Comparison, as_json: bool, say: Callable[[Comparison], Iterator[str]]) -> None:
    if as_json:
        typer.echo(json.dumps(telling.compared(found), indent=2))
        return
    for line in say(found):
        typer.echo(printable(line))
