"""exeat env: every variable, and values that no shell reads as anything but themselves."""

import json
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from typer.testing import CliRunner

from proxy.cli import app
from proxy.cli.env import Form, _written, client_variables

CERTS = Path("/etc/exeat/certs")
PROXY = "http://acme%2Fcoder:s1@127.0.0.1:8080"
BUNDLE = "/etc/exeat/certs/bundle.pem"
OWN = "/etc/exeat/certs/exeat-ca-cert.pem"

EVERY = {
    **dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), PROXY),
    **dict.fromkeys(("NO_PROXY", "no_proxy"), ""),
    "NODE_USE_ENV_PROXY": "1",
    **dict.fromkeys(("NODE_EXTRA_CA_CERTS", "CODEX_CA_CERTIFICATE", "DENO_CERT"), OWN),
    **dict.fromkeys(
        (
            "SSL_CERT_FILE",
            "REQUESTS_CA_BUNDLE",
            "CURL_CA_BUNDLE",
            "AWS_CA_BUNDLE",
            "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
            "GIT_SSL_CAINFO",
            "PIP_CERT",
            "CARGO_HTTP_CAINFO",
            "NPM_CONFIG_CAFILE",
        ),
        BUNDLE,
    ),
    "GIT_HTTP_PROXY_AUTHMETHOD": "basic",
    "JAVA_TOOL_OPTIONS": (
        "-Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=8080 "
        "-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=8080 "
        "-Djdk.http.auth.tunneling.disabledSchemes="
    ),
}

HOSTILE = {
    "quotes": 'it\'s "quoted"',
    "a command": "$(touch /tmp/exeat-was-here) `id` ; rm -rf x & y | z",
    "variables": "$HOME ${PATH} ~ %PATH%",
    "backslashes": "a\\b\\'c\\",
    "globs and blanks": " * ? [a] {b,c}\t# no comment ",
    "a line feed": "one\ntwo",
    "other letters": "größe-日本",
    "an exclamation mark": "!! !x",
    "a dash": "-n",
    "nothing": "",
}


def run(*arguments: str, cwd: Path) -> str:
    given = ("--org", "acme", "--agent", "coder", "--session", "s1")
    result = CliRunner().invoke(app, ["env", *given, "-c", str(cwd / "exeat.toml"), *arguments])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def house(tmp_path) -> Path:
    (tmp_path / "exeat.toml").write_text('certs_dir = "my certs"\nproxy = { port = 9000 }\n')
    return tmp_path


def test_every_variable_that_sends_a_client_through_exeat():
    assert dict(client_variables("127.0.0.1:8080", "acme", "coder", "s1", CERTS)) == EVERY


@pytest.mark.parametrize(
    ("org", "agent", "session"),
    [
        ("acme", "coder/reviewer", "s1"),
        ("a:b@c", "d:e@f/g", "h:i@j/k"),
        ("a.b_c-d", "x", "2026-11-21T06:00:00"),
    ],
)
def test_who_asks_survives_the_proxys_url(org, agent, session):
    url = urlsplit(client_variables("h.test:1", org, agent, session, CERTS)["HTTPS_PROXY"])

    assert unquote(url.username or "") == f"{org}/{agent}"
    assert unquote(url.password or "") == session
    assert (url.hostname, url.port) == ("h.test", 1)


@pytest.mark.parametrize("shell", [*filter(shutil.which, ("sh", "bash", "dash", "zsh"))])
def test_a_posix_shell_reads_each_value_as_it_is(shell):
    variables = {f"V{number}": value for number, value in enumerate(HOSTILE.values())}
    assert _read_back([shell, "-c"], _written(variables, Form.SH), list(variables)) == variables


def test_fish_reads_each_value_as_it_is():
    variables = {f"V{number}": value for number, value in enumerate(HOSTILE.values())}
    text = _written(variables, Form.FISH)
    if shutil.which("fish") is not None:
        assert _read_back(["fish", "-c"], text, list(variables)) == variables
    assert [_fish_reads(line) for line in _fish_lines(text)] == list(variables.values())


def _fish_lines(text: str) -> list[str]:
    return [part.split(" ", 1)[1] for part in text.split("set -gx ")[1:]]


def _fish_reads(quoted: str) -> str:
    """Fish's rule for single quotes: `\\'` and `\\\\` are escapes, any other backslash is itself."""
    quoted = quoted.removesuffix("\n") if quoted.endswith("'\n") else quoted
    assert quoted[0] == quoted[-1] == "'"
    inner, read = iter(quoted[1:-1]), ""
    for char in inner:
        assert char != "'", "the quote is closed before its end"
        following = next(inner) if char == "\\" else char
        read += following if char != "\\" or following in "\\'" else char + following
    return read


def _read_back(shell: list[str], text: str, names: list[str]) -> dict[str, str]:
    """What a program started by that shell finds in its environment."""
    env = shutil.which("env")
    assert env is not None
    found = subprocess.run(
        [*shell, f"{text}\n{env} -0"],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        timeout=10,
        check=True,
    ).stdout.decode()
    pairs = dict(line.partition("=")[::2] for line in found.split("\0") if line)
    return {name: pairs[name] for name in names}


def test_docker_reads_a_line_as_a_name_and_all_that_follows():
    lines = _written(EVERY, Form.DOCKER).splitlines()
    assert dict(line.partition("=")[::2] for line in lines) == EVERY


def test_json_is_one_object():
    assert json.loads(_written(HOSTILE, Form.JSON)) == HOSTILE


@pytest.mark.parametrize("form", Form)
def test_the_command_writes_the_settings_own_port_and_folder(house, form):
    output = run("--format", form.value, cwd=house)
    assert "acme%2Fcoder:s1@127.0.0.1:9000" in output
    assert f"{house / 'my certs'}/bundle.pem" in output


def test_where_agents_reach_exeat_may_be_another_address(house):
    found = json.loads(run("-f", "json", "--host", "exeat.svc", "--port", "80", cwd=house))
    assert found["HTTPS_PROXY"] == "http://acme%2Fcoder:s1@exeat.svc:80"
    assert "-Dhttp.proxyHost=exeat.svc -Dhttp.proxyPort=80 " in found["JAVA_TOOL_OPTIONS"]


def test_the_command_as_it_is_told_to_be_used_sets_the_shell(house):
    text = run(cwd=house)
    names = list(EVERY)
    found = _read_back(["sh", "-c"], text, names)
    assert found["SSL_CERT_FILE"] == f"{house / 'my certs'}/bundle.pem"
    assert found["NO_PROXY"] == ""


@pytest.mark.parametrize("missing", ["--org", "--agent", "--session"])
def test_who_asks_must_be_said_whole(missing):
    given = {"--org": "acme", "--agent": "coder", "--session": "s1"}
    del given[missing]
    flags = [word for pair in given.items() for word in pair]
    result = CliRunner().invoke(app, ["env", *flags])
    assert result.exit_code == 2
    assert missing in result.output
