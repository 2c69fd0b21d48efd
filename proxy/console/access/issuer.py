"""The issuer, asked over HTTPS: only while somebody logs in, and only the one that is configured."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import aiohttp
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from proxy.console.access.oidc import NotVouched
from proxy.listening import Oidc, is_confidential

_TIMEOUT = aiohttp.ClientTimeout(total=10)
_BYTES_MAX = 1024 * 1024
_KEPT_MS = 300_000
"""How long its description is believed without asking again."""


class IssuerUnavailable(Exception):  # noqa: N818 -- named for the state it reports
    """It does not answer, or not as an issuer does."""


class Discovery(BaseModel):
    """What an issuer says of itself (OpenID Connect Discovery 1.0), as far as it is needed."""

    model_config = ConfigDict(frozen=True)

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]

    @field_validator("authorization_endpoint", "token_endpoint", "jwks_uri")
    @classmethod
    def _https(cls, url: str) -> str:
        if not is_confidential(url):
            raise ValueError("not https")
        return url


class Issuer:
    """Everything that is asked of it. Raises IssuerUnavailable."""

    def __init__(self, settings: Oidc, now_ms: Callable[[], int]) -> None:
        self._settings = settings
        self._now_ms = now_ms
        self._discovery: Discovery | None = None
        self._asked_ms = 0

    async def discovery(self) -> Discovery:
        """How it describes itself; kept for a few minutes."""
        if self._discovery is None or self._now_ms() - self._asked_ms >= _KEPT_MS:
            base = self._settings.issuer.rstrip("/")
            found = await _asked("GET", f"{base}/.well-known/openid-configuration")
            try:
                discovery = Discovery.model_validate(found)
            except ValidationError as error:
                raise IssuerUnavailable("it describes itself in another way") from error
            if discovery.issuer != self._settings.issuer:
                raise IssuerUnavailable("it names itself otherwise than console.oidc.issuer")
            self._discovery, self._asked_ms = discovery, self._now_ms()
        return self._discovery

    async def keys(self) -> Mapping[str, Any]:
        """The keys that it signs with, now."""
        return await _asked("GET", (await self.discovery()).jwks_uri)

    async def id_token(self, code: str, verifier: str, back: str) -> str:
        """What it says of who brought this code. Raises NotVouched when that is nothing."""
        discovery = await self.discovery()
        client, secret = self._settings.client_id, self._settings.client_secret.get_secret_value()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "code_verifier": verifier,
        }
        headers = {}
        if "client_secret_basic" in discovery.token_endpoint_auth_methods_supported:
            # Each is form-encoded first (RFC 6749, 2.3.1).
            auth = aiohttp.encode_basic_auth(quote(client, safe=""), quote(secret, safe=""))
            headers["authorization"] = auth
        else:
            form |= {"client_id": client, "client_secret": secret}
        found = await _asked("POST", discovery.token_endpoint, form=form, headers=headers)
        token = found.get("id_token")
        if not isinstance(token, str):
            raise NotVouched("The issuer did not take this login.")
        return token


async def _asked(
    method: str,
    url: str,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A JSON object. An answer of 400 says no, and is one too."""
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT) as session,
            session.request(
                method, url, data=form, headers=headers, allow_redirects=False
            ) as answer,
        ):
            if answer.status not in (200, 400, 401):
                raise IssuerUnavailable(f"it answered {answer.status}")
            raw = await _read(answer.content)
    except (aiohttp.ClientError, OSError) as error:  # A timeout is an OSError.
        raise IssuerUnavailable(f"it does not answer ({type(error).__name__})") from error
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise IssuerUnavailable("its answer is not JSON") from error
    if not isinstance(found, dict):
        raise IssuerUnavailable("its answer is no JSON object")
    return found


async def _read(content: aiohttp.StreamReader) -> bytes:
    pieces = bytearray()
    async for piece in content.iter_chunked(65_536):
        pieces += piece
        if len(pieces) > _BYTES_MAX:
            raise IssuerUnavailable("its answer has no end")
    return bytes(pieces)
