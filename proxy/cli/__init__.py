"""exeat …: one file per command group."""

import sys

import typer

from proxy.cli import (
    approvals,
    audit,
    console,
    costs,
    demo,
    env,
    hook,
    kill,
    mcp,
    permits,
    policy,
    prices,
    top,
    up,
)
from proxy.config import ConfigError

app = typer.Typer(
    name="exeat",
    help="The gate that AI agents' traffic leaves by.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("up")(up.up)
app.command("demo")(demo.demo)
app.command("env")(env.env)
app.command("costs")(costs.costs)
app.command("top")(top.top)
app.command("kill")(kill.kill)
app.command("revive")(kill.revive)
app.command("kills")(kill.kills)
app.add_typer(approvals.app, name="approvals")
app.add_typer(audit.app, name="audit")
app.add_typer(console.app, name="console")
app.add_typer(hook.app, name="hook")
app.add_typer(mcp.app, name="mcp")
app.add_typer(permits.app, name="permits")
app.add_typer(policy.app, name="policy")
app.add_typer(prices.app, name="prices")


def main() -> None:
    """The command. Errors that a person can mend are one line on stderr and exit 2."""
    try:
        app()
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
