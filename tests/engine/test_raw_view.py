"""The raw view: what it shows, to whom, and that it changes nothing."""

from collections.abc import AsyncIterator

import httpx
import pytest
from mitmproxy.test import tflow

from proxy.engine import raw_view
from proxy.engine.raw_view import RawView, Tickets, without_keys


def test_a_ticket_is_good_once_and_for_a_minute():
    tickets = Tickets()
    one, other = tickets.make(100.0), tickets.make(100.0)
    assert one != other
    assert tickets.take(one, 159.9)
    assert not tickets.take(one, 159.9)
    assert not tickets.take(other, 160.1)
    assert not tickets.take("", 0.0)


def test_tickets_that_nobody_takes_are_forgotten():
    tickets = Tickets()
    first = tickets.make(0.0)
    for _ in range(100):
        tickets.make(0.0)
    assert not tickets.take(first, 0.0)


def test_rule_8_keys_are_taken_out_of_heads_and_queries_and_the_call_keeps_them():
    flow = tflow.tflow(resp=True)
    flow.request.headers["Authorization"] = "Bearer sk-secret"
    flow.request.headers["X-Goog-Api-Key"] = "AIza-secret"
    flow.request.path = "/v1/x?key=secret&alt=sse"
    flow.response.headers["Set-Cookie"] = "secret"
    shown = without_keys(flow)
    assert "secret" not in repr([*shown.request.headers.items(), *shown.response.headers.items()])
    assert "secret" not in shown.request.path
    assert "alt=sse" in shown.request.path
    assert flow.request.headers["Authorization"] == "Bearer sk-secret"
    assert shown.response.content == flow.response.content


@pytest.fixture
async def view() -> AsyncIterator[RawView]:
    view = RawView()
    view.start()
    yield view
    view.stop()


@pytest.fixture
async def browser(view: RawView) -> AsyncIterator[httpx.AsyncClient]:
    url = view.url()
    async with httpx.AsyncClient(base_url=url.partition("/?")[0], trust_env=False) as client:
        assert (await client.get("/flows")).status_code == 403
        assert (await client.get(url)).status_code == 200
        yield client


async def test_whoever_has_a_ticket_sees_calls_that_have_ended(view, browser):
    view.see(tflow.tflow(resp=True))
    [shown] = (await browser.get("/flows")).json()
    content = await browser.get(f"/flows/{shown['id']}/response/content.data")
    assert content.content == b"message"


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/clear"), ("PUT", "/options"), ("POST", "/commands/flow.kill"),
     ("POST", "/flows/dump"), ("DELETE", "/flows/00"), ("POST", "/flows/00/replay")],
)  # fmt: skip
async def test_it_changes_nothing(view, browser, method, path):
    view.see(tflow.tflow(resp=True))
    assert (await browser.request(method, path)).status_code == 405
    assert len((await browser.get("/flows")).json()) == 1


async def test_the_oldest_calls_go_first(view, browser, monkeypatch):
    monkeypatch.setattr(raw_view, "FLOWS_MAX", 2)
    flows = [tflow.tflow(resp=True) for _ in range(3)]
    for number, flow in enumerate(flows):
        flow.request.path = f"/{number}"
        view.see(flow)
    shown = (await browser.get("/flows")).json()
    assert [each["request"]["path"] for each in shown] == ["/1", "/2"]
