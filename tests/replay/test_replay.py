"""What we record of an exchange is what the provider says of it, to the token and the nano-dollar.

Our own exchanges are always replayed; with EXEAT_RECORDINGS=/folder, those in that folder too.
"""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.replay import passing
from tests.replay.exchanges import Exchange, Frames, Session, exchanges_in, sessions_in
from tests.replay.judge import folder_named, judge
from tests.replay.running import judge_running
from tests.replay.sessions import judge_sessions
from tests.replay.truth import Truth, truth_of
from tests.replay.turns import Told, turns_of
from tests.replay.verdict import Verdict

OWN = Path(__file__).parent / "exchanges"
MORE = folder_named()
FOLDERS = [OWN, Path(MORE)] if MORE else [OWN]
SESSIONS = [session for folder in FOLDERS for session in sessions_in(folder)]
EXCHANGES = [exchange for folder in FOLDERS for exchange in exchanges_in(folder)]


@pytest.fixture(scope="session")
def through_the_house(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Verdict]:
    """Every exchange driven through one Exeat and its ledger read, once."""
    directory = tmp_path_factory.mktemp("replay")
    return {each.where: each for each in asyncio.run(judge_running(EXCHANGES, directory))}


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange.where)
def test_what_is_read_is_what_the_provider_says(exchange: Exchange) -> None:
    assert judge(exchange).faults == []


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange.where)
def test_s6_what_passes_is_unchanged_and_what_is_filed_is_what_the_provider_says(
    exchange: Exchange, through_the_house: dict[str, Verdict]
) -> None:
    verdict = through_the_house[exchange.where]
    assert verdict.faults == []
    assert verdict.wire == judge(exchange).wire or verdict.wire.startswith(("refused", "no model"))
    assert verdict.has_usage == judge(exchange).has_usage


@pytest.fixture(scope="session")
def sockets_through_the_house(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Verdict]:
    """Every WebSocket session played through one Exeat and its ledger read, once."""
    directory = tmp_path_factory.mktemp("sockets")
    return {each.where: each for each in asyncio.run(judge_sessions(SESSIONS, directory))}


@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: session.where)
def test_c2_a_recorded_socket_passes_unchanged_and_every_turn_is_filed_as_the_provider_says(
    session: Session, sockets_through_the_house: dict[str, Verdict]
) -> None:
    verdict = sockets_through_the_house[session.where]
    assert verdict.faults == []
    assert verdict.has_usage


async def test_the_judge_of_sockets_notices_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.replay import sessions

    def told(frames: Frames) -> list[Told]:
        (model, counts), *_ = turns_of(frames)[0].samplings
        return [Told([(model, {**counts, "output_tokens": 1})], "m", [["a", "b"]], "never")]

    monkeypatch.setattr(sessions, "turns_of", told)
    [verdict] = await sessions.judge_sessions(SESSIONS[:1], tmp_path)
    found = " ".join(verdict.faults)
    for what in (
        "2 turns",
        "why it ended",
        "tool calls",
        "model that answered",
        "output 9, not 1",
        "cost",
    ):
        assert what in found
    assert "unchanged" not in found


async def test_the_judge_of_a_running_exeat_notices_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.replay import running

    def told(exchange: Exchange, wire: str) -> Truth:
        truth = truth_of(exchange, wire)
        count = truth.usage["completion_tokens"]
        return replace(
            truth,
            usage={**truth.usage, "completion_tokens": count + 1},
            model="m",
            tools=[("a", "b")],
        )

    def served(exchange: Exchange) -> bytes:
        return exchange.answer + b" "

    monkeypatch.setattr(running, "truth_of", told)
    monkeypatch.setattr(passing, "coded", served)
    exchange = next(each for each in EXCHANGES if each.where == "openai.jsonl:1")
    [verdict] = await running.judge_running([exchange], tmp_path)
    found = " ".join(verdict.faults)
    for what in (
        "bytes were changed",
        "model that answered",
        "tool calls",
        "output 6, not 7",
        "cost",
    ):
        assert what in found


def test_every_format_has_an_exchange_of_its_own() -> None:
    from proxy.providers.formats import FORMATS

    seen = {judge(exchange).wire for exchange in exchanges_in(OWN)}
    assert set(FORMATS) - seen == {"anthropic.count_tokens"}
