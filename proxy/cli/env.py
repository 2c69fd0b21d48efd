"""exeat env: every variable that makes an unmodified client go through Exeat."""

import json
import shlex
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from proxy.config import load_settings
from proxy.identity.claims import is_value


class Form(StrEnum):
    """How the variables are written down."""

    SH = "sh"
    FISH = "fish"
    DOCKER = "docker"
    JSON = "json"


def env(
    org: Annotated[str, typer.Option(help="The organisation that pays.")],
    agent: Annotated[str, typer.Option(help="The agent's name.")],
    session: Annotated[str, typer.Option(help="This run of it.")],
    form: Annotated[Form, typer.Option("--format", "-f", help="How to write them.")] = Form.SH,
    host: Annotated[str | None, typer.Option(help="Where agents reach Exeat.")] = None,
    port: Annotated[int | None, typer.Option(help="The port there.")] = None,
    config: Annotated[Path | None, typer.Option("--config", "-c", help="Settings file.")] = None,
) -> None:
    """Print the variables. Use: eval "$(exeat env --org acme --agent coder --session s1)"."""
    settings = load_settings(config)
    for name, value in (("--org", org), ("--agent", agent), ("--session", session)):
        if not is_value(value):
            raise typer.BadParameter(
                f"{value!r}: use 1 to 128 of A-Z a-z 0-9 . _ : @ / -", param_hint=name
            )
    at = host or settings.proxy.host
    address = f"{f'[{at}]' if ':' in at else at}:{port or settings.proxy.port}"
    variables = client_variables(address, org, agent, session, settings.certs_dir.resolve())
    typer.echo(_written(variables, form))


def client_variables(
    address: str, org: str, agent: str, session: str, certs_dir: Path
) -> Mapping[str, str]:
    """Variable to value, for a client that reaches Exeat at `address` (host:port).

    Both spellings of the proxy variables are needed (wget reads only lower case, some only upper).
    Most CA variables replace a client's store, so they name the bundle of system roots and ours.
    """
    user, password = quote(f"{org}/{agent}", safe=""), quote(session, safe="")
    proxy = f"http://{user}:{password}@{address}"
    bundle = str(certs_dir / "bundle.pem")
    own = str(certs_dir / "exeat-ca-cert.pem")
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    java = (
        f"-Dhttp.proxyHost={host} -Dhttp.proxyPort={port} "
        f"-Dhttps.proxyHost={host} -Dhttps.proxyPort={port} "
        "-Djdk.http.auth.tunneling.disabledSchemes="
    )
    return {
        "HTTPS_PROXY": proxy,
        "https_proxy": proxy,
        "HTTP_PROXY": proxy,
        "http_proxy": proxy,
        "NO_PROXY": "",
        "no_proxy": "",
        "NODE_USE_ENV_PROXY": "1",
        "NODE_EXTRA_CA_CERTS": own,
        "SSL_CERT_FILE": bundle,
        "REQUESTS_CA_BUNDLE": bundle,
        "CURL_CA_BUNDLE": bundle,
        "AWS_CA_BUNDLE": bundle,
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": bundle,
        "GIT_SSL_CAINFO": bundle,
        "GIT_HTTP_PROXY_AUTHMETHOD": "basic",
        "PIP_CERT": bundle,
        "CARGO_HTTP_CAINFO": bundle,
        "NPM_CONFIG_CAFILE": bundle,
        "CODEX_CA_CERTIFICATE": own,
        "DENO_CERT": own,
        "JAVA_TOOL_OPTIONS": java,
    }


def _written(variables: Mapping[str, str], form: Form) -> str:
    match form:
        case Form.SH:
            return "\n".join(f"export {name}={shlex.quote(v)}" for name, v in variables.items())
        case Form.FISH:
            return "\n".join(f"set -gx {name} {_fish(v)}" for name, v in variables.items())
        case Form.DOCKER:
            return "\n".join(f"{name}={v}" for name, v in variables.items())
        case Form.JSON:
            return json.dumps(dict(variables), indent=2)


def _fish(text: str) -> str:
    """Fish quotes: only the backslash and the quote itself are special."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
