"""Tells people that something waits for them: by a signed webhook, a chat, mail. Nobody waits for it."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import aiohttp
import aiosmtplib
import structlog
from standardwebhooks.webhooks import Webhook

from proxy.approvals.approval import Approval
from proxy.approving import Notify

log = structlog.get_logger()

_TIMEOUT_S = 10.0
_UNDER_WAY_MAX = 256
"""Notices under way at once. With more, whoever is told has enough to look at."""


class Notifier:
    """Sends each notice by every way that is set, straight out and once; a failure is logged."""

    def __init__(
        self,
        settings: Notify,
        console_url: str | None,
        *,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        """`console_url`: where people find the console, to be named in a notice."""
        self._settings = settings
        self._console_url = console_url
        self._now = now or (lambda: datetime.now(UTC))
        self._tasks: set[asyncio.Task[None]] = set()

    def tell(self, it: Approval) -> None:
        """Begin to tell; returns at once."""
        settings = self._settings
        if settings.webhook_url is not None:
            self._begin("webhook", it, self._webhook(it))
        if settings.slack_url is not None:
            self._begin("slack", it, self._slack(it))
        if settings.smtp_host is not None:
            self._begin("smtp", it, self._mail(it))

    async def aclose(self) -> None:
        """Finish what was begun, which takes seconds at most."""
        if self._tasks:
            await asyncio.wait(tuple(self._tasks))

    def _begin(self, way: str, it: Approval, sends: Coroutine[Any, Any, None]) -> None:
        if len(self._tasks) >= _UNDER_WAY_MAX:
            sends.close()
            log.error("notice not sent: too many are under way", way=way, approval=it.id)
            return
        task = asyncio.get_running_loop().create_task(_logged(way, it, sends))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _webhook(self, it: Approval) -> None:
        settings = self._settings
        assert settings.webhook_url is not None
        assert settings.webhook_secret is not None
        now = self._now()
        body = json.dumps(payload(it, now, self._console_url), ensure_ascii=False)
        signed = Webhook(settings.webhook_secret.get_secret_value()).sign(it.id, now, body)
        headers = {
            "webhook-id": it.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signed,
        }
        await _post(settings.webhook_url, body, headers)

    async def _slack(self, it: Approval) -> None:
        assert self._settings.slack_url is not None
        # As Slack asks: what is no markup of ours is not to be read as markup.
        text = "\n".join(lines(it, self._console_url))
        for sign, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
            text = text.replace(sign, name)
        message = {"type": "plain_text", "text": text[:2900], "emoji": False}
        body = {
            "text": f"Exeat: {it.id} waits for approval",
            "blocks": [{"type": "section", "text": message}],
        }
        await _post(self._settings.slack_url.get_secret_value(), json.dumps(body), {})

    async def _mail(self, it: Approval) -> None:
        settings = self._settings
        assert settings.smtp_from is not None
        message = EmailMessage()
        message["From"] = settings.smtp_from
        message["To"] = ", ".join(settings.smtp_to)
        message["Subject"] = f"Exeat: {it.id} waits for approval"
        message["Date"] = self._now()
        message["Auto-Submitted"] = "auto-generated"
        message.set_content("\n".join(lines(it, self._console_url)) + "\n", cte="quoted-printable")
        password = settings.smtp_password
        await aiosmtplib.send(
            message,
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_username,
            password=password.get_secret_value() if password is not None else None,
            use_tls=settings.smtp_tls == "implicit",
            start_tls={"auto": None, "starttls": True}.get(settings.smtp_tls, False),
            timeout=_TIMEOUT_S,
        )


def payload(it: Approval, now: datetime, console_url: str | None) -> dict[str, Any]:
    """What a webhook is told: type, time and data."""
    wanted = it.wanted
    return {
        "type": "approval.pending",
        "timestamp": now.isoformat().replace("+00:00", "Z"),
        "data": {
            "id": it.id,
            "kind": wanted.kind,
            "org": wanted.org,
            "agent": wanted.agent,
            "session": wanted.session,
            "rule": wanted.rule,
            "reason": wanted.reason,
            "summary": [{"name": name, "value": value} for name, value in wanted.summary],
            "asked_ms": it.asked_ms,
            "until_ms": it.until_ms,
            "needed": it.needed,
            "console": console_url,
        },
    }


def lines(it: Approval, console_url: str | None) -> list[str]:
    """The same for people."""
    wanted = it.wanted
    until = datetime.fromtimestamp(it.until_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    found = [
        f"{wanted.org}/{wanted.agent}, session {wanted.session}, waits for a person until {until}.",
        f"Rule {wanted.rule}. {wanted.reason}".rstrip(),
        *(f"{name}: {value}" for name, value in wanted.summary),
        f"exeat approvals approve {it.id} --reason …",
    ]
    return [*found, console_url] if console_url else found


async def _post(url: str, body: str, headers: dict[str, str]) -> None:
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
    kind = {"content-type": "application/json"}
    async with (
        aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
        session.post(
            url, data=body.encode(), headers=kind | headers, allow_redirects=False
        ) as answer,
    ):
        if not 200 <= answer.status < 300:
            raise _Refused(f"answered with {answer.status}")


class _Refused(Exception):  # noqa: N818  # what the other side did
    """The other side did not take it."""


async def _logged(way: str, it: Approval, sends: Coroutine[Any, Any, None]) -> None:
    try:
        await sends
    except (
        aiohttp.ClientError,
        aiosmtplib.SMTPException,
        OSError,
        TimeoutError,
        _Refused,
    ) as error:
        # Its text may name the address, and who knows that may post there.
        said = str(error) if isinstance(error, _Refused) else type(error).__name__
        log.error("notice not sent", way=way, approval=it.id, error=said)
