"""The console's server: who may ask, and what an error looks like."""

import asyncio
import io
import ssl

import aiohttp
import pytest
import trustme

from proxy.budgets import CountersUnavailable
from proxy.config import ConsoleListen
from proxy.console import feed
from proxy.console.server import Console
from proxy.ledger.store import LedgerUnavailable
from tests.console.clock import Clock

PATHS = ("/api/calls", "/api/calls/live", "/api/calls/0", "/api/costs", "/api/policies", "/api/no")
WITHOUT = ("", "Bearer", "Bearer wrong", "Basic eDp5")


@pytest.mark.parametrize("path", PATHS)
async def test_without_the_token_the_api_says_nothing_but_how_to_ask(desk, path):
    for header in WITHOUT:
        answer = await desk.get(path, authorization=header)
        assert answer.status == 401
        assert answer.body["error"]["code"] == "token_required"
        assert "exeat console token" in answer.body["error"]["message"]
        assert desk.token not in str(answer.body)


@pytest.mark.parametrize("path", ["/API/calls", "//api/calls", "/api", "/./api/../calls"])
async def test_no_spelling_of_a_path_goes_round_the_token(desk, path):
    answer = await desk.get(path, authorization="")
    assert answer.status in (401, 404)
    assert "records" not in str(answer.body)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/api/calls", "/api/no", "/no"])
async def test_no_answer_is_kept_or_shown_in_a_page(desk, path):
    headers = (await desk.get(path)).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["server"] == "exeat"
    assert headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    ("path", "method", "status", "code"),
    [
        ("/no", "GET", 404, "not_found"),
        ("/api/no", "GET", 404, "not_found"),
        ("/api/calls", "POST", 405, "method_not_allowed"),
        ("/healthz", "DELETE", 405, "method_not_allowed"),
    ],
)
async def test_an_error_is_json(desk, path, method, status, code):
    answer = await desk.get(path, method=method)
    assert (answer.status, answer.body["error"]["code"]) == (status, code)


@pytest.mark.parametrize(
    ("more", "status", "code"), [(0, 400, "bad_query"), (1, 413, "content_too_large")]
)
async def test_a_body_is_at_most_a_mebibyte(desk, more, status, code):
    """What is none, and of that size, is read; a byte more is not."""
    url = f"http://127.0.0.1:{desk.port}/api/policy/check"
    headers = {"authorization": f"Bearer {desk.token}", "content-type": "application/json"}
    body = io.BytesIO(b"x" * ((1 << 20) + more))
    async with desk.session.post(url, headers=headers, data=body) as answer:
        told = await answer.json()
    assert (answer.status, told["error"]["code"]) == (status, code)


async def _fails(*_, **__):
    raise CountersUnavailable("redis is down")


async def _cannot(*_, **__):
    raise LedgerUnavailable("disk full")


@pytest.mark.parametrize(
    ("path", "owner", "method", "broken", "code"),
    [
        ("/api/calls", "ledger", "find", _cannot, "ledger_unavailable"),
        ("/api/calls?format=csv", "ledger", "find", _cannot, "ledger_unavailable"),
        ("/api/calls/0", "ledger", "get", _cannot, "ledger_unavailable"),
        ("/api/costs", "ledger", "costs", _cannot, "ledger_unavailable"),
        ("/api/budgets?org=acme", "accounts", "balances", _fails, "counters_unavailable"),
    ],
)
async def test_what_cannot_be_asked_now_is_a_503(
    desk, monkeypatch, path, owner, method, broken, code
):
    monkeypatch.setattr(getattr(desk, owner), method, broken)
    answer = await desk.get(path)
    assert (answer.status, answer.body["error"]["code"]) == (503, code)


class Elsewhen:
    """A console by a clock that the test sets, and somebody who is logged in there."""

    def __init__(self, url: str, clock: Clock, session: aiohttp.ClientSession) -> None:
        self.url, self.clock, self._session = url, clock, session

    async def after(self, seconds: int, path: str) -> int:
        """The status of the answer, of which nothing more is read."""
        self.clock.now_ms += seconds * 1000
        async with self._session.get(self.url + path, allow_redirects=False) as answer:
            return answer.status

    def feed(self):
        return self._session.get(f"{self.url}/feed?page=now")


@pytest.fixture
async def elsewhen(ports):
    clock = Clock(ports.now_ms())
    console = Console(ConsoleListen(port=0), clock.within(ports))
    url = f"http://127.0.0.1:{await console.start()}"
    _, secret = await ports.access.make("ann", "viewer", "1d", by="test", now_ms=clock.now_ms)
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        async with session.post(f"{url}/login", data={"token": secret}, allow_redirects=False):
            pass
        yield Elsewhen(url, clock, session)
    await console.stop()


async def test_a_page_that_asks_again_by_itself_keeps_nobody_logged_in(elsewhen):
    for _ in range(5):
        assert await elsewhen.after(5 * 60, "/feed?page=now") == 200
    assert await elsewhen.after(4 * 60, "/calls") == 200, "29 minutes, and somebody is there"
    for _ in range(5):
        assert await elsewhen.after(5 * 60, "/feed?page=now") == 200
    assert await elsewhen.after(5 * 60, "/feed?page=now") == 401
    assert await elsewhen.after(0, "/calls") in (401, 303)


async def test_a_feed_ends_when_nobody_was_there(elsewhen, monkeypatch):
    monkeypatch.setattr(feed, "PING_S", 0.01)
    async with elsewhen.feed() as answer:
        await answer.content.readuntil(b"\n\n")
        elsewhen.clock.now_ms += 30 * 60 * 1000
        rest = await asyncio.wait_for(answer.content.read(), 5)
        assert rest.endswith(b"event: bye\ndata: signed out\n\n")


async def test_stopping_twice_is_stopping_once(ports):
    console = Console(ConsoleListen(port=0), ports)
    await console.start()
    await console.stop()
    await console.stop()


async def test_with_a_certificate_it_speaks_tls_and_its_cookies_say_so(ports, tmp_path):
    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1")
    leaf.private_key_pem.write_to_path(tmp_path / "key.pem")
    for pem in leaf.cert_chain_pems:
        pem.write_to_path(tmp_path / "cert.pem", append=True)
    trust = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    authority.configure_trust(trust)
    _, secret = await ports.access.make("ann", "viewer", "1d", by="test", now_ms=ports.now_ms())
    files = {"tls_cert": tmp_path / "cert.pem", "tls_key": tmp_path / "key.pem"}
    console = Console(ConsoleListen(port=0, **files), ports)
    url = f"https://127.0.0.1:{await console.start()}"
    async with aiohttp.ClientSession() as session:
        form = {"token": secret}
        async with session.post(
            f"{url}/login", data=form, ssl=trust, allow_redirects=False
        ) as answer:
            assert answer.status == 303
            assert answer.headers["set-cookie"].startswith("__Host-exeat=")
            assert "Secure" in answer.headers["set-cookie"]
    await console.stop()


async def test_a_certificate_that_is_none_is_said_by_the_name_of_its_file(ports, tmp_path):
    (tmp_path / "cert.pem").write_text("no")
    files = {"tls_cert": tmp_path / "cert.pem", "tls_key": tmp_path / "key.pem"}
    with pytest.raises(OSError, match=r"cert\.pem"):
        await Console(ConsoleListen(port=0, **files), ports).start()
