"""The console's cookies."""

import pytest
from aiohttp import web

from proxy.console.access.cookies import Cookies


def headers(cookies: Cookies, name: str) -> str:
    response = web.Response()
    if name == cookies.visit:
        cookies.begin_visit(response, "x")
    else:
        cookies.begin_login(response, "x")
    return response.cookies[name].OutputString()


@pytest.mark.parametrize("is_secure", [True, False])
def test_a_visits_cookie_is_for_no_script_and_no_other_page(is_secure):
    cookies = Cookies(is_secure, 43_200)
    told = headers(cookies, cookies.visit)
    assert told.startswith("__Host-exeat=x;" if is_secure else "exeat=x;")
    for part in ("HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"):
        assert part in told
    assert ("Secure" in told) is is_secure
    assert "Domain" not in told


def test_the_cookie_of_a_login_under_way_comes_back_from_the_issuer():
    cookies = Cookies(True, 43_200)
    told = headers(cookies, cookies.login)
    assert told.startswith("__Host-exeat-login=x;")
    for part in ("HttpOnly", "SameSite=Lax", "Secure", "Max-Age=600"):
        assert part in told


def test_a_cookie_that_ends_is_one_that_its_browser_takes():
    response = web.Response()
    Cookies(True, 1).end(response, "__Host-exeat")
    told = response.cookies["__Host-exeat"].OutputString()
    assert "Max-Age=0" in told
    assert "Secure" in told, "or a browser would keep the one that it has"
