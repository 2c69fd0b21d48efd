"""The JSON API: calls, costs, budgets. Every page will be drawn from the same answers."""

import time
from collections.abc import Sequence
from typing import Protocol

from aiohttp import web

from proxy.budgets import Accounts, Limit
from proxy.console.policies import desk_routes
from proxy.console.queries import BadQuery
from proxy.ledger.moments import moment_ms
from proxy.ledger.store import Filter, Ledger
from proxy.policy import PolicyBook
from proxy.slip import Slip

_LIMIT_MAX = 1000
_DIGITS_MAX = 15
"""Of a number: more are no seq of ours, and SQLite's integers end at 19."""
_DIMENSIONS = ("org", "agent", "session", "task", "provider", "model", "answered_model", "host")


class Calls(Protocol):
    """Who knows the calls in flight."""

    is_stopping: bool

    @property
    def live(self) -> Sequence[Slip]:
        """Calls in flight, oldest first."""


def routes(
    ledger: Ledger, accounts: Accounts, policies: PolicyBook, calls: Calls
) -> Sequence[web.RouteDef]:
    """The API's paths."""
    answers = _Answers(ledger, accounts, policies, calls)
    return [
        web.get("/api/calls", answers.calls),
        web.get("/api/calls/live", answers.live),
        web.get("/api/calls/{which}", answers.call),
        web.get("/api/costs", answers.costs),
        web.get("/api/budgets", answers.budgets),
        web.get("/api/policies", answers.policies),
        *desk_routes(ledger, policies),
    ]


class _Answers:
    def __init__(
        self, ledger: Ledger, accounts: Accounts, policies: PolicyBook, calls: Calls
    ) -> None:
        self._ledger = ledger
        self._accounts = accounts
        self._policies = policies
        self._calls = calls

    async def calls(self, request: web.Request) -> web.Response:
        """Records, newest first; pages by `before` (a seq)."""
        wanted = _filter(request)
        limit = _integer(request, "limit", 100)
        before = _integer(request, "before", 0) or None
        entries = await self._ledger.find(wanted, min(limit, _LIMIT_MAX), before)
        following = entries[-1].seq if len(entries) == min(limit, _LIMIT_MAX) else None
        return web.json_response(
            {"records": [entry.body for entry in entries], "next_before": following}
        )

    async def live(self, request: web.Request) -> web.Response:
        """Calls in flight, oldest first."""
        return web.json_response({"calls": [_live(slip) for slip in self._calls.live]})

    async def call(self, request: web.Request) -> web.Response:
        """Every record of one call: by seq, record id, or the start of a decision's id."""
        which = request.match_info["which"]
        is_seq = which.isascii() and which.isdigit() and len(which) <= _DIGITS_MAX
        try:
            entries = await self._ledger.get(int(which) if is_seq else which)
        except ValueError as error:
            raise BadQuery(str(error)) from None
        if not entries:
            raise web.HTTPNotFound
        return web.json_response({"records": [entry.body for entry in entries]})

    async def costs(self, request: web.Request) -> web.Response:
        """Sums by the dimensions in `by`."""
        by = [name for name in request.query.get("by", "agent,model").split(",") if name]
        unknown = [name for name in by if name not in _DIMENSIONS]
        if unknown:
            raise BadQuery(f"by={unknown[0]}: use {', '.join(_DIMENSIONS)}")
        rows = await self._ledger.costs(by, _moment(request, "since"), _moment(request, "until"))
        return web.json_response(
            {
                "rows": [
                    {
                        **dict(zip(by, row.group, strict=True)),
                        "calls": row.calls,
                        "input_tokens": row.input_tokens,
                        "output_tokens": row.output_tokens,
                        "cache_read_tokens": row.cache_read_tokens,
                        "cache_write_tokens": row.cache_write_tokens,
                        "tokens": row.tokens,
                        "requests": row.requests,
                        "tool_calls": row.tool_calls,
                        "nanousd": row.nanousd,
                        "estimated": row.estimated,
                    }
                    for row in rows
                ]
            }
        )

    async def budgets(self, request: web.Request) -> web.Response:
        """Where the budgets of one caller stand: `org`, and optionally agent, session, model."""
        query = request.query
        org = query.get("org")
        if not org:
            raise BadQuery("org is missing: whose budgets? (?org=acme&agent=coder&session=s1)")
        agent, session, model = query.get("agent", ""), query.get("session"), query.get("model")
        try:
            limits = self._limits(org, agent, session, model)
            balances = await self._accounts.balances(org, limits, time.time_ns() // 1_000_000)
        except ValueError as error:
            raise BadQuery(str(error)) from None
        return web.json_response(
            {
                "budgets": [
                    {
                        "budget": balance.limit.name,
                        "scope": dict(balance.limit.scope),
                        "unit": balance.limit.unit,
                        "window": balance.limit.window,
                        "limit": balance.limit.cap,
                        "settled": balance.settled,
                        "held": balance.held,
                        "remaining": balance.remaining,
                        "resets_at_ms": balance.resets_at_ms,
                    }
                    for balance in balances
                ]
            }
        )

    def _limits(self, org: str, agent: str, session: str | None, model: str | None) -> list[Limit]:
        terms = self._policies.terms(org, agent)
        return [each.limit for each in terms.limits_for(org, agent or None, session, None, model)]

    async def policies(self, request: web.Request) -> web.Response:
        """The policies in force, and what is wrong with the files, if anything."""
        return web.json_response(
            {
                "policies": [
                    {"id": each.id, "path": str(each.path), **each.policy.model_dump(mode="json")}
                    for each in self._policies.policies
                ],
                "problem": self._policies.problem,
            }
        )


def _live(slip: Slip) -> dict[str, object]:
    identity, to = slip.identity, slip.destination
    return {
        "id": slip.id,
        "opened_ms": slip.opened_ms,
        "org": identity.org if identity else None,
        "agent": identity.agent if identity else None,
        "session": identity.session if identity else None,
        "method": slip.method,
        "host": to.host if to else None,
        "model": slip.call.model if slip.call else None,
        "held_nanousd": slip.quote.bound_nanousd if slip.quote and slip.hold else 0,
        "answer_bytes": slip.answer_bytes,
        "stamps": [stamp.name for stamp in slip.stamps],
    }


def _filter(request: web.Request) -> Filter:
    query = request.query
    names = ("org", "agent", "session", "task", "host", "provider", "model")
    return Filter(
        **{name: query.get(name) for name in (*names, "decision", "status", "code", "kind")},
        since_ms=_moment(request, "since"),
        until_ms=_moment(request, "until"),
    )


def _integer(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name)
    if text is None:
        return default
    is_number = text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX
    if not is_number or int(text) == 0:
        raise BadQuery(f"{name}={text}: write a positive number")
    return int(text)


def _moment(request: web.Request, name: str) -> int | None:
    text = request.query.get(name)
    if text is None:
        return None
    try:
        return moment_ms(text, time.time_ns() // 1_000_000)
    except ValueError as error:
        raise BadQuery(f"{name}: {error}") from None
