"""A week in the life of an Exeat, written straight into a ledger: for pages that want something to show."""

import asyncio
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from proxy.ledger.records import (
    Client,
    Decision,
    Event,
    Forecast,
    Hold,
    HoldAmount,
    Outcome,
    Record,
    Stamp,
    ToolCall,
    Usage,
)
from proxy.ledger.sqlite import SqliteLedger

POLICY = """\
# What agents of acme may do.
policy: acme-baseline
version: 7
description: Model providers and registries; no secrets, no deletions.
egress:
  default: deny
  allow:
    - host: api.openai.com
    - host: api.anthropic.com
    - host: generativelanguage.googleapis.com
    - host: pypi.org
      methods: [GET, HEAD]
    - host: "*.githubusercontent.com"
      methods: [GET, HEAD]
  deny:
    - host: gist.githubusercontent.com
models:
  deny: ["o1-pro*"]
rules:
  - id: no-destructive-commands
    decision: deny
    priority: 10
    reason: Deleting trees is not for agents. Delete single files by name.
    match:
      commands: [rm -r, find -delete]
  - id: no-credential-files
    decision: deny
    priority: 20
    reason: Files that hold keys are not for agents. Ask the operator for what you need.
    match:
      categories: [credential_access]
  - id: piped-scripts
    decision: warn
    priority: 50
    match:
      commands: ["* | sh"]
budgets:
  - name: org-month
    window: month
    usd: "400"
  - name: org-day
    window: day
    usd: "40"
  - name: agent-day
    per: [agent]
    window: day
    usd: "12"
    on_exceed: fit
  - name: session-calls
    per: [agent, session]
    window: hour
    requests: 600
"""

AGENTS = (
    # name, weight, models, clients
    ("coder", 9, ("claude-sonnet-4-5", "gpt-4.1"), "claude-cli/2.4.1"),
    ("reviewer", 4, ("claude-sonnet-4-5",), "anthropic-python/2.11.0"),
    ("release-bot", 2, ("gpt-4o-mini",), "openai-python/3.52.0"),
    ("research/crawler", 3, ("gemini-2.5-flash", "gpt-4o-mini"), "google-genai/2.8.0"),
    ("support/triage", 5, ("gpt-4o-mini", "gpt-4.1"), "openai-node/6.1.0"),
)
PLACES = {
    "claude": ("anthropic", "api.anthropic.com", "/v1/messages", "anthropic.messages"),
    "gpt": ("openai", "api.openai.com", "/v1/chat/completions", "openai.chat"),
    "gemini": (
        "google",
        "generativelanguage.googleapis.com",
        "/v1beta/models/gemini-2.5-flash:generateContent",
        "google.generate_content",
    ),
}
RATES = {
    "claude-sonnet-4-5": (3000, 15000),
    "gpt-4.1": (2000, 8000),
    "gpt-4o-mini": (150, 600),
    "gemini-2.5-flash": (300, 2500),
}
"""Nano-dollars per token, in and out."""
REFUSALS = (
    ("host_not_allowed", "paste.rs", "/", "acme-baseline/egress.default",
     "paste.rs is not on the list of places. Ask your operator to add it to egress.allow."),
    ("budget_exceeded", "api.anthropic.com", "/v1/messages", "acme-baseline/budgets.agent-day",
     "The budget agent-day has $0.21 left today, and this call could cost $0.96. It resets at midnight UTC."),
    ("policy_denied", "pypi.org", "/legacy/", "acme-baseline/egress.allow[3]",
     "This call is not allowed. POST to pypi.org is not on the list."),
    ("model_not_allowed", "api.openai.com", "/v1/responses", "acme-baseline/models.deny[0]",
     "o1-pro may not be used. Use another model."),
    ("identity_required", "api.openai.com", "/v1/chat/completions", None,
     "Nobody says who asks. Send proxy credentials org%2Fagent:session."),
)  # fmt: skip
TOOLS = (
    ("Bash", "command", "git status", "", "allow", None),
    ("Read", "file_read", "", "proxy/engine/corridor.py", "allow", None),
    ("Bash", "command", "rm f r", "build", "deny", "acme-baseline/rules.no-destructive-commands"),
    ("Read", "credential_access", "", ".env", "deny", "acme-baseline/rules.no-credential-files"),
    ("Bash", "command", "curl s\nsh < curl", "", "warn", "acme-baseline/rules.piped-scripts"),
)
_ID = 0x0199_0000_0000


def history(
    now_ms: int, calls: int = 900, days: int = 7, *, seed: int = 5, until_ms: int = 0
) -> Iterator[Record]:
    """So many calls over so many days, busier by day than by night, the last a moment ago."""
    rnd = random.Random(seed)
    span_ms = days * 86_400_000
    moments = sorted(
        _by_day(now_ms - until_ms - int(rnd.random() ** 1.15 * span_ms), rnd) for _ in range(calls)
    )
    for number, at_ms in enumerate(moments):
        yield from _call(number, min(at_ms, now_ms - 2_000), rnd)


def _by_day(at_ms: int, rnd: random.Random) -> int:
    hour = at_ms // 3_600_000 % 24
    return at_ms if 7 <= hour <= 19 or rnd.random() < 0.25 else at_ms - 9 * 3_600_000


def call_id(at_ms: int, number: int) -> str:
    """A UUIDv7 of that moment, the same each time."""
    head = f"{at_ms:012x}"
    return f"{head[:8]}-{head[8:]}-7{number % 4096:03x}-8abc-{number * 2654435761 % 2**48:012x}"


def _call(number: int, at_ms: int, rnd: random.Random) -> Iterator[Record]:
    name, _, models, client = rnd.choices(AGENTS, [each[1] for each in AGENTS])[0]
    model = rnd.choice(models)
    who: dict[str, Any] = {
        "org": "acme",
        "agent": name,
        "session": _session(name, at_ms),
        "identity_sources": (("agent", "proxy"), ("org", "proxy"), ("session", "proxy")),
        "identity_strength": "proxy_credentials",
        "client": Client(client, None, None),
        "policies": ("policy:acme-baseline:7:" + "4f9c2be1" * 8,),
    }
    identity = call_id(at_ms, number)
    if rnd.random() < 0.07:
        yield _refused(identity, at_ms, who, model, rnd)
        return
    if rnd.random() < 0.12:
        yield from _fetched(identity, at_ms, who, rnd)
        return
    yield from _asked(identity, at_ms, who, model, rnd)


def _session(name: str, at_ms: int) -> str:
    if name == "coder":
        return call_id(at_ms - at_ms % 7_200_000, at_ms // 7_200_000)
    return f"{name.rpartition('/')[2]}-{at_ms // 86_400_000 % 1000}"


def _stamps(rnd: random.Random, *notes: tuple[str, str]) -> tuple[Stamp, ...]:
    took = {
        "route": 14,
        "identity": 38,
        "allowlist": 210,
        "price": 320,
        "policy": 45,
        "budget": 240,
    }
    return tuple(
        Stamp(name, int(took.get(name, 9) * rnd.uniform(0.6, 1.7)) + 1, note)
        for name, note in notes
    )


def _refused(
    identity: str, at_ms: int, who: dict[str, Any], model: str, rnd: random.Random
) -> Decision:
    code, host, path, rule, reason = rnd.choice(REFUSALS)
    is_llm = "/v1" in path
    notes = [("route", f"tunnel to {host}")]
    if code == "identity_required":
        who = {**who, "org": None, "agent": None, "session": None, "identity_strength": None,
               "identity_sources": (), "policies": ()}  # fmt: skip
    else:
        notes += [
            ("identity", f"acme/{who['agent']} {who['session']}"),
            ("kill", "not stopped"),
        ]
    if code in ("budget_exceeded", "policy_denied"):
        notes.append(("allowlist", "acme-baseline/egress.allow[1]"))
    if code == "budget_exceeded":
        notes += [
            ("price", "at most $0.96"),
            ("policy", "acme-baseline/egress.allow[1]"),
            ("mcp", "no MCP"),
            ("approval", "not held"),
        ]
        model = "claude-sonnet-4-5"
    bound = Forecast(9_000, 60_000, 960_000_000) if code == "budget_exceeded" else None
    return Decision(
        id=identity, ts_ms=at_ms, decision="deny", action="llm.call" if is_llm else "egress.http",
        method="POST" if path != "/" else "GET", scheme="https", host=host, port=443, path=path,
        model="o1-pro" if code == "model_not_allowed" else model if is_llm else None,
        provider=host.split(".")[1] if is_llm else None,
        request_bytes=rnd.randrange(200, 9000), request_sha256=f"{rnd.randrange(2**255):064x}",
        code=code, reason=reason, rule=rule, bound=bound,
        estimate=Forecast(8_200, 1_900, 53_100_000) if bound else None,
        stamps=_stamps(rnd, *notes), repeats=rnd.choice((0, 0, 0, 1, 3)), **who,
    )  # fmt: skip


def _fetched(
    identity: str, at_ms: int, who: dict[str, Any], rnd: random.Random
) -> Iterator[Record]:
    path = rnd.choice(("/simple/httpx/", "/simple/pydantic/", "/pypi/aiohttp/json"))
    yield Decision(
        id=identity, ts_ms=at_ms, decision="allow", action="egress.http", method="GET",
        scheme="https", host="pypi.org", port=443, path=path,
        stamps=_stamps(rnd, ("route", "tunnel to pypi.org"),
                       ("identity", f"acme/{who['agent']} {who['session']}"),
                       ("kill", "not stopped"),
                       ("allowlist", "acme-baseline/egress.allow[3]"), ("price", "nothing to price"),
                       ("policy", "acme-baseline/egress.allow[3]"), ("mcp", "no MCP"),
                       ("approval", "not held"), ("budget", "held"), ("tool_calls", "no tool is refused"),
                       ("credentials", "the caller's own")), **who,
    )  # fmt: skip
    yield Outcome(
        decision_id=identity, ts_ms=at_ms + 90, status="answered", http_status=200,
        response_bytes=rnd.randrange(3_000, 90_000), duration_us=rnd.randrange(30_000, 190_000),
        ttfb_us=rnd.randrange(20_000, 29_000), response_sha256=f"{rnd.randrange(2**255):064x}",
    )  # fmt: skip


def _asked(
    identity: str, at_ms: int, who: dict[str, Any], model: str, rnd: random.Random
) -> Iterator[Record]:
    provider, host, path, wire = PLACES[model.partition("-")[0]]
    inputs, outputs = rnd.randrange(400, 42_000), rnd.randrange(60, 2_400)
    rate_in, rate_out = RATES[model]
    cost = inputs * rate_in + outputs * rate_out
    most = rnd.choice((4096, 8192, 16_384))
    bound = int(inputs * 1.1) * rate_in * 5 // 4 + most * rate_out
    price = "genai-prices:2026-11-20"
    tools = rnd.random() < 0.3
    yield Decision(
        id=identity, ts_ms=at_ms, decision="allow", action="llm.call", method="POST",
        scheme="https", host=host, port=443, path=path, provider=provider, format=wire,
        model=model, streaming=rnd.random() < 0.7, request_bytes=inputs * 4,
        request_sha256=f"{rnd.randrange(2**255):064x}",
        estimate=Forecast(int(inputs * 0.97), 700, int(inputs * 0.97) * rate_in + 700 * rate_out),
        bound=Forecast(int(inputs * 1.1), most, bound), price_version=price,
        hold=Hold(f"h-{identity}", 0, (
            HoldAmount("usd.month", "usd", "month", 0, bound),
            HoldAmount("usd.day", "usd", "day", 0, bound),
            HoldAmount(f"usd.day/agent={who['agent'].replace('/', '%2F')}", "usd", "day", 0, bound),
        ), at_ms + 120_000),
        stamps=_stamps(
            rnd, ("route", f"tunnel to {host}"),
            ("identity", f"acme/{who['agent']} {who['session']}"),
            ("kill", "not stopped"), ("allowlist", "acme-baseline/egress.allow[1]"),
            ("price", f"at most ${bound / 1e9:.4f}"), ("policy", "acme-baseline/egress.allow[1]"),
            ("mcp", "no MCP"), ("approval", "not held"), ("budget", f"held ${bound / 1e9:.4f}"),
            ("tool_calls", "held until decided"),
            ("credentials", f"the operator's key for {provider}"),
        ), **who,
    )  # fmt: skip
    asked = rnd.sample(TOOLS, rnd.randrange(1, 4)) if tools else []
    for number, (tool, category, commands, target, ruling, rule) in enumerate(asked):
        yield Event(
            kind="tool_call", id=f"{identity[:-2]}{number:02x}", ts_ms=at_ms + 900,
            org=who["org"], agent=who["agent"], session=who["session"], decision_id=identity,
            status=ruling,
            facts={"call_id": f"toolu_{number}", "tool": tool, "category": category,
                   "commands": commands, "target": target or None, "targets": target,
                   "statements": "", "is_understood": True, "is_whole": True,
                   "arguments_sha256": f"{rnd.randrange(2**255):064x}",
                   "strength": "proxy_credentials", "repeats": 0,
                   "intent_sha256": f"{rnd.randrange(2**255):064x}" if rnd.random() < 0.7 else None,
                   "intent_bytes": rnd.randrange(30, 400),
                   "rule": rule or "acme-baseline/tools.default", "enforced": True, "would": None},
        )  # fmt: skip
    status = rnd.choices(("answered", "client_gone", "errored"), (95, 3, 2))[0]
    estimated = status != "answered"
    took = outputs * rnd.randrange(9_000, 22_000) + 400_000
    yield Outcome(
        decision_id=identity, ts_ms=at_ms + took // 1000, status=status,
        http_status=200 if status != "errored" else None,
        usage=Usage(inputs, outputs, cache_read=inputs // 2 if "claude" in model else 0,
                    source="estimated" if estimated else "provider"),
        cost_nanousd=cost if status != "errored" else 0, tokens=inputs + outputs,
        estimated=estimated, duration_us=took, ttfb_us=rnd.randrange(350_000, 900_000),
        response_bytes=outputs * 40, response_sha256=f"{rnd.randrange(2**255):064x}",
        model=model, response_id=f"resp_{number_of(identity)}",
        finish_reason="tool_use" if tools else "end_turn",
        tool_calls=tuple(ToolCall(f"toolu_{n}", each[0]) for n, each in enumerate(asked)),
        note="upstream_unreachable" if status == "errored" else None,
    )  # fmt: skip


def number_of(identity: str) -> str:
    """The end of an id."""
    return identity[-12:]


async def fill(path: Path, records: Iterable[Record]) -> None:
    """File them in a ledger of their own."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    ledger = await SqliteLedger.open(path)
    waiting = []
    for record in records:
        waiting.append(ledger.submit(record))
        if len(waiting) >= 500:
            await asyncio.gather(*waiting)
            waiting.clear()
    await asyncio.gather(*waiting)
    await ledger.close()
