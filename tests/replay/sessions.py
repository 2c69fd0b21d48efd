"""Recorded WebSocket sessions through a whole Exeat, judged by what passed and by its ledger.

A connection is played frame by frame in its recorded order, by both ends: each sends when it is its
turn, and takes what the other sends before it goes on."""

import asyncio
import json
import ssl
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from proxy.ledger.reader import SqliteReader
from proxy.ledger.store import Filter
from tests.house import AUTHORITY, OPEN_POLICY, House, eventually, house
from tests.journeys.wire import trust
from tests.replay.exchanges import Frames, Session
from tests.replay.figures import CannotSayError
from tests.replay.turns import Told, model_of, turns_of
from tests.replay.verdict import Verdict, guarded

PATIENCE_S = 60
Record = dict[str, Any]
type Word = tuple[aiohttp.WSMsgType, str | bytes]

_LIVE = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
_ENDS = frozenset(
    [
        *(aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING),
        *(aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR),
    ]
)


@dataclass(slots=True)
class Passed:
    """One connection that was played."""

    session: Session
    frames: Frames
    name: str
    """Its session in the ledger."""
    at_provider: list[Word] = field(default_factory=list)
    at_client: list[Word] = field(default_factory=list)
    problem: str = ""


def target_of(session: Session, frames: Frames) -> str:
    """Path and query; a recorder that kept none leaves what its client must have asked for."""
    if "not-recorded" not in session.path:
        return session.path
    model = model_of(frames)
    if "azure" in session.host:
        named = {"api-version": "2025-04-01-preview", "deployment": model}
        return f"/openai/realtime?{urlencode(named)}"
    if "google" in session.host:
        return _LIVE
    return f"/v1/realtime?{urlencode({'model': model})}"


def words_of(frames: Frames, direction: str) -> list[Word]:
    """One side's messages as they stand on the wire: Gemini's answers are binary."""
    is_binary = direction == "received" and any("setup" in each["data"] for each in frames)
    texts = [
        json.dumps(each["data"], ensure_ascii=False)
        for each in frames
        if each["direction"] == direction
    ]
    if is_binary:
        return [(aiohttp.WSMsgType.BINARY, text.encode()) for text in texts]
    return [(aiohttp.WSMsgType.TEXT, text) for text in texts]


class Upstream:
    """Plays the received frames of the connection it was given, each in its turn."""

    def __init__(self) -> None:
        self.playing: Passed | None = None
        self.port = 0

    async def answer(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=1 << 28)
        await socket.prepare(request)
        if self.playing is not None:
            await _play(socket, self.playing.frames, "received", self.playing.at_provider)
            async for late in socket:
                self.playing.at_provider.append((late.type, late.data))
        return socket


async def _play(
    socket: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
    frames: Frames,
    ours: str,
    heard: list[Word],
) -> None:
    """One end's part, until the last frame or the end of the socket."""
    words = iter(words_of(frames, ours))
    for frame in frames:
        if frame["direction"] != ours:
            message = await socket.receive()
            if message.type in _ENDS:
                return
            heard.append((message.type, message.data))
            continue
        _, data = next(words)
        await (socket.send_str(data) if isinstance(data, str) else socket.send_bytes(data))


async def judge_sessions(sessions: Sequence[Session], directory: Path) -> list[Verdict]:
    """Every session, played and held against what it says itself."""
    at = datetime.now(UTC)
    upstream = Upstream()
    app = web.Application()
    app.add_routes([web.get("/{rest:.*}", upstream.answer)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    names = sorted({session.host for session in sessions})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(*names, "unnamed.test").configure_cert(context)
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    port = runner.addresses[0][1]
    hosts = {f"{each.host}:{each.port}": f"127.0.0.1:{port}" for each in sessions}
    passed: list[list[Passed]] = []
    try:
        async with house(directory, OPEN_POLICY, hosts=hosts) as built:
            for number, session in enumerate(sessions):
                played = [
                    Passed(session, frames, f"w{number}.{part}")
                    for part, frames in enumerate(session.connections)
                ]
                for each in played:
                    upstream.playing = each
                    await _drive(built, each)
                passed.append(played)
            records = await _records(directory / "state" / "ledger.sqlite", passed)
    finally:
        await runner.cleanup()
    return [
        guarded(session, partial(_verdict, session, played, records, at))
        for session, played in zip(sessions, passed, strict=True)
    ]


async def _drive(built: House, played: Passed) -> None:
    session = played.session
    url = f"wss://{session.host}:{session.port}{target_of(session, played.frames)}"
    try:
        async with (
            asyncio.timeout(PATIENCE_S),
            aiohttp.ClientSession() as client,
            client.ws_connect(
                url,
                proxy=built.proxy_url("replay", "agent", played.name),
                ssl=trust(built),
                max_msg_size=1 << 28,
            ) as socket,
        ):
            await _play(socket, played.frames, "sent", played.at_client)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        played.problem = f"could not be driven: {error!r}"


async def _records(
    ledger: Path, passed: Iterable[Sequence[Passed]]
) -> Mapping[str, list[tuple[Record, Record]]]:
    """Each connection's pairs of decision and outcome, in the order in which they ended."""
    reader = SqliteReader(ledger)
    names = {each.name for played in passed for each in played}

    async def look() -> list[Record]:
        found = reader.find(Filter(org="replay"), limit=10_000)
        return [dict(each.body) for each in sorted(found, key=lambda entry: entry.seq)]

    def is_whole(found: list[Record]) -> bool:
        ended = {each["id"] for each in found if each["kind"] == "outcome"}
        allowed = [
            each
            for each in found
            if each["kind"] == "decision" and each["result"]["decision"] == "allow"
        ]
        return all(each["id"] in ended for each in allowed)

    try:
        bodies = await eventually(look, is_whole, timeout_s=30)
    finally:
        reader.close()
    decisions = {each["id"]: each for each in bodies if each["kind"] == "decision"}
    outcomes = {each["id"]: each for each in bodies if each["kind"] == "outcome"}
    pairs: dict[str, list[tuple[Record, Record]]] = {name: [] for name in names}
    for which, outcome in outcomes.items():
        pairs[outcome["role"]["session"]].append((decisions.pop(which), outcome))
    for refused in decisions.values():
        pairs[refused["role"]["session"]].append((refused, {}))
    return pairs


def _verdict(
    session: Session,
    played: Sequence[Passed],
    records: Mapping[str, list[tuple[Record, Record]]],
    at: datetime,
) -> Verdict:
    pairs = [pair for each in played for pair in records[each.name]]
    if not pairs:
        return Verdict(session.where, session.host, "not driven", faults=["no decision is on file"])
    provider = pairs[0][0]["request"]["provider"]
    verdict = Verdict(session.where, provider or session.host, "no model call")
    for each in played:
        _compare(verdict, each, records[each.name], at)
    return verdict


def _compare(
    verdict: Verdict, played: Passed, pairs: Sequence[tuple[Record, Record]], at: datetime
) -> None:
    """What passed, and a pair of records for the handshake and for every turn."""
    faults = verdict.faults
    if played.problem:
        faults.append(played.problem)
    if played.at_provider != words_of(played.frames, "sent"):
        faults.append("what the client sent did not arrive unchanged")
    if played.at_client != words_of(played.frames, "received"):
        faults.append("what the provider sent did not arrive unchanged")
    for decision, _ in pairs:
        if decision["result"]["decision"] != "allow":
            faults.append(f"it was refused: {decision['result']['reason']}")
    told = turns_of(played.frames)
    filed = [pair for pair in pairs if pair[0]["request"]["model"] is not None and pair[1]]
    if len(filed) != len(told) or len(pairs) != len(told) + 1:
        faults.append(f"{len(filed)} turns in {len(pairs)} decisions, not {len(told)}")
    verdict.has_usage |= bool(told)
    for turn, (decision, outcome) in zip(told, filed, strict=False):
        verdict.wire = decision["request"]["format"]
        _compare_turn(verdict, turn, decision["request"]["model"], outcome, at)


def _compare_turn(verdict: Verdict, turn: Told, model: str, outcome: Record, at: datetime) -> None:
    result, resource = outcome["result"], outcome["resource"]
    usage = resource["usage"] or {}
    compared: list[tuple[str, object, object]] = [
        ("status", result["status"], "answered"),
        ("model asked for", model, model if turn.answered else turn.samplings[0][0]),
        ("model that answered", result["model"], turn.answered),
        ("why it ended", result["finish_reason"], turn.finish),
        ("tool calls", [[call["id"], call["name"]] for call in result["tool_calls"]], turn.tools),
        ("input", usage.get("input"), turn.total("input_tokens")),
        ("output", usage.get("output"), turn.total("output_tokens")),
        ("cache read", usage.get("cache_read"), turn.total("cache_read_tokens")),
        ("tokens", resource["tokens"], turn.total("input_tokens") + turn.total("output_tokens")),
    ]
    try:
        if verdict.provider == "azure":
            raise CannotSayError("a deployment that nothing maps to a model")
        nanousd = turn.nanousd(verdict.provider, at)
    except CannotSayError as error:  # What has no price is on record as estimated.
        verdict.price = str(error)
        compared.append(("estimated", resource["estimated"], True))
    else:
        verdict.price = verdict.price or "agrees"
        compared.append(("cost", (resource["nanousd"], resource["estimated"]), (nanousd, False)))
    for what, ours, theirs in compared:
        if ours != theirs:
            verdict.faults.append(f"{what} {ours!r}, not {theirs!r}")
