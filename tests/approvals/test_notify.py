"""Notices, held against receivers on loopback: what they get, and that a failure is only logged."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from standardwebhooks.webhooks import Webhook
from structlog.testing import capture_logs

from proxy.approvals.notify import Notifier
from proxy.approving import Notify
from tests.approvals.questions import question

SECRET = "whsec_" + "c2VjcmV0" * 4
HOSTILE = question(
    agent="<!channel>",
    reason="Dear",
    summary=(("tool", "<http://evil.test|ok>"), ("target", "/a&b")),
)


@dataclass
class Receiver:
    """What came, by HTTP."""

    status: int = 200
    url: str = ""
    got: list[tuple[dict[str, str], str]] = field(default_factory=list)

    async def take(self, request: web.BaseRequest) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.got.append((headers, await request.text()))
        return web.Response(status=self.status, headers={"location": "/elsewhere"})


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    runner = web.ServerRunner(web.Server(made.take), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/key-in-path"
    yield made
    await runner.cleanup()


async def told(settings: Notify) -> list[str]:
    """Tell, and what was logged of it."""
    with capture_logs() as logs:
        notifier = Notifier(settings, "https://exeat.acme.test", now=lambda: datetime.now(UTC))
        notifier.tell(HOSTILE)
        await notifier.aclose()
    return [str(each) for each in logs]


async def test_a_webhook_is_signed_and_says_what_waits(receiver: Receiver) -> None:
    assert await told(Notify(webhook_url=receiver.url, webhook_secret=SECRET)) == []  # type: ignore[arg-type]
    ((headers, body),) = receiver.got
    found = Webhook(SECRET).verify(body, headers)
    assert (found["type"], found["data"]["id"]) == ("approval.pending", HOSTILE.id)
    assert {"name": "target", "value": "/a&b"} in found["data"]["summary"]
    assert "c2VjcmV0" not in body


async def test_a_chat_reads_no_markup_in_what_an_agent_is_called(receiver: Receiver) -> None:
    assert await told(Notify(slack_url=receiver.url)) == []  # type: ignore[arg-type]
    ((_, body),) = receiver.got
    assert "&lt;!channel&gt;" in body
    assert "<" not in body
    assert '"plain_text"' in body


async def test_mail_goes_to_whoever_is_named() -> None:
    got: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        is_data = False
        while line := (await reader.readline()).decode():
            got.append(line.rstrip())
            if is_data and line != ".\r\n":
                continue
            is_data = line.upper().startswith("DATA")
            writer.write(
                b"354 go\r\n"
                if is_data
                else b"221 bye\r\n"
                if line == "QUIT\r\n"
                else b"250 ok\r\n"
            )
            if line == "QUIT\r\n":
                break
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = Notify(
        smtp_host="127.0.0.1",
        smtp_port=port,
        smtp_from="exeat@acme.test",
        smtp_to=("a@acme.test", "b@acme.test"),
    )
    async with server:
        assert await told(settings) == []
    text = "\n".join(got)
    assert "RCPT TO:<a@acme.test>" in text
    assert "RCPT TO:<b@acme.test>" in text
    assert f"Subject: Exeat: {HOSTILE.id} waits for approval" in text
    assert "target: /a&b" in text


@pytest.mark.parametrize(
    ("tls", "use_tls", "start_tls"),
    [("auto", False, None), ("none", False, False), ("starttls", False, True),
     ("implicit", True, False)],
)  # fmt: skip
async def test_a_mail_server_is_spoken_to_as_it_is_set(
    monkeypatch: pytest.MonkeyPatch, tls: Any, use_tls: bool, start_tls: bool | None
) -> None:
    sent: list[dict[str, Any]] = []

    async def send(_: Any, **how: Any) -> None:
        sent.append(how)

    monkeypatch.setattr("aiosmtplib.send", send)
    login = (
        {"smtp_username": "ann", "smtp_password": "p"} if tls in ("starttls", "implicit") else {}
    )
    settings = Notify(
        smtp_host="m", smtp_from="a@b.test", smtp_to=("c@d.test",), smtp_tls=tls, **login  # type: ignore[arg-type]
    )  # fmt: skip
    assert await told(settings) == []
    (how,) = sent
    assert (how["use_tls"], how["start_tls"]) == (use_tls, start_tls)
    assert (how["username"], how["password"]) == (("ann", "p") if login else (None, None))


@pytest.mark.parametrize("status", [302, 403, 500])
async def test_who_does_not_take_it_is_logged_without_the_address(
    receiver: Receiver, status: int
) -> None:
    receiver.status = status
    (line,) = await told(Notify(slack_url=receiver.url))  # type: ignore[arg-type]
    assert "notice not sent" in line
    assert "key-in-path" not in line
    assert len(receiver.got) == 1


async def test_who_is_not_there_is_logged(unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}/key-in-path"
    lines = await told(
        Notify(
            webhook_url=url, webhook_secret=SECRET, slack_url=url,  # type: ignore[arg-type]
            smtp_host="127.0.0.1", smtp_port=unused_tcp_port, smtp_from="a@b.test", smtp_to=("c@d.test",),
        )
    )  # fmt: skip
    assert len(lines) == 3
    assert "key-in-path" not in "".join(lines)
