"""Drafts: policies before they are in force, explained and replayed; or those in force."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, RootModel

from proxy.actions import action_of
from proxy.console.access import Viewer
from proxy.console.api.asked import Moment, as_ms
from proxy.endpoint import Asked, Endpoint, Model, Nothing, Problem
from proxy.ledger.store import Entry, Ledger
from proxy.policy import LoadedPolicy, PolicyBook, PolicyError, telling
from proxy.policy.explain import explain
from proxy.policy.facts import Facts
from proxy.policy.history import Body, facts_of_record, unseen
from proxy.policy.learn import Learned
from proxy.policy.loader import parse
from proxy.policy.replay import EXAMPLES, Comparison, difference, replay
from proxy.serving import BAD_QUERY

_PAGE = 500
_ARGUMENTS_MAX = 32_768

Word = Annotated[str, Field(max_length=2048)]


class Drafts(Model):
    """Which policies."""

    drafts: list[str] | None = None
    """Texts of policy files; without them, the policies in force."""


class ExplainAsked(Drafts):
    """What call: one on file, or one described."""

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


class ReplayAsked(Drafts):
    """Which history."""

    since: Moment | None = None
    examples: Annotated[int, Field(ge=0, le=1000)] = EXAMPLES


class CheckAsked(Model):
    """Files that would be loaded together."""

    drafts: list[str]


class Checked(Model):
    """Whether they could be put in force."""

    problem: str | None
    """Each problem with its draft, line, column, field and what to write instead; null: there is none."""
    policies: list[str]
    """Their ids; none where there is a problem."""


class DiffAsked(Model):
    """Two sets of policies over one history."""

    one: list[str]
    other: list[str]
    since: Moment | None = None
    examples: Annotated[int, Field(ge=0, le=1000)] = EXAMPLES


class LearnAsked(Model):
    """Whose traffic, from when on."""

    org: Word | None = None
    agent: Word | None = None
    since: Moment | None = None


class LearnedPolicy(Model):
    """A policy of what was seen, to be read before it is in force."""

    policy: str
    """The file's text."""
    calls: int
    """How many it was learned from."""


class Explained(RootModel[dict[str, Any]]):
    """Every rule considered, and the decision."""

    model_config = ConfigDict(frozen=True)


class Replayed(RootModel[dict[str, Any]]):
    """What would have been decided otherwise: counts and examples."""

    model_config = ConfigDict(frozen=True)


def endpoints(
    ledger: Ledger, policies: PolicyBook, now_ms: Callable[[], int]
) -> list[Endpoint[Viewer]]:
    """What can be asked of drafts."""
    one_at_a_time = asyncio.Lock()

    async def given(asked: Drafts) -> Sequence[LoadedPolicy]:
        return policies.policies if asked.drafts is None else await read(asked.drafts)

    async def read(drafts: Sequence[str]) -> Sequence[LoadedPolicy]:
        # Large ones take seconds, in which calls go on.
        async with one_at_a_time:
            return await asyncio.to_thread(parsed, drafts)

    async def held_against(found: Comparison, since: int | None, examples: int) -> Replayed:
        found.examples_max = examples
        async with one_at_a_time:
            await history(ledger, found.take, since)
        return Replayed(telling.compared(found))

    async def explains(asked: Asked[Viewer, Nothing, ExplainAsked]) -> Explained:
        """Explain a call: every rule considered, and the decision.

        Of a record, `unseen_rules` ask for what is not on file.
        """
        body, meant = asked.body, await given(asked.body)
        if body.record:
            facts = await recorded(ledger, body.record)
        else:
            facts = described(body, now_ms())
        explained = await asyncio.to_thread(explain, meant, facts, policies.permits)
        found = telling.explained(explained)
        return Explained({**found, "unseen_rules": unseen(meant) if body.record else {}})

    async def replays(asked: Asked[Viewer, Nothing, ReplayAsked]) -> Replayed:
        """What the history would have been. One at a time: it takes a processor."""
        since = as_ms("since", asked.body.since, now_ms())
        found = await asyncio.to_thread(replay, await given(asked.body))
        return await held_against(found, since, asked.body.examples)

    async def differs(asked: Asked[Viewer, Nothing, DiffAsked]) -> Replayed:
        """What two policies decide differently over the history."""
        body = asked.body
        since = as_ms("since", body.since, now_ms())
        one, other = await read(body.one), await read(body.other)
        found = await asyncio.to_thread(difference, one, other)
        return await held_against(found, since, body.examples)

    async def learns(asked: Asked[Viewer, Nothing, LearnAsked]) -> LearnedPolicy:
        """Write a policy of what was seen: places, models, tools, and a budget."""
        body = asked.body
        since = as_ms("since", body.since, now_ms())
        learned = Learned(body.org, body.agent)
        async with one_at_a_time:
            await history(ledger, learned.take, since)
        if not learned.calls:
            raise Problem(404, "nothing_seen", "No call of these left since then.")
        return LearnedPolicy(policy=learned.text(), calls=learned.calls)

    async def checks(asked: Asked[Viewer, Nothing, CheckAsked]) -> Checked:
        """Whether drafts could be put in force together, and if not, why."""
        try:
            found = await read(asked.body.drafts)
        except Problem as problem:
            return Checked(problem=problem.message, policies=[])
        return Checked(problem=None, policies=[each.id for each in found])

    tag = "policies"
    return [
        Endpoint(
            "POST", "/api/policy/explain", "viewer", explains, Explained, body=ExplainAsked, tag=tag
        ),
        Endpoint(
            "POST", "/api/policy/replay", "viewer", replays, Replayed, body=ReplayAsked, tag=tag
        ),
        Endpoint("POST", "/api/policy/diff", "viewer", differs, Replayed, body=DiffAsked, tag=tag),
        Endpoint("POST", "/api/policy/check", "viewer", checks, Checked, body=CheckAsked, tag=tag),
        Endpoint(
            "POST", "/api/policy/learn", "viewer", learns, LearnedPolicy,
            body=LearnAsked, problems=(404,), tag=tag,
        ),
    ]  # fmt: skip


def parsed(drafts: Sequence[str]) -> Sequence[LoadedPolicy]:
    """Texts as policies. Raises Problem 400, which names line and field."""
    try:
        return [
            parse(text.encode("utf-8", "replace"), Path(f"draft-{number}.yaml"))
            for number, text in enumerate(drafts, 1)
        ]
    except PolicyError as error:
        raise Problem(400, BAD_QUERY, str(error)) from None


async def history(ledger: Ledger, take: Callable[[Body], None], since_ms: int | None) -> None:
    """Show somebody every record from a moment on."""
    last = -1
    while entries := await ledger.after(last, _PAGE, since_ms):
        await asyncio.to_thread(_take_all, take, entries)
        last = entries[-1].seq


def _take_all(take: Callable[[Body], None], entries: Sequence[Entry]) -> None:
    for entry in entries:
        take(entry.body)


async def recorded(ledger: Ledger, which: str) -> Facts:
    """What a call on file was decided on. Raises Problem 400."""
    try:
        entries = await ledger.get(which)
    except ValueError as error:
        raise Problem(400, BAD_QUERY, f"record: {error}") from None
    for entry in entries:
        facts = facts_of_record(entry.body)
        if facts is not None:
            return facts
    raise Problem(400, BAD_QUERY, f"record={which}: no decision of that id")


def described(asked: ExplainAsked, now_ms: int) -> Facts:
    """What a call would be decided on. Raises Problem 400."""
    who = (asked.org, asked.agent, asked.session, datetime.fromtimestamp(now_ms / 1000, UTC))
    secrets = frozenset(asked.secrets)
    if asked.tool is not None:
        return Facts(
            "tool",
            *who,
            strength=asked.strength,
            action=action_of(asked.tool, asked.arguments),
            secrets=secrets,
            repeats=asked.repeats,
        )
    if asked.host is None and asked.model is None:
        raise Problem(400, BAD_QUERY, "host, model, tool or record: say what is asked for")
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
