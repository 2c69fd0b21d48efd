"""The ledger's pages: records, one record, the verdict."""

import csv
import io
import json
import sqlite3

import pytest

from proxy.console.pages.ledger import KINDS, record_row
from proxy.ledger.records import Event
from proxy.ledger.store import Filter


async def test_records_are_shown_newest_first_and_open(look, ports) -> None:
    head = await ports.ledger.head()
    text = (await look("/ledger")).text
    assert f'<a href="/ledger/{head}" data-open>' in text
    assert f"{head + 1:,} records" in text


@pytest.mark.parametrize("kind", [value for value, _ in KINDS.choices])
async def test_every_kind_can_be_asked_for(look, kind) -> None:
    assert (await look(f"/ledger?kind={kind}")).status == 200


async def test_a_search_finds_names_paths_and_ids(look, ports) -> None:
    some = (await ports.ledger.find(Filter(kind="outcome"), 1))[0]
    for words in ("crawler", "/simple/httpx", str(some.body["id"])[:20]):
        assert "data-open" in (await look(f"/ledger?q={words}")).text
    assert "No record is like this" in (await look("/ledger?q=nothing-like-it")).text


async def test_a_record_is_shown_whole_with_its_neighbours(look, ports) -> None:
    entry = (await ports.ledger.get(5))[0]
    text = (await look("/ledger/5")).text
    assert entry.leaf_hash.hex() in text
    assert str(entry.body["reference"]["prev"]) in text
    assert 'href="/ledger/4"' in text
    assert 'href="/ledger/6"' in text
    head = await ports.ledger.head()
    assert 'rel="next"' not in (await look(f"/ledger/{head}")).text


@pytest.mark.parametrize("path", ["/ledger/999999", "/ledger/x", "/ledger/-1", "/ledger/1e3"])
async def test_what_is_no_record_is_a_404(look, path) -> None:
    assert (await look(path)).status == 404


async def test_verifying_says_what_it_shows_and_what_it_does_not(look) -> None:
    text = (await look("/ledger/verify", {})).text
    assert "Internally consistent; not proved." in text
    assert "nobody can see here whether the newest records were cut off" in " ".join(text.split())


async def test_a_record_that_was_changed_is_named(look, ports) -> None:
    with sqlite3.connect(ports.ledger_path) as db:
        db.execute("UPDATE records SET body = replace(body, 'acme', 'evil') WHERE seq = 7")
    db.close()
    text = (await look("/ledger/verify", {})).text
    assert "Tampered." in text
    assert 'href="/ledger/7"' in text


async def test_exports_are_flat_or_whole(look, ports) -> None:
    rows = list(csv.DictReader(io.StringIO((await look("/ledger.csv?kind=outcome")).text)))
    lines = [
        json.loads(line) for line in (await look("/ledger.jsonl?kind=outcome")).text.splitlines()
    ]
    entries = await ports.ledger.find(Filter(kind="outcome"), 1000)
    assert [int(row["seq"]) for row in rows] == [entry.seq for entry in entries]
    assert [line["leaf_hash"] for line in lines] == [entry.leaf_hash.hex() for entry in entries]
    assert lines[0]["reference"] == entries[0].body["reference"]


async def test_an_event_is_told_without_its_hashes(filed) -> None:
    tool = {"tool": "Bash", "commands": "rm f r\nls", "arguments_sha256": "ab"}
    other = {"by": "ann", "digest_sha256": "ab", "empty": None, "role": "admin"}
    entries = await filed(
        Event(kind="tool_call", id="a", ts_ms=1, status="deny", facts=tool),
        Event(kind="access", id="b", ts_ms=1, facts=other),
    )
    assert [record_row(entry).summary for entry in entries] == [
        "Bash rm f r, ls",
        "by ann, role admin",
    ]
