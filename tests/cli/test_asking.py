"""Asking a running Exeat: straight to the console, and an error that says what to do."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import typer

from proxy.cli.asking import ask, ask_text


class Answers(BaseHTTPRequestHandler):
    """Says what it is told to, and keeps what it was asked."""

    status = 200
    body = b'{"ok": true}'
    seen: list[tuple[str, str, str | None, bytes]] = []

    def do_GET(self) -> None:
        size = int(self.headers.get("content-length", 0))
        asked = (self.command, self.path, self.headers.get("authorization"), self.rfile.read(size))
        self.seen.append(asked)
        self.send_response(self.status)
        self.send_header("content-length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    do_POST = do_GET  # noqa: N815 -- the name that the server looks for

    def log_message(self, *_: Any) -> None:
        """Quietly."""


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(Answers, "seen", [])
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def says(monkeypatch: pytest.MonkeyPatch, status: int, body: bytes) -> None:
    monkeypatch.setattr(Answers, "status", status)
    monkeypatch.setattr(Answers, "body", body)


def test_the_token_and_the_body_go_straight_to_the_console_whatever_proxy_is_set(
    console: str,
) -> None:
    assert ask(console + "/", "t1", "POST", "/api/x", {"a": 1}) == {"ok": True}
    (asked,) = Answers.seen
    assert asked[:3] == ("POST", "/api/x", "Bearer t1")
    assert json.loads(asked[3]) == {"a": 1}


def test_an_answer_that_need_not_be_json_is_given_as_it_is(
    console: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(monkeypatch, 200, b"calls 1\n")
    assert ask_text(console, "t1", "GET", "/metrics") == "calls 1\n"


@pytest.mark.parametrize(
    ("status", "body", "code", "says_what"),
    [
        (403, b'{"error": {"message": "This needs the role admin."}}', 1, "needs the role admin"),
        (403, b'{"error": {"message": "a\\u001b[31m"}}', 1, r"a\u001b[31m"),
        (500, b"[]", 1, "answered with 500"),
        (502, b"<html>", 2, "cannot be asked"),
        (200, b"<html>", 2, "no JSON"),
    ],
)
def test_an_error_ends_the_command_with_the_consoles_own_words(
    console: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    status: int,
    body: bytes,
    code: int,
    says_what: str,
) -> None:
    says(monkeypatch, status, body)
    with pytest.raises(typer.Exit) as ended:
        ask(console, "t1", "GET", "/api/x")
    assert ended.value.exit_code == code
    assert says_what in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "token", "says_what"),
    [
        ("http://127.0.0.1:1", "t1", "http://127.0.0.1:1: the console cannot be asked"),
        ("127.0.0.1:8081", "t1", "write http://host:port"),
        ("http://127.0.0.1:1", None, "EXEAT_TOKEN"),
        ("http://127.0.0.1:1", "", "EXEAT_TOKEN"),
    ],
)
def test_what_is_missing_is_named(
    capsys: pytest.CaptureFixture[str], url: str, token: str | None, says_what: str
) -> None:
    with pytest.raises(typer.Exit):
        ask(url, token, "GET", "/api/x")
    assert says_what in capsys.readouterr().err
