"""The page of a call: its slip; and the slip drawn anew."""

import pytest

from proxy.console.pages.call import source
from proxy.endpoint import Problem
from proxy.ledger.records import Decision, Outcome
from proxy.ledger.store import Filter
from tests.console.pages.conftest import NOW_MS
from tests.console.pages.test_rows import DECIDED, ID


async def one(ports, **wanted) -> str:
    return str((await ports.ledger.calls(Filter(**wanted), 1))[0].decision.body["id"])


async def test_a_slip_has_its_stamps_its_money_and_its_links(look, ports) -> None:
    which = await one(ports, agent="coder", status="answered", model="claude-sonnet-4-5")
    text = (await look(f"/calls/{which}")).text
    assert text.count('<li class="stamped">') == 12
    assert "It came back." in text
    assert '<span class="seal"' in text
    assert f'href="/api/calls/{which}"' in text
    assert "/feed" not in text, "it is over: nothing more will come"


async def test_a_refusal_is_the_one_stamp_in_red(look, ports) -> None:
    which = await one(ports, status="refused")
    text = (await look(f"/calls/{which}")).text
    assert text.count('<li class="refused">') == 1
    assert "Leave was not given" in text
    assert "It came back" not in text


async def test_the_beginning_of_an_id_is_enough_and_less_is_nothing(look, ports) -> None:
    which = await one(ports)
    assert (await look(f"/calls/{which[:-2]}")).status == 200
    for path in ("/calls/01", "/calls/none-such-call", "/calls/%3Cscript%3E", "/calls/0"):
        answer = await look(path)
        assert (answer.status, "No call on file" in answer.text) == (404, True)


async def test_a_call_under_way_is_followed_to_its_end(look, ports) -> None:
    await ports.ledger.append(Decision(**{**DECIDED, "ts_ms": NOW_MS}))
    assert f"/feed?page=call&amp;which={ID}" in (await look(f"/calls/{ID}")).text
    head = await ports.ledger.head()
    await ports.ledger.append(Outcome(decision_id=ID, ts_ms=NOW_MS + 1, status="answered"))
    news = await source(ports)({"which": ID}, head)
    assert [told.kind for told in news.told] == ["panel"]
    assert news.told[0].html.startswith('<div id="slip" data-panel>')
    assert "It came back." in news.told[0].html
    with pytest.raises(Problem):
        await source(ports)({"which": "nothing"}, head)
