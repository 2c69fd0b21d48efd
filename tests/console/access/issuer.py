"""A small issuer of identities on loopback, which does what a test asks of it."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlencode

from aiohttp import BasicAuth, web
from aiohttp.test_utils import TestServer
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from proxy.listening import Oidc

CLIENT, SECRET = "exeat:console", "s3cret/+"
KEY = ECKey.generate_key("P-256", parameters={"kid": "one", "use": "sig", "alg": "ES256"})
OTHER_KEY = ECKey.generate_key("P-256", parameters={"kid": "other"})


@dataclass(slots=True)
class StandinIssuer:
    """Says yes to everybody who is sent to it, and vouches for `claims`."""

    now_s: int
    claims: dict[str, Any] = field(default_factory=dict)
    """On top of what a good token says; None takes one away."""
    header: dict[str, Any] = field(default_factory=lambda: {"alg": "ES256", "kid": "one"})
    key: Any = field(default_factory=lambda: KEY)
    keys: dict[str, Any] = field(default_factory=lambda: KeySet([KEY]).as_dict())
    id_token: str | None = None
    """In place of one that is made."""
    discovery: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    """Path to what is answered there in place of what is right."""
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    server: TestServer | None = None

    async def start(self) -> None:
        app = web.Application(middlewares=[self._watch])
        app.add_routes(
            [
                web.get("/.well-known/openid-configuration", self._discovery),
                web.get("/authorize", self._authorize),
                web.post("/token", self._token),
                web.get("/keys", self._keys),
            ]
        )
        self.server = TestServer(app)
        await self.server.start_server()

    @property
    def url(self) -> str:
        assert self.server is not None
        return str(self.server.make_url("")).rstrip("/")

    def settings(self, **changes: Any) -> Oidc:
        """The console's, for this issuer."""
        return Oidc(
            **{
                "issuer": self.url,
                "client_id": CLIENT,
                "client_secret": SECRET,
                "roles": {"ops": "approver", "everybody": "viewer", "root": "admin"},
                "name_claim": "email",
                **changes,
            }
        )

    def good_claims(self, nonce: str) -> dict[str, Any]:
        """What a good token says."""
        return {
            "iss": self.url,
            "aud": CLIENT,
            "sub": "u-1",
            "email": "ann@acme.test",
            "groups": ["everybody", "ops"],
            "iat": self.now_s,
            "exp": self.now_s + 300,
            "nonce": nonce,
        }

    def signed(self, nonce: str) -> str:
        """An ID token, as it was asked for."""
        if self.id_token is not None:
            return self.id_token
        claims = {**self.good_claims(nonce), **self.claims}
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(self.header, claims, self.key)

    @web.middleware
    async def _watch(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked.append(request.path)
        if request.path in self.answers:
            status, body = self.answers[request.path]
            return web.Response(status=status, body=body, content_type="application/json")
        return await handler(request)

    async def _discovery(self, request: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                **self.discovery,
            }
        )

    async def _authorize(self, request: web.Request) -> web.Response:
        query = request.query
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT
        assert query["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}"
        self.codes[code] = dict(query)
        back = urlencode({"code": code, "state": query["state"], "iss": self.url})
        return web.Response(status=303, headers={"location": f"{query['redirect_uri']}?{back}"})

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        begun = self.codes.pop(str(form.get("code")), None)
        verifier = str(form.get("code_verifier"))
        digest = hashlib.sha256(verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        is_good = (
            begun is not None
            and form.get("grant_type") == "authorization_code"
            and begun["redirect_uri"] == form.get("redirect_uri")
            and begun["code_challenge"] == challenge
            and self._client(request, form) == (CLIENT, SECRET)
        )
        if not is_good or begun is None:
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response({"id_token": self.signed(begun["nonce"]), "token_type": "Bearer"})

    def _client(self, request: web.Request, form: Any) -> tuple[str, str]:
        header = request.headers.get("authorization")
        if header is None:
            return str(form.get("client_id")), str(form.get("client_secret"))
        auth = BasicAuth.decode(header)
        return unquote(auth.login), unquote(auth.password)

    async def _keys(self, request: web.Request) -> web.Response:
        return web.json_response(self.keys)


def unsigned(claims: dict[str, Any]) -> str:
    """A token of `alg: none`."""
    return f"{_part({'alg': 'none'})}.{_part(claims)}."


def misused(claims: dict[str, Any]) -> str:
    """A token with a MAC by the public key, taken for a shared secret: the oldest trick."""
    head = f"{_part({'alg': 'HS256', 'kid': 'one'})}.{_part(claims)}"
    mac = hmac.digest(KEY.as_pem(private=False), head.encode(), "sha256")
    return f"{head}.{_text(mac)}"


def _part(value: Any) -> str:
    return _text(json.dumps(value).encode())


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
