"""Changes as events: in order, resumed, and with a sign of life in between."""

import asyncio
import contextlib
from dataclasses import replace

import pytest

from proxy.board.acts import Claim, NewTask
from proxy.endpoint import Problem
from proxy.inside import watching
from proxy.inside.watching import WatchAsked, Watching
from proxy.slip import Identity
from tests.board.people import NOW
from tests.inside.callers import asks, caller, commons

ADA = Identity("acme", "ada", "s1")


@pytest.fixture
def board():
    return commons().board


async def stream(board, last_event_id=None, beat_s=15.0, **query):
    asked = replace(asks(caller(), WatchAsked(**query)), last_event_id=last_event_id)
    return (await Watching(board, beat_s).watch(asked)).body


async def make(board):
    return (await board.create(NewTask(title="SECRET"), ADA, NOW)).task.id


async def test_what_happens_is_told_as_it_happens_without_a_word_of_the_task(board):
    task = await make(board)
    async with contextlib.aclosing(await stream(board, after=0)) as events:
        assert await anext(events) == b"retry: 1000\n\n"
        assert (await anext(events)).startswith(b"id: 1\nevent: task\ndata: {")
        await board.act("acme", task, Claim(), ADA, NOW)
        told = await anext(events)
    assert b'"act":"claim","state":"claimed"' in told
    assert b"SECRET" not in told


@pytest.mark.parametrize(("query", "last"), [({"after": 1}, None), ({}, "1"), ({"after": 0}, "1")])
async def test_a_stream_is_resumed_behind_what_was_seen(board, query, last):
    await make(board)
    second = await make(board)
    async with contextlib.aclosing(await stream(board, last, **query)) as events:
        await anext(events)
        told = await anext(events)
    assert told.startswith(b"id: 2\n")
    assert second.encode() in told


async def test_what_is_not_kept_any_more_is_a_gap(board):
    await make(board)
    async with contextlib.aclosing(await stream(board, "99")) as events:
        await anext(events)
        assert (await anext(events)).startswith(b"id: 1\nevent: gap\n")


@pytest.mark.parametrize("last", ["x", "-1", "1" * 16, "\u0661"])
async def test_an_id_that_is_none_of_ours_is_refused(board, last):
    with pytest.raises(Problem, match="Last-Event-ID"):
        await stream(board, last)


async def test_while_nothing_happens_there_is_a_sign_of_life(board):
    async with contextlib.aclosing(await stream(board, beat_s=0.001)) as events:
        await anext(events)
        assert await anext(events) == b":\n\n"
        assert await anext(events) == b":\n\n"
        task = await make(board)
        told = await anext(events)
        while told == b":\n\n":
            told = await anext(events)
        assert task.encode() in told


async def test_too_many_at_once_are_refused_and_who_leaves_makes_room(board, monkeypatch):
    monkeypatch.setattr(watching, "WATCHERS_MAX", 1)
    async with contextlib.aclosing(await stream(board)) as events:
        await anext(events)
        waiting = asyncio.ensure_future(anext(events))
        while not board.watchers("acme"):
            await asyncio.sleep(0)
        with pytest.raises(Problem, match="too many"):
            await stream(board)
        await make(board)
        await waiting
    assert board.watchers("acme") == 0
    await stream(board)
