"""exeat policy …: look at policy files before they are in force."""

from pathlib import Path
from typing import Annotated

import typer

from proxy.policy import PolicyError, load_all

app = typer.Typer(help="Check policy files.", no_args_is_help=True)


@app.callback()
def policy() -> None:
    """Check policy files."""


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
