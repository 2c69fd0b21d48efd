"""Policies before they are in force, over the JSON API: explain and replay, with drafts or those in force."""

import asyncio
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from proxy.actions import action_of
from proxy.console.queries import BadQuery
from proxy.ledger.moments import moment_ms
from proxy.ledger.store import Entry, Ledger
from proxy.policy import LoadedPolicy, PolicyBook, PolicyError, telling
from proxy.policy.explain import explain
from proxy.policy.facts import Facts
from proxy.policy.history import facts_of_record
from proxy.policy.loader import parse
from proxy.policy.replay import EXAMPLES, Comparison, replay

_PAGE = 500
_ARGUMENTS_MAX = 32_768

Word = Annotated[str, Field(max_length=2048)]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    drafts: list[str] | None = None
    """Texts of policy files; without them, the policies in force."""


class _Explain(_Asked):
    record: Word | None = None
    org: Word = "org"
    agent: Word = "agent"
    session: Word = "session"
    strength: Annotated[int, Field(ge=1, le=4)] = 4
    host: Word | None = None
    port: Annotated[int, Field(ge=1, le=65535)] = 443
    method: Word = "GET"
    path: Word = "/"
    model: Word | None = None
    provider: Word | None = None
    tool: Word | None = None
    arguments: Annotated[str, Field(max_length=_ARGUMENTS_MAX)] = "{}"
    secrets: list[Word] = []
    repeats: Annotated[int, Field(ge=0)] = 0
    bound_nanousd: Annotated[int, Field(ge=0)] | None = None


class _Replay(_Asked):
    since: Word | None = None
    examples: Annotated[int, Field(ge=0, le=1000)] = EXAMPLES


def desk_routes(ledger: Ledger, policies: PolicyBook) -> Sequence[web.RouteDef]:
    """The paths of drafts."""
    desk = _Desk(ledger, policies)
    return [
        web.post("/api/policy/explain", desk.explain),
        web.post("/api/policy/replay", desk.replay),
    ]


class _Desk:
    def __init__(self, ledger: Ledger, policies: PolicyBook) -> None:
        self._ledger = ledger
        self._policies = policies
        self._one_at_a_time = asyncio.Lock()

    async def explain(self, request: web.Request) -> web.Response:
        """Every rule considered, and the decision."""
        asked = await _read(request, _Explain)
        facts = await self._recorded(asked.record) if asked.record else _facts(asked)
        return web.json_response(telling.explained(explain(self._given(asked), facts)))

    async def replay(self, request: web.Request) -> web.Response:
        """What the history would have been. One at a time: it takes a processor."""
        asked = await _read(request, _Replay)
        try:
            since = moment_ms(asked.since, time.time_ns() // 1_000_000) if asked.since else None
        except ValueError as error:
            raise BadQuery(f"since: {error}") from None
        found = replay(self._given(asked))
        found.examples_max = asked.examples
        async with self._one_at_a_time:
            last = -1
            while entries := await self._ledger.after(last, _PAGE, since):
                await asyncio.to_thread(_take, found, entries)
                last = entries[-1].seq
        return web.json_response(telling.compared(found))

    def _given(self, asked: _Asked) -> Sequence[LoadedPolicy]:
        if asked.drafts is None:
            return self._policies.policies
        try:
            return [
                parse(text.encode("utf-8", "replace"), Path(f"draft-{number}.yaml"))
                for number, text in enumerate(asked.drafts, 1)
            ]
        except PolicyError as error:
            raise BadQuery(str(error)) from None

    async def _recorded(self, which: str) -> Facts:
        try:
            entries = await self._ledger.get(which)
        except ValueError as error:
            raise BadQuery(f"record: {error}") from None
        for entry in entries:
            facts = facts_of_record(entry.body)
            if facts is not None:
                return facts
        raise BadQuery(f"record={which}: no decision of that id")


def _take(found: Comparison, entries: Sequence[Entry]) -> None:
    for entry in entries:
        found.take(entry.body)


async def _read[Model: BaseModel](request: web.Request, model: type[Model]) -> Model:
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        first: Any = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise BadQuery(f"{where}: {first['msg']}") from None
    except (json.JSONDecodeError, UnicodeError):
        raise BadQuery("body: not JSON") from None


def _facts(asked: _Explain) -> Facts:
    who = (asked.org, asked.agent, asked.session, datetime.fromtimestamp(time.time(), UTC))
    secrets = frozenset(asked.secrets)
    if asked.tool is not None:
        action = action_of(asked.tool, asked.arguments)
        return Facts(
            "tool",
            *who,
            strength=asked.strength,
            action=action,
            secrets=secrets,
            repeats=asked.repeats,
        )
    if asked.host is None and asked.model is None:
        raise BadQuery("host, model, tool or record: say what is asked for")
    return Facts(
        "llm" if asked.model is not None else "http",
        *who,
        strength=asked.strength,
        host=asked.host,
        port=asked.port,
        method=asked.method.upper(),
        path=asked.path.partition("?")[0],
        provider=asked.provider,
        model=asked.model,
        bound_nanousd=asked.bound_nanousd,
        secrets=secrets,
        repeats=asked.repeats,
    )
