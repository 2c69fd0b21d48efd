"""Where Exeat listens, and whom it lets in there: sections of the settings."""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

Port = Annotated[int, Field(ge=0, le=65535)]
"""0 takes a free port, which is printed."""


class Section(BaseModel):
    """Part of the settings: a table of `exeat.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Listen(Section):
    """An address to listen on."""

    host: str = "127.0.0.1"
    port: Port


class Oidc(Section):
    """An issuer of identities, by which people log in to the console (OpenID Connect Core 1.0)."""

    issuer: str
    """As it names itself: `https://login.acme.example/realms/main`."""
    client_id: str
    client_secret: SecretStr
    roles: Mapping[str, Literal["viewer", "approver", "admin"]]
    """Group to role. Who is in no group of these is not let in."""
    groups_claim: str = "groups"
    name_claim: str = "sub"
    """What people are called in records. The issuer must never give one person's to another, nor let
    them choose it; `sub` is the only one that OpenID promises this of."""
    scopes: str = "openid profile email"

    @field_validator("issuer")
    @classmethod
    def _https(cls, issuer: str) -> str:
        if not is_confidential(issuer):
            raise ValueError(f"{issuer!r} is no issuer: write https://… (or http:// at loopback)")
        return issuer

    @field_validator("scopes")
    @classmethod
    def _openid(cls, scopes: str) -> str:
        if "openid" not in scopes.split():
            raise ValueError("openid must be among the scopes")
        return scopes


class ConsoleListen(Listen):
    """Where the console listens, and how people get in."""

    tls_cert: Path | None = None
    """Its certificate, with the chain (PEM)."""
    tls_key: Path | None = None
    insecure: bool = False
    """Listen beyond loopback without TLS all the same: something in front has it."""
    public_url: str | None = None
    """Where people find it, when that is not where it listens."""
    login_idle_s: Annotated[int, Field(ge=60)] = 30 * 60
    """Who asks for nothing for so long must log in again; a live page that asks by itself is nobody."""
    login_max_s: Annotated[int, Field(ge=60)] = 12 * 3600
    oidc: Oidc | None = None

    @field_validator("public_url")
    @classmethod
    def _url(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        is_whole = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
        if not is_whole or parts.path not in ("", "/") or parts.query or parts.fragment:
            # Not quoted: a secret may stand in it.
            raise ValueError("this is no address of a console: write https://host[:port]")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key go together")
        if not (is_loopback(self.host) or self.tls_cert or self.insecure):
            raise ValueError(
                f"host = {self.host!r} is beyond this machine: set tls_cert and tls_key, or "
                "insecure = true where something in front has TLS"
            )
        if self.oidc is not None and self.public_url is None:
            raise ValueError("oidc needs public_url: the issuer sends people back there")
        return self

    @property
    def public_hosts(self) -> frozenset[str]:
        """`host[:port]` of the public URL, if there is one."""
        return frozenset([urlsplit(self.public_url).netloc] if self.public_url else [])

    @property
    def is_secure(self) -> bool:
        """Do people reach it by https?"""
        return self.tls_cert is not None or (self.public_url or "").startswith("https:")


def is_loopback(host: str) -> bool:
    """Is this a name of this machine that nobody else can reach?"""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_confidential(url: str) -> bool:
    """Can nobody between here and there read along? By https, or at loopback."""
    parts = urlsplit(url)
    if not parts.hostname or "@" in parts.netloc:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))
