"""The guard: nothing is open without a viewer but what says so."""

import pytest
from aiohttp import web

from proxy.console.access import Access
from proxy.console.access.cookies import Cookies
from proxy.console.access.guard import NOBODY, STILL, VIEWER, guard, who
from proxy.serving import problems

ACCESS = web.AppKey("access", Access)
NOW_MS = 1_795_000_000_000


async def _say(request: web.Request) -> web.Response:
    return web.json_response({"name": request[VIEWER].name, "role": request[VIEWER].role})


async def _still(request: web.Request) -> web.Response:
    """A feed, as far as it asks again."""
    before = await request[STILL]()
    await request.app[ACCESS].revoke("viewer", by="test", now_ms=NOW_MS)
    return web.json_response([before, await request[STILL]()])


async def _admins(request: web.Request) -> web.Response:
    return web.json_response({"name": (await who(request, "admin")).name})


@pytest.fixture
async def asked(aiohttp_client, tmp_path):
    access = Access(tmp_path)
    identify = guard(
        access, lambda request: request.path == "/open", lambda: NOW_MS, Cookies(False, 60)
    )
    app = web.Application(middlewares=[problems, identify])
    app.add_routes([web.get("/open", _say), web.get("/closed", _say), web.get("/admin", _admins)])
    app.add_routes([web.get("/still", _still)])
    app[ACCESS] = access
    client = await aiohttp_client(app)
    secrets = {}
    for role in ("viewer", "admin"):
        _, secrets[role] = await access.make(role, role, "1d", by="test", now_ms=NOW_MS)

    async def ask(path: str, role: str | None = None):
        headers = {"authorization": f"Bearer {secrets[role]}"} if role else {}
        answer = await client.get(path, headers=headers)
        return answer.status, await answer.json()

    yield ask
    access.close()


async def test_what_is_open_is_asked_by_nobody_whoever_asks(asked):
    nobody = {"name": NOBODY.name, "role": NOBODY.role}
    assert await asked("/open") == (200, nobody)
    assert await asked("/open", "admin") == (200, nobody)


async def test_what_is_not_open_is_asked_by_a_viewer(asked):
    assert (await asked("/closed"))[0] == 401
    assert (await asked("/no"))[0] == 401, "not even what there is not is told"
    assert await asked("/closed", "viewer") == (200, {"name": "viewer", "role": "viewer"})
    assert (await asked("/no", "viewer"))[0] == 404


async def test_a_role_that_is_too_little_is_told_which_is_needed(asked):
    assert await asked("/admin", "admin") == (200, {"name": "admin"})
    status, told = await asked("/admin", "viewer")
    assert (status, told["error"]["code"]) == (403, "role_required")
    assert "admin" in told["error"]["message"]


async def test_a_feed_can_ask_whether_who_looks_would_still_be_let_in(asked):
    assert await asked("/still", "viewer") == (200, [True, False])
