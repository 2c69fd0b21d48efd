"""exeat …: one file per command group. Of these only the one that is meant is loaded."""

import sys
from importlib import import_module

import typer

app: typer.Typer
"""All of it, made when somebody asks."""

_COMMANDS = {
    "up": ("up", "up"),
    "demo": ("demo", "demo"),
    "env": ("env", "env"),
    "costs": ("costs", "costs"),
    "top": ("top", "top"),
    "kill": ("kill", "kill"),
    "revive": ("kill", "revive"),
    "kills": ("kill", "kills"),
}
"""A command's file, and its function there."""
_GROUPS = ("approvals", "audit", "console", "hook", "mcp", "permits", "policy", "prices")


def __getattr__(name: str) -> typer.Typer:
    if name == "app":
        return made()
    raise AttributeError(name)


def made(word: str | None = None) -> typer.Typer:
    """The command line: with all that there is, unless `word` is one of its commands."""
    found = typer.Typer(
        name="exeat",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    # With a single command typer would take its name for an argument.
    found.callback()(_exeat)
    is_known = word in _COMMANDS or word in _GROUPS
    for name, (file, function) in _COMMANDS.items():
        if name == word or not is_known:
            found.command(name)(getattr(import_module(f"proxy.cli.{file}"), function))
    for name in _GROUPS:
        if name == word or not is_known:
            found.add_typer(import_module(f"proxy.cli.{name}").app, name=name)
    return found


def _exeat() -> None:
    """The gate that AI agents' traffic leaves by."""


def main() -> None:
    """The command. Errors that a person can mend are one line on stderr and exit 2."""
    try:
        made(sys.argv[1] if len(sys.argv) > 1 else None)()
    except Exception as error:
        from proxy.config import ConfigError  # Not every command reads the settings.

        if not isinstance(error, ConfigError):
            raise
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
