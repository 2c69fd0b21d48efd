"""Ledger: every record, found and opened; the file verified, with what that does and does not show."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from proxy.actions import commands_of
from proxy.console import said
from proxy.console.pages.asked import Asked, Choices, read
from proxy.console.pages.exports import export_pages
from proxy.console.pages.page import Page, frame, page
from proxy.console.pages.rows import State, state_of
from proxy.console.ports import Ports
from proxy.csv_rows import Cell
from proxy.endpoint import Problem
from proxy.ledger.r6 import ms_of
from proxy.ledger.store import Entry
from proxy.ledger.verify import Report, verify

PATH = "/ledger"
SIZE = 50
_CHUNK = 500
_FACTS_MAX = 4
KINDS = Choices(
    "kind",
    "Kind",
    (
        ("decision", "decisions"),
        ("outcome", "outcomes"),
        ("tool_call", "tool calls"),
        ("tool_result", "tool results"),
        ("approval", "approvals"),
        ("kill", "kills"),
        ("quarantine", "quarantines"),
        ("revive", "revives"),
        ("severed", "severed calls"),
        ("task", "tasks"),
        ("message", "messages"),
        ("delegation", "delegations"),
        ("budget_threshold", "budget thresholds"),
        ("policy_change", "policy changes"),
        ("price_change", "price changes"),
        ("policy_save", "policies saved"),
        ("access", "access"),
        ("start", "starts"),
        ("stop", "stops"),
    ),
)
COLUMNS = (
    "seq", "time", "kind", "id", "decision_id", "org", "agent", "session", "status", "code",
    "host", "model", "nanousd", "leaf_hash",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RecordRow:
    """A record in a line."""

    seq: int
    id: str
    kind: str
    at_ms: int
    org: str | None
    agent: str | None
    session: str | None
    state: State | None
    summary: str
    leaf: str


@dataclass(frozen=True, slots=True)
class LedgerView:
    """A page of records."""

    asked: Asked
    rows: Sequence[RecordRow]
    older: str | None
    newest: str | None
    head: int
    report: Report | None
    can_verify: bool
    kinds: Choices = KINDS


@dataclass(frozen=True, slots=True)
class RecordView:
    """One record, whole."""

    row: RecordRow
    text: str
    """Its body, as JSON that people can read."""
    call: str | None
    """Of which call it is."""
    prev: str | None
    session_prev: str | None
    has_next: bool


def record_row(entry: Entry) -> RecordRow:
    """A record in a line."""
    body: Any = entry.body
    role = body["role"]
    state, summary = _told(body)
    return RecordRow(
        seq=entry.seq,
        id=body["id"],
        kind=body["kind"],
        at_ms=ms_of(body["ts"]),
        org=role["org"],
        agent=role["agent"],
        session=role["session"],
        state=state,
        summary=summary,
        leaf=entry.leaf_hash.hex(),
    )


def _told(body: Any) -> tuple[State | None, str]:
    request, result = body["request"], body["result"]
    match body["kind"]:
        case "decision":
            what = request["model"] or f"{request['method'] or ''} {request['path'] or ''}".strip()
            state = state_of(body, None)
            word = "allow" if state.name == "open" else state.name
            said_so = State(word, result["code"] or result["decision"])
            return said_so, f"{what} at {request['host'] or 'no host'}"
        case "outcome":
            cost = said.money(body["resource"]["nanousd"])
            http = f", {result['http_status']}" if result["http_status"] else ""
            return State(result["status"], result["status"].replace("_", " ") + http), cost
        case _:
            known = result["status"]
            return State(known, known.replace("_", " ")) if known else None, _facts(body)


def _facts(body: Any) -> str:
    """What an event says, without hashes and what is empty."""
    facts = body["result"]["facts"]
    if body["kind"] == "tool_call":
        does = ", ".join(commands_of(facts)) or str(facts.get("targets") or "").replace("\n", ", ")
        return f"{facts.get('tool') or ''} {does}".strip()
    said_of = [
        f"{name.replace('_', ' ')} {value}"
        for name, value in facts.items()
        if value and not name.endswith("sha256")
    ]
    return ", ".join(said_of[:_FACTS_MAX])


def exported(entry: Entry) -> dict[str, Cell]:
    """A record as a flat row, by COLUMNS."""
    row, body = record_row(entry), entry.body
    known: Any = body
    return {
        "seq": row.seq,
        "time": said.iso(row.at_ms),
        "kind": row.kind,
        "id": row.id,
        "decision_id": known["reference"]["decision_id"],
        "org": row.org,
        "agent": row.agent,
        "session": row.session,
        "status": known["result"].get("status") or known["result"].get("decision"),
        "code": known["result"].get("code"),
        "host": known["request"].get("host"),
        "model": known["request"].get("model"),
        "nanousd": known["resource"].get("nanousd"),
        "leaf_hash": row.leaf,
    }


def record_view(entry: Entry, has_next: bool) -> RecordView:
    """One record, whole."""
    body: Any = entry.body
    reference = body["reference"]
    is_of_call = body["kind"] in ("decision", "outcome", "tool_call", "budget_threshold")
    return RecordView(
        row=record_row(entry),
        text=json.dumps(body, indent=2, ensure_ascii=False, sort_keys=True),
        call=reference["decision_id"] if is_of_call else None,
        prev=reference["prev"],
        session_prev=reference["session_prev"],
        has_next=has_next,
    )


def pages(ports: Ports) -> list[Page]:
    """Records, one record, the verdict, exports."""
    one_at_a_time = asyncio.Lock()

    def asked_of(request: web.Request) -> Asked:
        return read(PATH, request.query, ports.now_ms())

    async def drawn(request: web.Request, report: Report | None = None) -> web.Response:
        asked = asked_of(request)
        head = await ports.ledger.head()
        found = await ports.ledger.find(asked.filter, SIZE + 1, asked.before)
        rows = [record_row(entry) for entry in found[:SIZE]]
        view = LedgerView(
            asked,
            rows,
            older=asked.url(before=rows[-1].seq) if len(found) > SIZE else None,
            newest=asked.url() if asked.before is not None else None,
            head=head,
            report=report,
            can_verify=ports.ledger_path is not None,
        )
        return page("ledger.html", frame(ports, request, "Ledger", "ledger"), view)

    async def verifies(request: web.Request) -> web.Response:
        if ports.ledger_path is None:
            raise Problem(404, "not_found", "This ledger is no file: verify it where it is kept.")
        async with one_at_a_time:
            report = await asyncio.to_thread(verify, ports.ledger_path)
        return await drawn(request, report)

    async def one(request: web.Request) -> web.Response:
        seq = int(request.match_info["seq"])
        found = await ports.ledger.get(seq)
        if not found:
            raise Problem(404, "not_found", "No record has this number.")
        view = record_view(found[0], has_next=seq < await ports.ledger.head())
        return page("record.html", frame(ports, request, f"Record {seq}", "ledger"), view)

    async def entries(request: web.Request) -> AsyncIterator[Sequence[Entry]]:
        asked, before = asked_of(request), None
        while found := await ports.ledger.find(asked.filter, _CHUNK, before):
            yield found
            before = found[-1].seq

    async def flat(request: web.Request) -> AsyncIterator[Iterator[dict[str, Cell]]]:
        async for found in entries(request):
            yield map(exported, found)

    async def whole(request: web.Request) -> AsyncIterator[Iterator[dict[str, Any]]]:
        async for found in entries(request):
            yield ({"leaf_hash": each.leaf_hash.hex(), **each.body} for each in found)

    return [
        Page("GET", PATH, "viewer", drawn),
        Page("POST", f"{PATH}/verify", "viewer", verifies),
        *export_pages(PATH, COLUMNS, flat, whole),
        Page("GET", PATH + r"/{seq:\d{1,15}}", "viewer", one),
    ]
