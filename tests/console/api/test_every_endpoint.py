"""Every endpoint there is, also one that is new: who is refused, and that it is described."""

import re

from proxy.config import ConsoleListen
from proxy.console.api import endpoints
from proxy.console.server import application
from tests.console.conftest import Desk

OPEN = {"/healthz", "/readyz"}
LOGIN = {"/login"}
"""What anyone may ask. A row more is a decision, not a repair."""
ASSETS = {"/static/{version}/{name}"}
"""What the login page is drawn with."""


def filled(path: str) -> str:
    return re.sub(r"\{\w+\}", "x", path)


async def test_nobody_is_let_in_without_a_credential(desk: Desk, ports) -> None:
    asked = 0
    for resource in application(ConsoleListen(port=0), ports).router.resources():
        for route in resource:
            if resource.canonical in OPEN | LOGIN | ASSETS:
                continue
            for header in ("", "Bearer x", f"Basic {desk.token}"):
                answer = await desk.get(
                    filled(resource.canonical), method=route.method, authorization=header
                )
                assert answer.status == 401, (route.method, resource.canonical)
                assert answer.body["error"]["code"] == "token_required"
                asked += 1
    assert asked > 20


async def test_a_role_that_is_less_than_the_needed_one_is_not_let_in(desk: Desk, ports) -> None:
    for endpoint in endpoints(ports):
        for role, token in desk.tokens.items():
            viewer = await ports.access.viewer(token, ports.now_ms())
            assert viewer is not None
            if viewer.may(endpoint.role):
                continue
            answer = await desk.get(
                filled(endpoint.path),
                method=endpoint.method,
                authorization=f"Bearer {token}",
            )
            assert (answer.status, answer.body["error"]["code"]) == (403, "role_required"), (
                f"{role} at {endpoint.method} {endpoint.path}"
            )


def test_what_is_open_says_so(ports) -> None:
    assert {each.path for each in endpoints(ports) if each.role == "anyone"} == OPEN


def test_every_endpoint_is_described_once(ports) -> None:
    found = [(each.method, each.path) for each in endpoints(ports)]
    assert len(found) == len(set(found))
    for each in endpoints(ports):
        assert each.summary.endswith("."), each.path
        assert each.tag, each.path
