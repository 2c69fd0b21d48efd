"""Now: what is in flight, in figures; live."""

from dataclasses import replace

from proxy.budgets import CountersUnavailable, Hold
from proxy.console.pages.now import PANELS, activity, live_row, source
from proxy.ledger.store import Counted
from proxy.pricing.quote import Quote
from proxy.slip import Destination, Identity, Slip, Stamped
from tests.console.pages.conftest import NOW_MS

MINUTE_MS = 60_000


def slip(**facts) -> Slip:
    made = Slip(
        id="0192f3a0-7b1c-7def-8abc-0000000000aa",
        opened_ns=0,
        opened_ms=NOW_MS - 3_000,
        door="tunnel",
        method="POST",
        path="/v1/x?key=secret",
        destination=Destination("https", "api.openai.com", 443),
        identity=Identity("acme", "coder", "s1"),
    )
    for name, value in facts.items():
        setattr(made, name, value)
    return made


def test_a_call_in_flight_is_told_by_how_far_it_came() -> None:
    assert live_row(slip()).stage == "arriving"
    assert live_row(slip(stamps=[Stamped("tool_calls", 1, "")])).stage == "after tool calls"
    assert live_row(slip(cleared=True)).stage == "waiting for its answer"
    assert live_row(slip(cleared=True, first_byte_ns=5)).stage == "answering"


def test_money_in_flight_is_what_is_held() -> None:
    quote = Quote.__new__(Quote)
    held = slip(hold=Hold("h", "acme", 5, (), 0, 1))
    assert live_row(held).held_nanousd == 0
    assert live_row(replace(held, hold=None, quote=quote)).held_nanousd == 0


def test_the_last_hour_is_counted_by_the_minute() -> None:
    this = NOW_MS - NOW_MS % MINUTE_MS
    counted = [
        Counted((this - 70 * MINUTE_MS, "allow"), 50, 0),
        Counted((this - 59 * MINUTE_MS, "allow"), 3, 0),
        Counted((this, "deny"), 2, 0),
        Counted((this, "fault"), 1, 0),
    ]
    calls, refused, drawn = activity(counted, NOW_MS)
    assert (calls, refused) == (6, 3)
    assert "6 calls in the last hour, 3 of them refused" in drawn


async def test_the_page_shows_what_is_in_flight_and_never_its_query(look, desk) -> None:
    desk.calls.live = [slip(cleared=True)]
    text = (await look("/")).text
    assert "waiting for its answer" in text
    assert "secret" not in text
    assert "/feed?page=now" in text
    assert all(f'id="now-{panel}"' in text for panel in PANELS)


async def test_without_a_call_it_says_how_to_begin(look, ports, monkeypatch) -> None:
    async def nothing(*_, **__):
        return []

    for name in ("calls", "activity", "spent", "spenders"):
        monkeypatch.setattr(ports.ledger, name, nothing)
    text = (await look("/")).text
    assert "No call has come yet." in text
    assert "exeat env --org acme" in text
    assert "OPENAI_BASE_URL=http://127.0.0.1:8080/openai/v1" in text


async def test_counters_that_do_not_answer_leave_the_page_standing(
    look, ports, monkeypatch
) -> None:
    async def fails(*_, **__):
        raise CountersUnavailable("redis is down")

    monkeypatch.setattr(ports.accounts, "balances", fails)
    answer = await look("/")
    assert (answer.status, "redis is down" in answer.text) == (200, True)


async def test_every_panel_is_told_anew_and_soon_again_while_calls_are_in_flight(
    ports, desk
) -> None:
    quiet = await source(ports)({}, -1)
    assert [told.kind for told in quiet.told] == ["panel"] * len(PANELS)
    assert quiet.again_s is None
    desk.calls.live = [slip()]
    assert (await source(ports)({}, -1)).again_s == 1.0
