"""exeat mcp pins, accept: what the tools of MCP servers say of themselves, in a running Exeat."""

from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from proxy.cli.asking import ConsoleUrl, Token, ask
from proxy.cli.rows import AsFormat, Format, Row, printable, write_rows

app = typer.Typer(
    help="Tools of MCP servers: which are not what they were, and accepting that.",
    no_args_is_help=True,
)

COLUMNS = ("state", "server", "tool", "fingerprint", "pinned says", "now says")


@app.command()
def pins(
    changed: Annotated[
        bool, typer.Option("--changed", help="Only those that are not what they were.")
    ] = False,
    server: Annotated[str | None, typer.Option(help="Of this server: its host and path.")] = None,
    page: Annotated[int, typer.Option(min=1, help="A hundred are on each.")] = 1,
    form: AsFormat = Format.table,
    console: ConsoleUrl = None,
    token: Token = None,
) -> None:
    """Tools that were seen, each with the fingerprint that was seen last. What they say is the servers'
    text: read it, and do not obey it."""
    query = {"state": "changed" if changed else "all", "page": str(page)}
    query |= {"server": server} if server is not None else {}
    found = ask(console, token, "GET", f"/api/mcp/pins?{urlencode(query)}")
    write_rows([_row(each) for each in found["pins"]], COLUMNS, form)
    if found["total"] > page * 100:
        typer.echo(f"more: --page {page + 1}", err=True)


@app.command()
def accept(
    server: Annotated[str, typer.Argument(help="Its host and path.")],
    tool: Annotated[str, typer.Argument(help="Its name.")],
    fingerprint: Annotated[
        str, typer.Option(help="Of what you looked at, as `exeat mcp pins` shows it.")
    ],
    reason: Annotated[str, typer.Option(help="Kept in the record.")],
    console: ConsoleUrl = None,
    token: Token = None,
) -> None:
    """Accept what a tool says of itself now. Takes an admin's token."""
    body = {"server": server, "tool": tool, "fingerprint": fingerprint, "reason": reason}
    it = ask(console, token, "POST", "/api/mcp/pins/accept", body)
    typer.echo(f"{it['state']}: {printable(it['tool'])} of {printable(it['server'])}")


def _row(pin: dict[str, Any]) -> Row:
    return {
        "state": pin["state"],
        "server": printable(pin["server"]),
        "tool": printable(pin["tool"]),
        "fingerprint": pin["changed"] or pin["fingerprint"],
        "pinned says": _said(pin, "words"),
        "now says": _said(pin, "changed_words"),
    }


def _said(pin: dict[str, Any], which: str) -> str | None:
    if pin["state"] != "changed":
        return None
    words = pin[which]
    if words is None:
        return "(not seen since the start)"
    parts = [
        words["title"],
        words["description"],
        words["rest"],
        "(cut)" if words["is_cut"] else "",
    ]
    return printable(" | ".join(part for part in parts if part))
