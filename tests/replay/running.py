"""Recorded exchanges through a whole Exeat, judged by what its ledger says of them afterwards."""

import asyncio
import contextlib
import json
import re
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from proxy.config import Limits
from proxy.hosts import normalise
from proxy.ledger.reader import SqliteReader
from proxy.ledger.store import Filter
from proxy.pricing.prices import Prices, UnknownPrice
from proxy.providers.usage import Usage
from tests.house import OPEN_POLICY, House, eventually, house
from tests.journeys.wire import Message, ask, credentials, dial, request, trust, tunnel
from tests.replay.exchanges import UNRECORDED, Exchange
from tests.replay.figures import Asked, CannotSayError, figures_of, nanousd_of
from tests.replay.passing import answer_faults, request_faults, was_asked
from tests.replay.truth import Truth, truth_of
from tests.replay.upstream import Upstream, headers_of
from tests.replay.verdict import Verdict, guarded

PATIENCE_S = 120
GZIP = b"\x1f\x8b"
Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Passed:
    """One exchange that went through: what was sent, what arrived, what came back."""

    exchange: Exchange
    session: str
    sent: Message
    seen: tuple[Message, ...]
    connections: int
    answer: Message | None
    problem: str = ""


async def judge_running(exchanges: Sequence[Exchange], directory: Path) -> list[Verdict]:
    """Every exchange, driven and held against what it says itself."""
    at = datetime.now(UTC)
    prices = Prices(at=at)
    return [
        guarded(passed.exchange, partial(_verdict, passed, records, prices, at))
        for passed, records in await drive(exchanges, directory)
    ]


async def drive(
    exchanges: Sequence[Exchange], directory: Path, policy_text: str = OPEN_POLICY
) -> list[tuple[Passed, dict[str, Record]]]:
    """Every exchange through one Exeat, one after another, each a session of its own; and then what the
    ledger has of each: its decision and its outcome."""
    upstream = Upstream()
    named = {normalise(each.host) for each in exchanges if not each.is_plain}
    await upstream.start(sorted(filter(None, named)))
    try:
        async with _house(exchanges, upstream, directory, policy_text) as built:
            context = trust(built)
            passed = [
                await _drive(built, upstream, context, exchange, f"r{number}")
                for number, exchange in enumerate(exchanges)
            ]
            records = await _records(directory / "state" / "ledger.sqlite", passed)
    finally:
        await upstream.stop()
    return [(each, records.get(each.session, {})) for each in passed]


@contextlib.asynccontextmanager
async def _house(
    exchanges: Sequence[Exchange], upstream: Upstream, directory: Path, policy_text: str
) -> AsyncIterator[House]:
    hosts = {
        _place(each): f"127.0.0.1:{upstream.plain_port if each.is_plain else upstream.tls_port}"
        for each in exchanges
        if normalise(each.host) is not None
    }
    limits = Limits(body_bytes_max=1 << 28, decision_timeout_s=30)
    async with house(directory, policy_text, hosts=hosts, limits=limits) as built:
        yield built


def _place(exchange: Exchange) -> str:
    host = f"[{exchange.host}]" if ":" in exchange.host else exchange.host
    return f"{host}:{exchange.port}"


def _request_of(exchange: Exchange) -> Message:
    """As the recorded client would have sent it."""
    target = re.sub(r"[^\x21-\x7e]", lambda found: quote(found[0]), exchange.path)
    kept = [pair for pair in headers_of(exchange.sent) if pair[0].lower() != b"host"]
    if not exchange.request.startswith(GZIP):  # A recorder keeps a body decoded.
        kept = [pair for pair in kept if pair[0].lower() != b"content-encoding"]
    headers = [(b"Host", exchange.authority.encode()), *kept]
    if exchange.request:
        headers.append((b"Content-Length", b"%d" % len(exchange.request)))
        if not any(name.lower() == b"content-type" for name, _ in headers):
            headers.append((b"Content-Type", exchange.content_type.encode()))
    start = f"{exchange.method} {target} HTTP/1.1".encode()
    return Message(start, tuple(headers), exchange.request)


async def _drive(
    built: House, upstream: Upstream, context: ssl.SSLContext, exchange: Exchange, session: str
) -> Passed:
    sent = _request_of(exchange)
    upstream.says(exchange)
    lines = [b": ".join(pair) for pair in sent.headers]
    who = credentials("replay%2Fagent", session)
    problem: str = ""
    answer: Message | None = None
    try:
        async with asyncio.timeout(PATIENCE_S):
            if exchange.is_plain:
                method, target, version = sent.start.decode().split(" ")
                start = f"{method} http://{exchange.authority}{target} {version}"
                async with dial(built.proxy_port) as streams:
                    answer = await ask(*streams, request(start, who, *lines, body=sent.body))
            else:
                async with tunnel(built, _place(exchange), who, tls=context) as streams:
                    answer = await ask(
                        *streams, request(sent.start.decode(), *lines, body=sent.body)
                    )
    except (OSError, EOFError, TimeoutError, ssl.SSLError, asyncio.LimitOverrunError) as error:
        problem = f"could not be driven: {error!r}"
    seen = tuple(upstream.seen)
    return Passed(exchange, session, sent, seen, upstream.connections, answer, problem)


async def _records(ledger: Path, passed: Sequence[Passed]) -> dict[str, dict[str, Record]]:
    """Each session's decision and outcome, as they stand in the file."""
    reader = SqliteReader(ledger)

    async def look() -> dict[str, dict[str, Record]]:
        found: defaultdict[str, dict[str, Record]] = defaultdict(dict)
        for entry in reader.find(Filter(org="replay"), limit=10 * len(passed) + 100):
            body: Any = entry.body
            found[body["role"]["session"]][body["kind"]] = body
        return found

    def is_whole(found: dict[str, dict[str, Record]]) -> bool:
        decided = [each["decision"] for each in found.values() if "decision" in each]
        allowed = sum(each["result"]["decision"] == "allow" for each in decided)
        return sum("outcome" in each for each in found.values()) >= allowed

    try:
        return await eventually(look, is_whole, timeout_s=30)
    finally:
        reader.close()


def _verdict(passed: Passed, records: dict[str, Record], prices: Prices, at: datetime) -> Verdict:
    exchange = passed.exchange
    if passed.problem or passed.answer is None or "decision" not in records:
        problem = passed.problem or "no decision is on file"
        return Verdict(exchange.where, exchange.host, "not driven", faults=[problem])
    decided = records["decision"]
    request_, result = decided["request"], decided["result"]
    provider = request_["provider"] or exchange.host
    if result["decision"] != "allow":
        verdict = Verdict(exchange.where, provider, f"refused: {result['code']}")
        if passed.seen:
            verdict.faults.append("it was refused, and reached the upstream")
        if result["code"] != "format_unsupported" and exchange.status < 400:
            verdict.faults.append(f"it was refused: {result['reason']}")
        return verdict
    verdict = Verdict(exchange.where, provider, request_["format"] or "no model call")
    if len(passed.seen) != 1:
        verdict.faults.append(f"the upstream was asked {len(passed.seen)} times")
        return verdict
    seen = passed.seen[0]
    verdict.faults += request_faults(passed.sent, seen)
    verdict.faults += answer_faults(
        exchange, passed.answer, usage_was_asked=was_asked(passed.sent, seen)
    )
    if "outcome" not in records:
        verdict.faults.append("no outcome is on file")
    elif request_["class"] == "llm.call":
        _compare(verdict, exchange, request_, records["outcome"], prices, at)
    elif records["outcome"]["resource"]["nanousd"]:
        verdict.faults.append("it is no model call, and costs")
    return verdict


def _compare(
    verdict: Verdict,
    exchange: Exchange,
    request_: Record,
    outcome: Record,
    prices: Prices,
    at: datetime,
) -> None:
    """The ledger's words against the provider's."""
    wire = verdict.wire
    truth = truth_of(exchange, wire)
    result, resource = outcome["result"], outcome["resource"]
    body = _body_of(exchange)
    hurry = (body.get("performanceConfig") or {}).get("latency")
    is_annotated = any(name.endswith("annotation_format") for name in body)
    tier = body.get("service_tier") or hurry
    asked = Asked(wire, verdict.provider, tier, is_annotated=is_annotated)
    tools = [[call["id"], call["name"]] for call in result["tool_calls"]]
    model = _model_asked(exchange, body)
    compared: list[tuple[str, object, object]] = [
        ("status", result["status"], "answered"),
        ("HTTP status", result["http_status"], exchange.status),
        ("model that answered", result["model"], truth.model),
        ("why it ended", result["finish_reason"], truth.finish),
        ("tool calls", tools, [list(each) for each in truth.tools]),
    ]
    if model is not None and exchange.request != UNRECORDED:
        compared.append(("model asked for", request_["model"], model))
    if wire.endswith(".count_tokens"):
        compared.append(("cost", resource["nanousd"], 0))
    elif truth.usage:
        verdict.has_usage = True
        told, usage = figures_of(asked, truth), resource["usage"] or {}
        compared += [
            (what, usage.get(what.replace(" ", "_")), count) for what, count in told.items()
        ]
        compared.append(("source", usage.get("source"), _source(verdict, resource)))
        _compare_cost(verdict, asked, truth, request_["model"], resource, prices, at)
    elif exchange.status >= 400:
        compared.append(("cost", (resource["nanousd"], resource["estimated"]), (0, False)))
    else:  # It did not say, so it is charged a bound, and that is on record.
        compared.append(("estimated", resource["estimated"], True))
    for what, ours, theirs in compared:
        if ours != theirs:
            verdict.faults.append(f"{what} {ours!r}, not {theirs!r}")


def _source(verdict: Verdict, resource: Record) -> str:
    """Without a price the tokens are the provider's, and the cost alone is not."""
    return "estimated" if resource["estimated"] else "provider"


def _compare_cost(
    verdict: Verdict,
    asked: Asked,
    truth: Truth,
    model_asked: str,
    resource: Record,
    prices: Prices,
    at: datetime,
) -> None:
    answered = truth.model
    is_known = answered is not None and prices.is_known(asked.provider, answered)
    model = answered if answered and is_known else model_asked
    if resource["estimated"]:
        try:
            prices.cost(asked.provider, model, Usage(1, 1), asked.service_tier)
        except UnknownPrice as error:
            verdict.price = f"no price: {error}"
            return
        verdict.faults.append("estimated, though the provider said what it used")
        return
    try:
        theirs = nanousd_of(asked, model, truth, at)
    except CannotSayError as error:
        verdict.price = str(error)
        return
    if resource["nanousd"] == theirs:
        verdict.price = "agrees"
    else:
        verdict.faults.append(f"cost {resource['nanousd']}, not {theirs} for {model} {truth.usage}")


def _body_of(exchange: Exchange) -> Record:
    try:
        body = json.loads(exchange.request)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _model_asked(exchange: Exchange, body: Record) -> str | None:
    """Read off the path where it stands there, else off the body."""
    path = unquote(exchange.path.partition("?")[0])
    named = _BEDROCK.search(path) or _GOOGLE.search(path) or _AZURE.search(path)
    return named[1] if named else body.get("model")


_BEDROCK = re.compile(r"/model/(.+)/(?:invoke|converse)[\w-]*$")
_GOOGLE = re.compile(r"/models/([^/]+):\w+$")
_AZURE = re.compile(r"/deployments/([^/]+)/")
