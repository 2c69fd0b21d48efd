"""Endpoints as routes: what is read, who is let in, and how a no is told."""

from typing import Literal

import pytest
from aiohttp import web

from proxy.budgets import CountersUnavailable
from proxy.database import DatabaseUnavailable
from proxy.endpoint import Asked, Endpoint, Model, Nothing, Problem, Reply
from proxy.ledger.store import LedgerUnavailable
from proxy.serving import problem_of, problems, read_form, routes


class _Query(Model):
    colour: Literal["red", "blue"] = "red"
    count: int = 1


class _Body(Model):
    n: int
    word: str = ""


class _Answer(Model):
    who: str
    said: str


FAULTS = {
    "counters": (CountersUnavailable("redis is down"), 503, "counters_unavailable"),
    "ledger": (LedgerUnavailable("disk full"), 503, "ledger_unavailable"),
    "database": (
        DatabaseUnavailable("/home/me/sk-secret.sqlite: locked"),
        503,
        "database_unavailable",
    ),
    "problem": (Problem(409, "taken", "Take another."), 409, "taken"),
    "bug": (KeyError("sk-secret"), 500, "internal_error"),
}


async def _find(asked: Asked[str, _Query, Nothing]) -> _Answer:
    """Find."""
    return _Answer(who=asked.who, said=f"{asked.query.colour} {asked.query.count}")


async def _make(asked: Asked[str, Nothing, _Body]) -> _Answer:
    """Make."""
    return _Answer(who=asked.who, said=f"{asked.path['name']} {asked.body.n}")


async def _fail(asked: Asked[str, Nothing, Nothing]) -> _Answer:
    """Fail."""
    raise FAULTS[asked.path["how"]][0]


async def _page(asked: Asked[str, Nothing, Nothing]) -> Reply:
    """A page."""
    return Reply("<p>", 202, "text/html", {"x-more": "1"})


ended: list[str] = []


async def _pieces(how: str):
    try:
        yield b"one "
        if how == "broken":
            raise KeyError("sk-secret")
        yield b"two"
    finally:
        ended.append(how)


async def _stream(asked: Asked[str, Nothing, Nothing]) -> Reply:
    """Piece by piece."""
    return Reply(_pieces(asked.path["how"]), content_type="text/csv")


async def _who(request: web.Request, role: str) -> str:
    name = request.headers.get("x-name")
    if role != "anyone" and name is None:
        raise Problem(401, "name_required", "Say who you are.")
    return name or "nobody"


async def _form(request: web.Request) -> web.Response:
    return web.json_response(dict(await read_form(request)))


ENDPOINTS = [
    Endpoint("GET", "/find", "viewer", _find, _Answer, query=_Query),
    Endpoint("POST", "/make/{name}", "anyone", _make, _Answer, body=_Body, status=201),
    Endpoint("GET", "/fail/{how}", "anyone", _fail, _Answer),
    Endpoint("GET", "/page", "anyone", _page, Nothing, kinds=("text/html",)),
    Endpoint("GET", "/stream/{how}", "anyone", _stream, Nothing, kinds=("text/csv",)),
    Endpoint("POST", "/poke", "anyone", _page, Nothing),
]


@pytest.fixture
async def client(aiohttp_client):
    app = web.Application(middlewares=[problems], client_max_size=1000)
    app.add_routes(routes(ENDPOINTS, _who))
    app.add_routes([web.post("/form", _form)])
    return await aiohttp_client(app)


async def told(answer) -> tuple[int, str, str]:
    assert answer.content_type == "application/json"
    error = (await answer.json())["error"]
    return answer.status, error["code"], error["message"]


async def test_what_is_asked_reaches_the_handler_and_its_answer_comes_back(client):
    answer = await client.get("/find?colour=blue&count=3", headers={"x-name": "ann"})
    assert (answer.status, await answer.json()) == (200, {"who": "ann", "said": "blue 3"})
    answer = await client.post("/make/a%20b", json={"n": 1})
    assert (answer.status, await answer.json()) == (201, {"who": "nobody", "said": "a b 1"})


async def test_who_is_not_known_is_told_before_anything_is_read(client):
    answer = await client.get("/find?colour=green")
    assert await told(answer) == (401, "name_required", "Say who you are.")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("colour=green", "colour: Input should be 'red' or 'blue'"),
        ("color=red", "color: no such parameter; there are: colour, count"),
        ("colour=red&colour=red", "colour: is there more than once"),
        ("count=sk-secret", "count: "),
    ],
)
async def test_a_query_that_cannot_be_read_is_a_400_that_names_the_parameter(client, query, says):
    answer = await client.get(f"/find?{query}", headers={"x-name": "ann"})
    status, code, message = await told(answer)
    assert (status, code) == (400, "bad_query")
    assert message.startswith(says)
    assert "sk-secret" not in message


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "body: Invalid JSON"),
        (b"{", "body: Invalid JSON"),
        (b"\xff", "body: Invalid JSON"),
        (b"[]", "body: "),
        (b"{}", "n: Field required"),
        (b'{"n": "1"}', "n: "),
        (b'{"n": true}', "n: "),
        (b'{"n": 1, "m": "sk-secret"}', "m: Extra inputs"),
    ],
)
async def test_a_body_that_cannot_be_read_is_a_400_that_names_the_field(client, body, says):
    answer = await client.post(
        "/make/x", data=body, headers={"content-type": "application/json; charset=utf-8"}
    )
    status, code, message = await told(answer)
    assert (status, code) == (400, "bad_query")
    assert message.startswith(says)
    assert "sk-secret" not in message


async def test_a_body_that_is_not_json_by_its_own_word_is_a_415(client):
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        answer = await client.post("/make/x", data=b'{"n": 1}', headers={"content-type": kind})
        assert (await told(answer))[:2] == (415, "unsupported_media_type")


async def test_where_no_body_is_asked_none_is_needed_and_none_is_ignored(client):
    assert (await client.post("/poke")).status == 202
    assert (await client.post("/poke", json={})).status == 202
    assert (await told(await client.post("/poke", json={"n": 1})))[:2] == (400, "bad_query")


@pytest.mark.parametrize("how", FAULTS)
async def test_what_is_raised_is_told_as_a_problem(client, how):
    _, status, code = FAULTS[how]
    assert (await told(await client.get(f"/fail/{how}")))[:2] == (status, code)


def test_a_bug_says_nothing_of_itself():
    assert "sk-secret" not in problem_of(KeyError("sk-secret")).message


async def test_what_there_is_not_is_a_problem_too_and_says_what_there_is(client):
    assert (await told(await client.get("/no")))[:2] == (404, "not_found")
    wrong = await client.delete("/poke")
    assert (await told(wrong))[:2] == (405, "method_not_allowed")
    assert wrong.headers["allow"] == "POST"


async def test_a_body_that_is_too_large_is_a_problem(client):
    answer = await client.post("/make/x", json={"n": 1, "word": "x" * 2000})
    assert (await told(answer))[0] == 413


async def test_a_reply_has_its_own_status_kind_and_headers(client):
    answer = await client.get("/page")
    assert (answer.status, answer.content_type, answer.headers["x-more"]) == (202, "text/html", "1")
    assert await answer.text() == "<p>"


async def test_an_answer_may_come_piece_by_piece(client):
    answer = await client.get("/stream/whole")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert await answer.text() == "one two"
    assert ended.pop() == "whole"


async def test_an_answer_that_breaks_off_does_not_look_whole(client):
    import aiohttp

    with pytest.raises(aiohttp.ClientError):
        await (await client.get("/stream/broken")).text()
    assert ended.pop() == "broken", "its generator is closed"


async def test_a_form_is_its_texts_and_of_each_name_the_first(client):
    answer = await client.post("/form", data=[("a", "1"), ("a", "2"), ("b", "ü")])
    assert await answer.json() == {"a": "1", "b": "ü"}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=x", b"--y\r\n"),
        ("application/x-www-form-urlencoded; charset=nope", b"a=1"),
        ("application/x-www-form-urlencoded; charset=utf-8", b"a=\xff"),
        ("application/x-www-form-urlencoded; charset=utf-16", b"a"),
    ],
)
async def test_a_form_that_cannot_be_read_is_a_400(client, kind, body):
    answer = await client.post("/form", data=body, headers={"content-type": kind})
    assert (await told(answer))[:2] == (400, "bad_query")
