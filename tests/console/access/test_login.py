"""Logging in by a token and out again, with the pages and the API in between."""

import re

import pytest
from aiohttp import CookieJar
from aiohttp.test_utils import TestClient, TestServer

from proxy.config import ConsoleListen
from proxy.console.access.visits import csrf_of
from proxy.console.server import application
from tests.console.clock import Clock

PAGE = {"accept": "text/html"}


@pytest.fixture
def clock(ports):
    return Clock(ports.now_ms())


@pytest.fixture
async def browser(ports, clock):
    """Something with cookies, that follows nothing by itself."""
    app = application(ConsoleListen(port=0), clock.within(ports))
    async with TestClient(TestServer(app), cookie_jar=CookieJar(unsafe=True)) as client:
        yield client


@pytest.fixture
async def secret(ports, clock):
    _, secret = await ports.access.make("ann", "admin", "1d", by="test", now_ms=clock.now_ms)
    return secret


async def log_in(browser, secret: str, then: str = "/api/whoami", **headers: str):
    form = {"token": secret, "next": then}
    return await browser.post("/login", data=form, headers=headers, allow_redirects=False)


def csrf(browser) -> dict[str, str]:
    return {"x-csrf-token": csrf_of(_visit(browser))}


def _visit(browser) -> str:
    return {each.key: each.value for each in browser.session.cookie_jar}["exeat"]


async def test_a_token_begins_a_visit_and_leads_to_where_one_wanted_to_go(browser, secret):
    answer = await log_in(browser, secret, "/calls?org=acme")
    assert (answer.status, answer.headers["location"]) == (303, "/calls?org=acme")
    told = await browser.get("/api/whoami")
    assert await told.json() == {"name": "ann", "role": "admin"}
    assert _visit(browser) != secret


@pytest.mark.parametrize("then", ["//evil.test", "https://evil.test", "/\\evil.test", ""])
async def test_it_leads_nowhere_else(browser, secret, then):
    assert (await log_in(browser, secret, then)).headers["location"] == "/"


async def test_a_wrong_token_shows_the_page_again_and_does_not_repeat_it(browser, secret):
    answer = await log_in(browser, "exeat_wrong", "/calls")
    page = await answer.text()
    assert (answer.status, answer.content_type) == (403, "text/html")
    assert "opens nothing" in page
    assert 'value="/calls"' in page
    assert "exeat_wrong" not in page
    assert "set-cookie" not in answer.headers


async def test_where_to_go_is_text_on_the_page(browser):
    page = await (await browser.get('/login?next=/"><script>x</script>')).text()
    assert "<script" not in page


async def test_too_many_failures_wait_and_a_good_one_is_none(browser, secret, clock):
    for _ in range(9):
        assert (await log_in(browser, "wrong")).status == 403
    assert (await log_in(browser, secret)).status == 303
    assert (await log_in(browser, "wrong")).status == 403
    answer = await log_in(browser, secret)
    assert answer.status == 429
    assert int(answer.headers["retry-after"]) <= 30
    forwarded = await log_in(browser, secret, **{"x-forwarded-for": "10.9.8.7"})
    assert forwarded.status == 429, "anyone can write that header"
    clock.now_ms += 30_000
    assert (await log_in(browser, secret)).status == 303


async def test_a_page_from_elsewhere_cannot_log_anybody_in(browser, secret):
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "http://evil.test"}):
        answer = await log_in(browser, secret, **headers)
        assert (answer.status, (await answer.json())["error"]["code"]) == (403, "cross_origin")


async def test_a_console_behind_something_with_tls_is_known_by_its_public_name(ports, secret):
    listen = ConsoleListen(port=0, public_url="https://exeat.test")
    async with TestClient(TestServer(application(listen, ports))) as client:
        form = {"token": secret}
        for origin, status in (("https://exeat.test", 303), ("https://evil.test", 403)):
            answer = await client.post(
                "/login", data=form, headers={"origin": origin}, allow_redirects=False
            )
            assert answer.status == status


async def test_logging_in_again_ends_the_visit_before(browser, secret, ports, clock):
    await log_in(browser, secret)
    before = _visit(browser)
    await log_in(browser, secret)
    assert await ports.access.visitor(before, clock.now_ms) is None
    assert await ports.access.visitor(_visit(browser), clock.now_ms) is not None


async def test_logging_out_ends_it_for_good(browser, secret):
    await log_in(browser, secret)
    visit = _visit(browser)
    form = {"csrf": csrf_of(visit)}
    answer = await browser.post("/logout", data=form, allow_redirects=False)
    assert (answer.status, answer.headers["location"]) == (303, "/login")
    assert (await browser.get("/api/whoami")).status == 401
    kept = await browser.get("/api/whoami", headers={"cookie": f"exeat={visit}"})
    assert kept.status == 401, "a copy of the cookie opens nothing either"


async def test_who_is_not_there_is_logged_out_and_everybody_after_half_a_day(
    browser, secret, clock
):
    await log_in(browser, secret)
    for _ in range(24):
        clock.now_ms += 29 * 60_000
        assert (await browser.get("/api/whoami")).status == 200
    clock.now_ms += 29 * 60_000
    assert (await browser.get("/api/whoami")).status == 401
    await log_in(browser, secret)
    clock.now_ms += 30 * 60_000
    assert (await browser.get("/api/whoami")).status == 401


async def test_a_visit_ends_with_its_token(browser, ports, clock):
    _, secret = await ports.access.make("bob", "admin", "2h", by="test", now_ms=clock.now_ms)
    await log_in(browser, secret)
    await ports.access.revoke("bob", by="test", now_ms=clock.now_ms)
    assert (await browser.get("/api/whoami")).status == 401


async def test_a_request_that_changes_something_needs_more_than_the_cookie(browser, secret):
    await log_in(browser, secret)
    body = {"name": "carl", "role": "viewer"}

    async def make(**headers: str) -> tuple[int, str]:
        answer = await browser.post("/api/tokens", json=body, headers=headers)
        told = await answer.json()
        return answer.status, told.get("error", {}).get("code", "")

    assert await make() == (403, "csrf_required")
    assert await make(**{"x-csrf-token": "x"}) == (403, "csrf_required")
    own = csrf(browser)
    assert await make(**own, **{"sec-fetch-site": "same-site"}) == (403, "cross_origin")
    assert await make(**own, origin="http://evil.test") == (403, "cross_origin")
    assert await make(**own, **{"sec-fetch-site": "same-origin"}) == (201, "")


async def test_a_form_carries_it_in_a_field_and_one_of_another_visit_does_not_do(browser, secret):
    await log_in(browser, secret)
    other = {"csrf": csrf_of("another visit")}
    answer = await browser.post("/logout", data=other, allow_redirects=False)
    assert answer.status == 403
    assert (await browser.get("/api/whoami")).status == 200


async def test_a_token_in_the_header_needs_no_more_and_is_what_counts(
    browser, secret, ports, clock
):
    await log_in(browser, secret)
    _, other = await ports.access.make("carl", "viewer", "1d", by="test", now_ms=clock.now_ms)
    told = await browser.get("/api/whoami", headers={"authorization": f"Bearer {other}"})
    assert (await told.json())["name"] == "carl"
    wrong = await browser.get("/api/whoami", headers={"authorization": "Bearer wrong"})
    assert wrong.status == 401


async def test_a_page_leads_who_is_not_known_to_the_login_and_back(browser):
    answer = await browser.get("/calls?org=a&x=1", headers=PAGE, allow_redirects=False)
    assert answer.status == 303
    assert answer.headers["location"] == "/login?next=%2Fcalls%3Forg%3Da%26x%3D1"
    page = await (await browser.get(answer.headers["location"])).text()
    assert 'value="/calls?org=a&amp;x=1"' in page


async def test_the_api_and_what_scripts_ask_for_are_told_401_and_led_nowhere(browser):
    for path, headers in (("/api/calls", PAGE), ("/feed", {"accept": "text/event-stream"})):
        answer = await browser.get(path, headers=headers, allow_redirects=False)
        assert (answer.status, answer.content_type) == (401, "application/json")


async def test_a_form_of_nobody_leads_to_the_login_and_is_not_done(browser):
    answer = await browser.post("/logout", headers=PAGE, allow_redirects=False)
    assert (answer.status, answer.headers["location"]) == (303, "/login")


async def test_a_link_from_elsewhere_finds_the_visit_by_one_step_more(browser, secret):
    """Its browser keeps the cookie back at first: the page leads on, and then it comes along."""
    link = {**PAGE, "sec-fetch-mode": "navigate", "sec-fetch-site": "cross-site"}
    answer = await browser.get("/calls?org=a", headers=link, allow_redirects=False)
    page = await answer.text()
    assert answer.status == 200
    assert re.search(r'http-equiv="refresh" content="0; url=/calls\?org=a"', page)
    elsewhere = f"{browser.make_url('/')}/evil.test/x"
    hostile = await browser.session.get(elsewhere, headers=link, allow_redirects=False)
    assert hostile.status == 200
    assert "evil.test" not in await hostile.text()
