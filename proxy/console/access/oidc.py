"""OpenID Connect's authorization code flow with PKCE, as far as it needs no network (pure).

Sources: OpenID Connect Core 1.0 (3.1), RFC 7636 (PKCE), RFC 9207 (`iss` in the answer).
"""

import base64
import hashlib
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from proxy.console.access.tokens import ROLES, TokenRole
from proxy.console.access.viewer import Viewer
from proxy.listening import Oidc

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures by a key that only the issuer has. Never `none`, nor a MAC with a shared secret."""

PENDING_MS = 600_000
_PENDING_MAX = 1_000
_LEEWAY_S = 60

_name = re.compile(r"[A-Za-z0-9._:@/+|=-]{1,128}").fullmatch


class NotVouched(Exception):  # noqa: N818 -- named for what is wrong
    """The issuer does not vouch for somebody who may enter. The message is for them to read."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A login that is under way at the issuer."""

    state: str
    nonce: str
    verifier: str
    then: str
    until_ms: int

    @property
    def challenge(self) -> str:
        """What the verifier will be held against (S256)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class PendingLogins:
    """Logins under way, each of which comes back once. The oldest is forgotten when there are many."""

    def __init__(self) -> None:
        self._by_state: OrderedDict[str, Pending] = OrderedDict()

    def add(self, pending: Pending) -> None:
        """Wait for it."""
        self._by_state[pending.state] = pending
        if len(self._by_state) > _PENDING_MAX:
            self._by_state.popitem(last=False)

    def take(self, state: str, now_ms: int) -> Pending | None:
        """The login of that state, if it is still waited for; never again after."""
        found = self._by_state.pop(state, None)
        return found if found is not None and now_ms < found.until_ms else None


def authorization_url(endpoint: str, settings: Oidc, back: str, pending: Pending) -> str:
    """Where to send a browser."""
    query = {
        "response_type": "code",
        "client_id": settings.client_id,
        "redirect_uri": back,
        "scope": settings.scopes,
        "state": pending.state,
        "nonce": pending.nonce,
        "code_challenge": pending.challenge,
        "code_challenge_method": "S256",
    }
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"


def verified(
    id_token: str, keys: Mapping[str, Any], settings: Oidc, nonce: str, now_s: int
) -> Mapping[str, Any]:
    """The claims of an ID token that this issuer made for us, for this login, and that still holds.
    Raises NotVouched."""
    must = jwt.JWTClaimsRegistry(
        now=now_s,
        leeway=_LEEWAY_S,
        iss={"essential": True, "value": settings.issuer},
        aud={"essential": True, "value": settings.client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    try:
        # A JWKS is data from elsewhere: what is wrong with it shows as any of these.
        known = KeySet.import_key_set({"keys": list(keys["keys"])})
        token = jwt.decode(id_token, known, algorithms=ALGORITHMS)
        must.validate(token.claims)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise NotVouched(f"The issuer's token does not hold ({type(error).__name__}).") from error
    audience, party = token.claims["aud"], token.claims.get("azp")
    is_others = party is not None and party != settings.client_id
    if is_others or (isinstance(audience, list) and len(audience) > 1 and party is None):
        raise NotVouched("The issuer's token was made for somebody else too.")
    return token.claims


def viewer_of(claims: Mapping[str, Any], settings: Oidc) -> tuple[Viewer, TokenRole]:
    """Who they are, with the most that their groups give. Raises NotVouched for who has none of them.
    Their name begins with `oidc:`, which no token's does."""
    name = claims.get(settings.name_claim)
    if not isinstance(name, str) or not _name(name):
        raise NotVouched(f"The issuer gives no usable name in {settings.name_claim!r}.")
    if settings.name_claim == "email" and claims.get("email_verified") is False:
        raise NotVouched("The issuer has not verified this address.")
    groups = claims.get(settings.groups_claim, [])
    groups = [groups] if isinstance(groups, str) else groups
    if not isinstance(groups, list):
        groups = []
    roles = {
        settings.roles[each] for each in groups if isinstance(each, str) and each in settings.roles
    }
    if not roles:
        raise NotVouched("None of your groups may look here.")
    role = max(roles, key=ROLES.index)
    return Viewer(f"oidc:{name}", role), role
