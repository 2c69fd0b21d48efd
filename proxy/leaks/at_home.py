"""A credential that goes where it belongs is no leak (pure).

It is at home in the place where a request carries its credential, on a host that it opens. In a
prompt, a path or another header it is a leak even there.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from proxy.leaks.leak import GUESS, Found
from proxy.leaks.rules import CANARY, FORMATS, OWN_KEY, TELEGRAM, Rule

CREDENTIAL_HEADERS = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "x-api-key",
        "api-key",
        "x-goog-api-key",
        "x-amz-security-token",
        "cookie",
        "private-token",
        "job-token",
        "x-auth-token",
        "x-vault-token",
        "x-figma-token",
        "x-shopify-access-token",
        "xi-api-key",
    }
)
_PARAMETERS = frozenset(
    {
        "key",
        "api_key",
        "apikey",
        "api-key",
        "token",
        "access_token",
        "private_token",
        "sig",
        "signature",
        "code",
        "x-amz-credential",
        "x-amz-security-token",
        "x-amz-signature",
        "x-goog-signature",
    }
)
_NAME_MAX = 256
_AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")
_HOMELESS = frozenset({"jwt", "vault-token"})
"""Anybody's host may take these, so as a credential they are taken to be at home."""


@dataclass(frozen=True, slots=True)
class _Home:
    providers: frozenset[str]
    hosts: tuple[str, ...]
    is_address: bool


def _homes(rules: tuple[Rule, ...]) -> Mapping[str, _Home]:
    homes: dict[str, _Home] = {TELEGRAM: _Home(frozenset(), ("api.telegram.org",), True)}
    for rule in rules:
        known = homes.get(rule.kind, _Home(frozenset(), (), False))
        homes[rule.kind] = _Home(
            known.providers | rule.providers, known.hosts + rule.hosts, rule.is_address
        )
    return homes


_HOMES = _homes(FORMATS)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes."""

    provider: str | None
    host: str
    authority_end: int
    """Where host and what stands before it end in the URL."""

    def is_home_of(self, kind: str) -> bool:
        home = _HOMES.get(kind)
        if home is None:
            return False
        if self.provider is not None and self.provider in home.providers:
            return True
        return any(self.host == host or self.host.endswith("." + host) for host in home.hosts)


def target_of(url: str, provider: str | None) -> Target:
    """Whatever the URL is: without a host nothing is at home by its host."""
    found = _AUTHORITY.match(url)
    if found is None:
        return Target(provider, "", 0)
    host = found[1].rpartition("@")[2].lower()
    bare = host.partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return Target(provider, bare.rstrip("."), found.end())


def is_credential(found: Found, owners: frozenset[str], target: Target) -> bool:
    """Whether what stands in a credential's place may stand there. `owners`: of an own key."""
    if found.kind == CANARY:
        return False
    if found.kind == OWN_KEY:
        return target.provider is not None and target.provider in owners
    if found.rank == GUESS or found.kind in _HOMELESS:
        return True  # A credential's place is for what looks random.
    return target.is_home_of(found.kind)


def is_in_credentials_place(url: str, found: Found, target: Target) -> bool:
    """Whether a URL carries it where URLs carry credentials: before the host, in a parameter that is
    named so, or anywhere when the address itself is the credential."""
    home = _HOMES.get(found.kind)
    if found.end <= target.authority_end or (home is not None and home.is_address):
        return True
    before = url[max(0, found.start - _NAME_MAX) : found.start]
    mark = max(before.rfind("?"), before.rfind("&"))
    return mark >= 0 and before[mark + 1 :].partition("=")[0].lower() in _PARAMETERS
