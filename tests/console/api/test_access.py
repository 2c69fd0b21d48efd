"""Access over the API: tokens, and who is logged in."""

import pytest

from proxy.console.access import Viewer
from proxy.ledger.store import Filter


async def make(desk, **body):
    return await desk.get("/api/tokens", method="POST", body={"role": "viewer", **body})


async def acts(desk) -> list[tuple[str, str, str]]:
    found = [entry.body["result"] for entry in await desk.ledger.find(Filter(kind="access"))]
    rows = [(it["status"], it["facts"]["by"], it["facts"]["name"]) for it in reversed(found)]
    return [row for row in rows if row[1] != "test"]


async def test_whoever_asks_is_told_who_they_are(desk):
    answer = await desk.get("/api/whoami", authorization=f"Bearer {desk.tokens['approver']}")
    assert answer.body == {"name": "approver", "role": "approver"}


async def test_a_token_is_made_shown_once_listed_and_taken_back_and_each_is_on_file(desk, ports):
    made = await make(desk, name="ann", role="approver", expires="2h")
    assert made.status == 201
    secret = made.body["secret"]
    assert await ports.access.viewer(secret, ports.now_ms()) == Viewer("ann", "approver")

    listed = await desk.get("/api/tokens")
    assert made.body["token"] in listed.body["tokens"]
    assert secret not in str(listed.body)

    gone = await desk.get("/api/tokens/ann", method="DELETE")
    assert (gone.status, gone.body["state"]) == (200, "revoked")
    assert await ports.access.viewer(secret, ports.now_ms()) is None
    assert await acts(desk) == [("made", "admin", "ann"), ("revoked", "admin", "ann")]
    records = [entry.body for entry in await desk.ledger.find(Filter())]
    assert secret not in str(records)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": "a b"}, 400, "bad_query"),
        ({"name": "ann", "expires": "soon"}, 400, "bad_query"),
        ({"name": "ann", "expires": "2020-01-01"}, 400, "bad_query"),
        ({"name": "ann", "role": "root"}, 400, "bad_query"),
        ({"name": "admin"}, 409, "taken"),
        ({}, 400, "bad_query"),
    ],
)
async def test_a_token_that_cannot_be_made_says_why(desk, body, status, code):
    answer = await make(desk, **body)
    assert (answer.status, answer.body["error"]["code"]) == (status, code)
    assert await acts(desk) == []


async def test_what_is_not_there_cannot_be_taken_back_or_sent_away(desk):
    for path in ("/api/tokens/nobody", "/api/visits/nobody"):
        answer = await desk.get(path, method="DELETE")
        assert (answer.status, answer.body["error"]["code"]) == (404, "not_found")


async def test_who_is_logged_in_is_listed_and_can_be_sent_away(desk, ports):
    access, now_ms = ports.access, ports.now_ms()
    by_token = await access.enter_by_token(desk.tokens["viewer"], now_ms)
    ann = Viewer("oidc:ann@acme.test", "admin")
    by_issuer = await access.enter_by_issuer(ann, "admin", now_ms)
    listed = (await desk.get("/api/visits")).body["visits"]
    assert [(each["name"], each["role"], each["by"]) for each in listed] == [
        ("oidc:ann@acme.test", "admin", "issuer"),
        ("viewer", "viewer", "token"),
    ]
    gone = await desk.get("/api/visits/oidc:ann@acme.test", method="DELETE")
    assert gone.body == {"ended": 1}
    assert await access.visitor(by_issuer, now_ms) is None
    assert await access.visitor(by_token, now_ms) is not None
    assert await acts(desk) == [
        ("login", "viewer", "viewer"),
        ("login", "oidc:ann@acme.test", "oidc:ann@acme.test"),
        ("sent_away", "admin", "oidc:ann@acme.test"),
    ]
