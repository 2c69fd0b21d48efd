"""Logging in by an issuer, from the login page to its pages and back."""

import pytest
from aiohttp import ClientSession, CookieJar
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from proxy.config import ConsoleListen
from proxy.console.server import application
from tests.console.access.issuer import CLIENT, OTHER_KEY, StandinIssuer, misused, unsigned
from tests.console.clock import Clock
from tests.house import free_port


@pytest.fixture
def clock(ports):
    return Clock(ports.now_ms())


@pytest.fixture
async def issuer(clock):
    found = StandinIssuer(clock.now_ms // 1000)
    await found.start()
    yield found
    await found.server.close()


@pytest.fixture
async def console(ports, clock, issuer):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    listen = ConsoleListen(port=port, public_url=url, oidc=issuer.settings())
    server = TestServer(application(listen, clock.within(ports)), port=port)
    await server.start_server()
    yield server
    await server.close()


@pytest.fixture
async def browser(console):
    async with TestClient(console, cookie_jar=CookieJar(unsafe=True)) as client:
        yield client


async def led(browser, then: str = "/calls") -> URL:
    """To the issuer, which says yes: where it leads back to."""
    away = await browser.get(f"/login/issuer?next={then}", allow_redirects=False)
    assert away.status == 303
    there = await browser.session.get(away.headers["location"], allow_redirects=False)
    return URL(there.headers["location"])


async def come_back(browser, back: URL) -> tuple[int, str]:
    answer = await browser.session.get(back, allow_redirects=False)
    return answer.status, await answer.text()


async def role_of(browser) -> str | None:
    answer = await browser.get("/api/whoami")
    return (await answer.json()).get("role")


async def test_the_login_page_offers_it(browser):
    page = await (await browser.get("/login?next=/calls")).text()
    assert 'href="/login/issuer?next=/calls"' in page


async def test_who_is_vouched_for_is_let_in_as_their_groups_say_and_led_on(browser, ports):
    status, page = await come_back(browser, await led(browser))
    assert status == 200
    assert 'content="0; url=/calls"' in page
    told = await (await browser.get("/api/whoami")).json()
    assert told == {"name": "oidc:ann@acme.test", "role": "approver"}
    [visit] = await ports.access.visits(ports.now_ms())
    assert (visit.name, visit.token) == ("oidc:ann@acme.test", None)


WRONG = {
    "of another login": {"claims": {"nonce": "another"}},
    "of no login": {"claims": {"nonce": None}},
    "for another": {"claims": {"aud": "another"}},
    "for nobody": {"claims": {"aud": None}},
    "for us and another, who asked for it": {"claims": {"aud": [CLIENT, "x"], "azp": "x"}},
    "for us and another, and nobody asked": {"claims": {"aud": [CLIENT, "x"]}},
    "by another issuer": {"claims": {"iss": "https://another.test"}},
    "by no issuer": {"claims": {"iss": None}},
    "that has expired": {"claims": {"exp": 1_000_000_000}},
    "that never expires": {"claims": {"exp": None}},
    "of tomorrow": {"claims": {"iat": 10_000_000_000}},
    "not valid yet": {"claims": {"nbf": 10_000_000_000}},
    "of nobody": {"claims": {"sub": None}},
    "signed by an unknown key": {"header": {"alg": "ES256", "kid": "other"}, "key": OTHER_KEY},
    "signed by another key of that name": {"key": OTHER_KEY},
    "in no group of ours": {"claims": {"groups": ["others"]}},
    "in no group": {"claims": {"groups": None}},
    "without a name": {"claims": {"email": None}},
    "with a name that is markup": {"claims": {"email": "<script>"}},
}


@pytest.mark.parametrize("what", WRONG)
async def test_a_token_lets_nobody_in(browser, issuer, what, ports):
    for name, value in WRONG[what].items():
        setattr(issuer, name, value)
    status, page = await come_back(browser, await led(browser))
    assert status == 403
    assert 'role="alert"' in page
    assert "<script>" not in page
    assert await role_of(browser) is None
    assert await ports.access.visits(ports.now_ms()) == []


@pytest.mark.parametrize("made", [unsigned, misused])
async def test_a_token_that_the_issuer_did_not_sign_lets_nobody_in(browser, issuer, made):
    back = await led(browser)
    nonce = issuer.codes["code-0"]["nonce"]
    issuer.id_token = made(issuer.good_claims(nonce))
    assert (await come_back(browser, back))[0] == 403
    issuer.id_token = None
    assert (await come_back(browser, await led(browser)))[0] == 200, "but for that it was good"


async def test_a_state_is_good_once(browser):
    back = await led(browser)
    assert (await come_back(browser, back))[0] == 200
    assert (await come_back(browser, back))[0] == 403


async def test_a_state_is_of_the_browser_that_began(browser, console):
    back = await led(browser)
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as other:
        answer = await other.get(back, allow_redirects=False)
        assert answer.status == 403
        assert (await other.get(console.make_url("/api/whoami"))).status == 401
    assert (await come_back(browser, back))[0] == 403, "and it is used up"


async def test_a_state_that_was_made_up_or_is_old_is_not_known(browser, clock, issuer):
    for query in ({"state": "x"}, {"state": ""}, {"state": "\ud800"}):
        assert (await come_back(browser, (await led(browser)).update_query(query)))[0] == 403
    back = await led(browser)
    clock.now_ms += 600_000
    assert (await come_back(browser, back))[0] == 403
    assert "/token" not in issuer.asked


async def test_an_answer_of_another_issuer_or_without_a_code_is_none(browser, issuer):
    assert (await come_back(browser, (await led(browser)) % {"iss": "https://another.test"}))[
        0
    ] == 403
    without = (await led(browser)).without_query_params("code") % {"error": "access_denied"}
    assert (await come_back(browser, without))[0] == 403
    assert "/token" not in issuer.asked


async def test_an_issuer_that_does_not_answer_is_said_so_and_tokens_still_work(browser, issuer):
    issuer.answers["/.well-known/openid-configuration"] = (500, b"")
    answer = await browser.get("/login/issuer", allow_redirects=False)
    page = await answer.text()
    assert answer.status == 503
    assert "use a token" in page
    assert 'name="token"' in page


async def test_an_issuer_whose_keys_are_gone_lets_nobody_in(browser, issuer):
    issuer.answers["/keys"] = (500, b"")
    assert (await come_back(browser, await led(browser)))[0] == 503
    assert await role_of(browser) is None


async def test_beginning_without_end_is_slowed_down(browser):
    statuses = [
        (await browser.get("/login/issuer", allow_redirects=False)).status for _ in range(11)
    ]
    assert statuses == [303] * 10 + [429]


async def test_it_leads_on_to_paths_of_the_console_alone(browser):
    _, page = await come_back(browser, await led(browser, "https://evil.test/"))
    assert "evil.test" not in page
