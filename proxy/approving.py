"""How people are asked before something is done: sections of the settings (pure)."""

import base64
import binascii
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from proxy.listening import Section

_URL = r"^https?://\S+$"


class Notify(Section):
    """Who is told that something waits for a person. Each way is used when it is set."""

    webhook_url: Annotated[str, Field(pattern=_URL)] | None = None
    """A POST as Standard Webhooks has it, signed with `webhook_secret`."""
    webhook_secret: SecretStr | None = None
    """`whsec_…`, or base64 alone."""
    slack_url: SecretStr | None = None
    """An incoming webhook of Slack, or of what takes the same; whoever knows it may post there."""
    smtp_host: str | None = None
    smtp_port: Annotated[int, Field(ge=1, le=65535)] = 25
    smtp_tls: Literal["auto", "starttls", "implicit", "none"] = "auto"
    """`auto` turns TLS on where the server offers it; `implicit` speaks TLS from the start (port 465)."""
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None
    smtp_from: str | None = None
    smtp_to: tuple[str, ...] = ()

    @field_validator("slack_url")
    @classmethod
    def _is_url(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(("https://", "http://")):
            raise ValueError("write https://…")
        return url

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.webhook_url is None) != (self.webhook_secret is None):
            raise ValueError("webhook_url and webhook_secret go together")
        given = (self.smtp_host, self.smtp_from, self.smtp_to)
        if any(given) and not all(given):
            raise ValueError("smtp_host, smtp_from and smtp_to go together")
        if (self.smtp_username is None) != (self.smtp_password is None):
            raise ValueError("smtp_username and smtp_password go together")
        if self.smtp_username is not None and self.smtp_tls not in ("starttls", "implicit"):
            raise ValueError(
                "smtp_password is sent over TLS alone: set smtp_tls to starttls or implicit"
            )
        if self.webhook_secret is not None:
            _check_secret(self.webhook_secret.get_secret_value())
        return self


class ApprovalsSection(Section):
    """How long people have, and how many must agree."""

    wait_s: Annotated[float, Field(ge=0, le=280)] = 120
    """How long a held call waits by itself. Claude Code gives up after some 360 s without headers."""
    ttl_s: Annotated[int, Field(ge=1, le=30 * 86_400)] = 3600
    """How long a question can be decided; a denial holds as long."""
    claim_s: Annotated[int, Field(ge=1, le=86_400)] = 600
    """How long what was approved can be done, once."""
    needed: Annotated[int, Field(ge=1, le=16)] = 1
    """How many different people must say yes; one no is enough."""
    restart: Literal["keep", "deny"] = "keep"
    """What becomes of what was open when Exeat stopped, where it is kept in memory."""
    pending_max: Annotated[int, Field(ge=1, le=10_000)] = 64
    """How many questions of one org may wait; what is more is refused."""
    notify: Notify = Notify()


def _check_secret(text: str) -> None:
    """Not quoted: it is one."""

    try:
        raw = base64.b64decode(text.removeprefix("whsec_") + "==", validate=False)
    except (binascii.Error, ValueError):
        raise ValueError("webhook_secret is not base64 behind `whsec_`") from None
    if len(raw) < 24:
        raise ValueError("webhook_secret is shorter than 24 bytes")
