"""Calls over the API: filters, pages, one call, and those in flight."""

import aiohttp
import pytest

from proxy.ledger.store import LedgerUnavailable
from proxy.slip import Destination, Identity, Slip, Stamped
from tests.console.conftest import decision_id


async def records(desk, query: str = "") -> list[int]:
    answer = await desk.get(f"/api/calls{query}")
    assert answer.status == 200
    return [each["seq"] for each in answer.body["records"]]


FILTERS = {
    "": [6, 5, 4, 3, 2, 1, 0],
    "?org=acme": [5, 4, 3, 2, 1, 0],
    "?agent=tester": [5, 4],
    "?agent=nobody": [],
    "?session=s1&kind=decision": [4, 2, 0],
    "?model=gpt-4o&kind=outcome": [5, 1],
    "?host=evil.test": [6],
    "?provider=openai&agent=coder": [3, 2, 1, 0],
    "?decision=deny": [6],
    "?decision=allow": [4, 2, 0],
    "?status=answered": [5, 3, 1],
    "?code=host_not_allowed": [6],
    "?since=2026-11-18T13:00:00Z": [5, 4],
    "?until=2026-11-18T12:00:00Z": [6, 1, 0],
    "?since=2026-11-18T12:00:00Z&until=2026-11-18T13:00:00Z": [3, 2],
    "?org=acme'--": [],
    "?limit=2": [6, 5],
    "?limit=2&before=5": [4, 3],
    "?before=1": [0],
    "?limit=999999": [6, 5, 4, 3, 2, 1, 0],
}


@pytest.mark.parametrize("query", FILTERS)
async def test_every_filter_narrows(desk, query):
    assert await records(desk, query) == FILTERS[query]


async def test_pages_follow_one_another_to_the_end(desk):
    seen: list[int] = []
    path = "/api/calls?limit=3"
    while True:
        body = (await desk.get(path)).body
        seen += [each["seq"] for each in body["records"]]
        if body["next_before"] is None:
            break
        path = f"/api/calls?limit=3&before={body['next_before']}"
    assert seen == [6, 5, 4, 3, 2, 1, 0]


@pytest.mark.parametrize(
    ("which", "found"),
    [("4", [4]), (decision_id(1), [2, 3]), (decision_id(9), [6]), ("0192f3a0", [*range(7)])],
)
async def test_a_call_is_found_by_its_seq_its_id_or_the_start_of_it(desk, which, found):
    answer = await desk.get(f"/api/calls/{which}")
    assert answer.status == 200
    assert [each["seq"] for each in answer.body["records"]] == found


@pytest.mark.parametrize(
    "which", ["99", "999999999999999", "ffffffff-0000", "%25%25%25%25%25%25%25%25"]
)
async def test_a_call_that_is_not_there_is_a_404(desk, which):
    answer = await desk.get(f"/api/calls/{which}")
    assert (answer.status, answer.body["error"]["code"]) == (404, "not_found")


async def test_calls_in_flight_are_shown_without_their_query(desk):
    whole = Slip("call-1", 0, 5, "tunnel", "POST", "/v1?key=sk-secret")
    whole.destination = Destination("https", "a.test", 443)
    whole.identity = Identity("acme", "coder", "s1")
    whole.stamps = [Stamped("route", 1, "")]
    desk.calls.live = (whole, Slip("call-2", 0, 6, "forward", "GET", "/"))
    answer = await desk.get("/api/calls/live")

    first, second = answer.body["calls"]
    assert (first["id"], first["host"], first["org"]) == ("call-1", "a.test", "acme")
    assert first["stamps"] == ["route"]
    assert (second["host"], second["org"], second["held_nanousd"]) == (None, None, 0)
    assert "sk-secret" not in str(answer.body)


async def seqs_of_file(desk, query: str) -> list[int]:
    answer = await desk.get(f"/api/calls?format=csv{query}")
    assert (answer.status, answer.headers["content-type"].split(";")[0]) == (200, "text/csv")
    titles, *rows = answer.body.decode().splitlines()
    assert titles.startswith("seq,ts,kind,status,code,org,agent,")
    return [int(row.split(",")[0]) for row in rows]


async def test_all_that_match_are_a_file_however_many_there_are(desk, monkeypatch):
    monkeypatch.setattr("proxy.console.api.calls._LIMIT_MAX", 2)
    assert await seqs_of_file(desk, "") == [6, 5, 4, 3, 2, 1, 0]
    assert await seqs_of_file(desk, "&limit=5") == [6, 5, 4, 3, 2]
    assert await seqs_of_file(desk, "&limit=4&before=4") == [3, 2, 1, 0]
    assert await seqs_of_file(desk, "&agent=tester") == [5, 4]
    assert await seqs_of_file(desk, "&agent=nobody") == []


async def test_a_file_that_cannot_be_read_to_its_end_does_not_look_whole(desk, monkeypatch):
    monkeypatch.setattr("proxy.console.api.calls._LIMIT_MAX", 2)
    find, asked = desk.ledger.find, []

    async def once(*given):
        asked.append(given)
        if len(asked) > 1:
            raise LedgerUnavailable("disk full")
        return await find(*given)

    monkeypatch.setattr(desk.ledger, "find", once)
    with pytest.raises(aiohttp.ClientError):
        await desk.get("/api/calls?format=csv")
