"""Commands that ask a running Exeat: the console's API, by its address and a token."""

import http.client
import json
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from proxy.cli.rows import printable, stop
from proxy.config import load_settings

_TIMEOUT_S = 15.0

ConsoleUrl = Annotated[
    str | None,
    typer.Option(
        "--console",
        envvar="EXEAT_CONSOLE_URL",
        help="Where the console is; default: the settings' own port on this machine.",
        metavar="URL",
    ),
]
Token = Annotated[
    str | None,
    typer.Option(
        envvar="EXEAT_TOKEN",
        help="A token for it, as `exeat console token` makes them. The variable is not seen by others.",
    ),
]


def ask(
    url: str | None, token: str | None, method: str, path: str, body: object | None = None
) -> Any:
    """The answer's JSON; what goes wrong ends the command with what to do next."""
    text = ask_text(url, token, method, path, body)
    try:
        return json.loads(text)
    except ValueError:
        stop("the console's answer is no JSON: is it a console that listens there?")


def ask_text(
    url: str | None, token: str | None, method: str, path: str, body: object | None = None
) -> str:
    """The same of an answer that need not be JSON."""
    if not token:
        stop("a token is needed: EXEAT_TOKEN, or --token; `exeat console token` makes one")
    where = url or f"http://127.0.0.1:{load_settings().console.port}"
    try:
        status, answer = _asked(where, token, method, path, body)
        told = json.loads(answer) if status >= 400 else None
    except (OSError, ValueError, http.client.HTTPException) as error:
        stop(f"{where}: the console cannot be asked ({error or type(error).__name__})")
    if status >= 400:
        problem = told.get("error", {}) if isinstance(told, dict) else {}
        stop(printable(str(problem.get("message") or f"the console answered with {status}")), 1)
    return answer


def _asked(url: str, token: str, method: str, path: str, body: object | None) -> tuple[int, str]:
    """Straight to it, whatever proxies the environment names: they may be Exeat itself."""
    parts = urlsplit(url)
    if parts.hostname is None or parts.scheme not in ("http", "https"):
        raise ValueError("write http://host:port")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=_TIMEOUT_S)
    headers = {"Authorization": f"Bearer {token}"}
    data = None
    if body is not None:
        headers["Content-Type"] = "application/json"
        data = json.dumps(body).encode()
    try:
        connection.request(method, parts.path.rstrip("/") + path, data, headers)
        with connection.getresponse() as answer:
            return answer.status, answer.read().decode()
    finally:
        connection.close()
