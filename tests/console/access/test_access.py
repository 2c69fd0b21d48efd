"""Access: tokens are made, open, and are taken back; and each act is filed once."""

import pytest

from proxy.console.access import Access, AccessError, Viewer
from proxy.ledger.sqlite import SqliteLedger
from proxy.ledger.store import Filter, LedgerUnavailable

NOW_MS = 1_795_000_000_000
LATER = {"by": "admin", "now_ms": NOW_MS}


@pytest.fixture
def access(tmp_path):
    found = Access(tmp_path)
    yield found
    found.close()


@pytest.fixture
async def ledger(tmp_path):
    found = await SqliteLedger.open(tmp_path / "ledger.sqlite")
    yield found
    await found.close()


async def filed(ledger) -> list[tuple[str, str, str]]:
    entries = await ledger.find(Filter(kind="access"))
    results = [entry.body["result"] for entry in reversed(entries)]
    return [(it["status"], it["facts"]["by"], it["facts"]["name"]) for it in results]


async def test_a_secret_opens_as_its_token_says(access):
    token, secret = await access.make("ann", "approver", "1d", **LATER)
    assert await access.viewer(secret, NOW_MS) == Viewer("ann", "approver")
    assert await access.viewer(secret + "x", NOW_MS) is None
    assert await access.viewer(token.id, NOW_MS) is None
    assert await access.viewer("\udcff", NOW_MS) is None


async def test_a_token_ends_with_its_time_and_when_it_is_taken_back(access):
    _, secret = await access.make("ann", "viewer", "1d", **LATER)
    assert await access.viewer(secret, NOW_MS + 86_400_000) is None
    assert await access.viewer(secret, NOW_MS + 86_399_999) is not None
    await access.revoke("ann", **LATER)
    assert await access.viewer(secret, NOW_MS) is None


async def test_no_secret_is_in_the_file(access, tmp_path):
    _, secret = await access.make("ann", "viewer", "1d", **LATER)
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("console.sqlite*"))
    assert secret.encode() not in kept
    assert b"ann" in kept
    assert (tmp_path / "console.sqlite").stat().st_mode & 0o777 == 0o600


async def test_two_good_tokens_have_not_one_name(access):
    await access.make("ann", "viewer", "1d", **LATER)
    with pytest.raises(AccessError, match="in use"):
        await access.make("ann", "admin", "1d", **LATER)
    await access.revoke("ann", **LATER)
    await access.make("ann", "admin", "1d", **LATER)


@pytest.mark.parametrize(("name", "expires"), [("a b", "1d"), ("ann", "soon")])
async def test_what_cannot_be_made_says_why_and_is_not_there(access, name, expires):
    with pytest.raises(AccessError):
        await access.make(name, "viewer", expires, **LATER)
    assert await access.tokens() == []


async def test_a_token_is_taken_back_by_its_id_too_and_once(access):
    token, _ = await access.make("ann", "viewer", "1d", **LATER)
    assert (await access.revoke(token.id, **LATER)).name == "ann"
    with pytest.raises(AccessError, match="ann"):
        await access.revoke("ann", **LATER)


async def test_the_first_token_is_an_admins_and_there_is_one_only_where_none_ever_was(access):
    secret = await access.make_first(NOW_MS)
    assert await access.viewer(secret, NOW_MS) == Viewer("first", "admin")
    await access.revoke("first", **LATER)
    assert await access.make_first(NOW_MS) is None


async def test_every_act_is_filed_once_in_order_and_without_the_secret(access, ledger):
    _, secret = await access.make("ann", "viewer", "1d", **LATER)
    await access.revoke("ann", by="bob", now_ms=NOW_MS)
    await access.file_acts(ledger)
    await access.file_acts(ledger)
    assert await filed(ledger) == [("made", "admin", "ann"), ("revoked", "bob", "ann")]
    bodies = str([entry.body for entry in await ledger.find(Filter())])
    assert secret not in bodies


async def test_an_act_that_changed_nothing_is_not_filed(access, ledger):
    with pytest.raises(AccessError):
        await access.revoke("nobody", **LATER)
    await access.file_acts(ledger)
    assert await filed(ledger) == []


async def test_an_act_whose_filing_was_not_answered_is_filed_once(access, ledger, monkeypatch):
    await access.make("ann", "viewer", "1d", **LATER)
    append = ledger.append

    async def and_no_reply(record):
        await append(record)
        raise LedgerUnavailable("the reply was lost")

    monkeypatch.setattr(ledger, "append", and_no_reply)
    with pytest.raises(LedgerUnavailable):
        await access.file_acts(ledger)
    monkeypatch.setattr(ledger, "append", append)
    await access.file_acts(ledger)
    assert await filed(ledger) == [("made", "admin", "ann")]


async def test_a_command_beside_it_is_seen_at_once(access, tmp_path):
    _, secret = await access.make("ann", "viewer", "1d", **LATER)
    beside = Access(tmp_path)
    await beside.revoke("ann", by="command:root", now_ms=NOW_MS)
    beside.close()
    assert await access.viewer(secret, NOW_MS) is None
