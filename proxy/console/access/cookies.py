"""The console's cookies: what proves a visit, and what proves that a login came back to who began it."""

from dataclasses import dataclass
from typing import Literal

from aiohttp import web

_LOGIN_S = 600
"""How long somebody may take at their issuer's pages."""


@dataclass(frozen=True, slots=True)
class Cookies:
    """`is_secure`: people come by https, and then a cookie is this very host's, and set by https."""

    is_secure: bool
    visit_max_s: int

    @property
    def visit(self) -> str:
        """The name of the visit's cookie."""
        return "__Host-exeat" if self.is_secure else "exeat"

    @property
    def login(self) -> str:
        """The name of the cookie of a login that is under way at an issuer."""
        return self.visit + "-login"

    def begin_visit(self, response: web.StreamResponse, secret: str) -> None:
        """No page from elsewhere, and no script, is ever helped by this cookie."""
        self._set(response, self.visit, secret, self.visit_max_s, "Strict")

    def begin_login(self, response: web.StreamResponse, secret: str) -> None:
        """Lax: the issuer's page is elsewhere, and leads back here."""
        self._set(response, self.login, secret, _LOGIN_S, "Lax")

    def end(self, response: web.StreamResponse, name: str) -> None:
        """Forget the cookie of that name."""
        response.del_cookie(name, path="/", secure=self.is_secure, httponly=True)

    def _set(
        self,
        response: web.StreamResponse,
        name: str,
        value: str,
        max_age_s: int,
        same_site: Literal["Strict", "Lax"],
    ) -> None:
        response.set_cookie(
            name,
            value,
            max_age=max_age_s,
            path="/",
            secure=self.is_secure,
            httponly=True,
            samesite=same_site,
        )
