"""The messages' contract: who gets what, once, and for how long; in memory and in SQL alike."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.board import Messages, Outbox, Roles, message_steps
from proxy.board.message import Message, NewMessage
from proxy.board.store import Store
from proxy.endpoint import Problem
from proxy.ledger.store import LedgerUnavailable
from proxy.slip import Identity
from tests.board.people import ADA, BOB, CAL, NOW, STRANGER, Diary, counting
from tests.contracts.board_stores import STORES, opened

ROLES = Roles({"reviewer": ["review/*", "cal"], "empty": []})
REVIEWER = Identity("acme", "review/x", "s1")


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with opened(request.param, tmp_path) as store:
        yield store


@pytest.fixture
def diary() -> Diary:
    return Diary()


@pytest.fixture
def messages(store: Store, diary: Diary) -> Messages:
    return Messages(Outbox(store, diary), ROLES, counting())


async def send(
    messages: Messages, text: str = "hi", by: Identity = ADA, now_ms: int = NOW, **more: object
) -> Message:
    if not more.keys() & {"to_agent", "to_role", "reply_to"}:
        more["to_agent"] = "bob"
    return await messages.send(NewMessage(text=text, **more), by, now_ms)  # type: ignore[arg-type]


async def texts(messages: Messages, who: Identity, now_ms: int = NOW, **more: object) -> list[str]:
    inbox = await messages.inbox(who, now_ms, **more)  # type: ignore[arg-type]
    return [each.message.text for each in inbox.received]


async def refusal(doing: object) -> Problem:
    with pytest.raises(Problem) as caught:
        await doing  # type: ignore[misc]
    return caught.value


async def test_a_message_waits_until_it_is_acknowledged_and_is_of_who_sent_it(messages):
    sent = await send(messages, "count the hats ü\x00")
    (received,) = (await messages.inbox(BOB, NOW + 5)).received
    assert received.message == sent
    assert (sent.sender, sent.session, sent.thread) == ("ada", "s1", sent.id)
    assert received.acknowledged_ms is None
    assert await messages.acknowledge(sent.id, BOB, NOW + 6) == NOW + 6
    assert await texts(messages, BOB, NOW + 7) == []
    (seen,) = (await messages.inbox(BOB, NOW + 7, with_acknowledged=True)).received
    assert seen.acknowledged_ms == NOW + 6


async def test_acknowledging_again_is_the_same(messages, diary):
    sent = await send(messages)
    await messages.acknowledge(sent.id, BOB, NOW + 1)
    assert await messages.acknowledge(sent.id, BOB, NOW + 9) == NOW + 1
    assert [event.status for event in diary.events] == ["sent", "acknowledged"]


@pytest.mark.parametrize(
    ("to", "readers"),
    [
        ({"to_agent": "bob"}, {"bob"}),
        ({"to_agent": "review/*"}, {"review/x"}),
        ({"to_agent": "*"}, {"ada", "bob", "cal", "review/x"}),
        ({"to_role": "reviewer"}, {"cal", "review/x"}),
        ({"to_role": "empty"}, set()),
    ],
)
async def test_a_message_reaches_those_whom_it_names_and_nobody_else(messages, to, readers):
    await send(messages, **to)
    everybody = (ADA, BOB, CAL, REVIEWER, STRANGER)
    got = {who.agent for who in everybody if await texts(messages, who)}
    assert got == readers
    assert await texts(messages, STRANGER) == []


async def test_each_agent_of_a_role_acknowledges_for_itself(messages):
    sent = await send(messages, to_role="reviewer")
    await messages.acknowledge(sent.id, CAL, NOW)
    assert await texts(messages, CAL) == []
    assert await texts(messages, REVIEWER) == ["hi"]


async def test_every_session_of_an_agent_reads_one_inbox(messages):
    await send(messages)
    assert await texts(messages, Identity("acme", "bob", "another")) == ["hi"]


async def test_what_is_not_ones_own_cannot_be_read_answered_or_acknowledged(messages):
    sent = await send(messages)
    for who in (CAL, STRANGER, Identity("other", "bob", "s1")):
        for doing in (
            messages.thread(sent.id, who, NOW),
            messages.acknowledge(sent.id, who, NOW),
            send(messages, by=who, reply_to=sent.id),
        ):
            assert (await refusal(doing)).code == "message_not_found"
    assert (await refusal(messages.acknowledge(sent.id, ADA, NOW))).code == "not_for_you"


async def test_a_reply_goes_back_and_belongs_to_the_conversation(messages):
    first = await send(messages, "1")
    second = await send(messages, "2", BOB, reply_to=first.id)
    third = await send(messages, "3", BOB, reply_to=second.id)
    aside = await send(messages, "aside", BOB, reply_to=first.id, to_agent="cal")
    assert (second.to.value, third.to.value) == ("ada", "ada"), "one's own is answered onwards"
    assert {each.thread for each in (second, third, aside)} == {first.id}
    assert [each.text for each in await messages.thread(third.id, ADA, NOW)] == ["1", "2", "3"]
    assert [each.text for each in await messages.thread(aside.id, CAL, NOW)] == ["aside"]


async def test_a_page_goes_on_where_the_last_one_ended(messages):
    for number in range(5):
        await send(messages, str(number))
    first = await messages.inbox(BOB, NOW, limit=2)
    assert [each.message.text for each in first.received] == ["0", "1"]
    rest = await messages.inbox(BOB, NOW, after=first.following, limit=3)
    assert [each.message.text for each in rest.received] == ["2", "3", "4"]
    assert rest.following is None


async def test_a_message_expires_and_is_forgotten(messages, store):
    sent = await send(messages, expires_s=10)
    lasting = await send(messages, "lasting", to_agent="bob", key="k", expires_s=20)
    await messages.acknowledge(sent.id, BOB, NOW)
    soon = NOW + 10_000
    assert await texts(messages, BOB, soon - 1, with_acknowledged=True) == ["hi", "lasting"]
    assert await texts(messages, BOB, soon, with_acknowledged=True) == ["lasting"]
    assert (await refusal(messages.thread(sent.id, ADA, soon))).code == "message_not_found"
    again = await send(messages, "other words", now_ms=NOW + 20_000, key="k")
    assert again.id != lasting.id, "a key lasts as long as its message"
    await store.run(lambda shelf: shelf.messages.forget_expired(NOW + 20_000))
    assert await store.run(lambda shelf: shelf.messages.count("acme", 0)) == 1
    assert await store.run(lambda shelf: shelf.messages.acknowledged_ms(sent.id, "bob")) is None


async def test_sending_again_under_a_key_sends_nothing_and_other_words_are_refused(messages, diary):
    first = await send(messages, key="k")
    assert await send(messages, key="k", now_ms=NOW + 5) == first
    assert (await refusal(send(messages, "other", key="k"))).code == "key_reused"
    assert await texts(messages, BOB) == ["hi"]
    assert len(diary.events) == 1
    assert await send(messages, by=CAL, key="k") != first


async def test_an_inbox_is_bounded_for_each_sender_and_for_all(messages, monkeypatch):
    monkeypatch.setattr(message_steps, "FROM_ONE_MAX", 2)
    monkeypatch.setattr(message_steps, "INBOX_MAX", 3)
    first = await send(messages)
    await send(messages)
    full = await refusal(send(messages))
    assert (full.status, full.code) == (409, "inbox_full")
    await send(messages, by=CAL)
    assert "inbox of bob is full" in (await refusal(send(messages, by=CAL))).message
    await send(messages, to_agent="cal")
    await messages.acknowledge(first.id, BOB, NOW)
    await send(messages)
    late = NOW + 10**10
    assert (await send(messages, now_ms=late)).sent_ms == late


async def test_an_orgs_messages_are_bounded(messages, monkeypatch):
    monkeypatch.setattr(message_steps, "MESSAGES_MAX", 2)
    await send(messages)
    await send(messages, to_agent="cal")
    assert (await refusal(send(messages, to_agent="dan"))).code == "inbox_full"
    assert (await send(messages, by=STRANGER)).org == "other"


async def test_a_sender_has_a_share_of_an_orgs_messages_and_no_more(messages, monkeypatch):
    monkeypatch.setattr(message_steps, "SHARE_MAX", 3)
    first = await send(messages, to_agent="ghost1")
    await send(messages, to_agent="bob")
    await send(messages, to_role="reviewer")
    full = await refusal(send(messages, to_agent="ghost2"))
    assert (full.status, full.code) == (409, "share_full")
    assert (await send(messages, by=CAL)).to.value == "bob"
    await messages.acknowledge(first.id, Identity("acme", "ghost1", "s"), NOW)
    await send(messages, to_agent="ghost2")
    assert (await refusal(send(messages))).code == "share_full"
    late = NOW + 10**10
    assert (await send(messages, now_ms=late)).sent_ms == late


async def test_a_message_to_many_is_of_its_senders_share_until_it_expires(messages, monkeypatch):
    monkeypatch.setattr(message_steps, "SHARE_MAX", 1)
    sent = await send(messages, to_role="reviewer")
    await messages.acknowledge(sent.id, CAL, NOW)
    assert (await refusal(send(messages))).code == "share_full"


async def test_what_is_done_with_makes_room_and_ones_own_first(messages, store, monkeypatch):
    monkeypatch.setattr(message_steps, "MESSAGES_MAX", 4)
    monkeypatch.setattr(message_steps, "SHARE_MAX", 2)

    async def kept() -> list[str]:
        return await store.run(
            lambda shelf: [
                each.message.text for each in shelf.messages.inbox("acme", "bob", (), 0, NOW)
            ]
        )

    async def sent_and_read(text: str, by: Identity) -> None:
        message = await send(messages, text, by)
        await messages.acknowledge(message.id, BOB, NOW)

    await sent_and_read("cal 1", CAL)
    for text in ("ada 1", "ada 2"):
        await sent_and_read(text, ADA)
    await send(messages, "cal 2", CAL)
    await sent_and_read("ada 3", ADA)
    assert await kept() == ["cal 1", "ada 2", "cal 2", "ada 3"]
    await send(messages, "rev", REVIEWER)
    assert await kept() == ["ada 2", "cal 2", "ada 3", "rev"]


async def test_a_role_that_there_is_not_cannot_be_written_to(messages):
    problem = await refusal(send(messages, to_role="boss"))
    assert (problem.status, problem.code) == (404, "role_not_found")


async def test_the_ledger_hears_from_whom_to_whom_and_a_hash(messages, diary):
    sent = await send(messages, "SECRET", key="SECRET-key")
    await messages.acknowledge(sent.id, BOB, NOW + 1)
    told, read = diary.events
    assert "SECRET" not in repr(diary.events) + repr(sent)
    assert (told.kind, told.agent, told.status) == ("message", "ada", "sent")
    assert (told.facts["to_agent"], told.facts["text_bytes"]) == ("bob", 6)
    assert len(str(told.facts["text_sha256"])) == 64
    assert (read.agent, read.status, read.facts["message"]) == ("bob", "acknowledged", sent.id)


async def test_a_lost_reply_of_the_ledger_sends_nothing_twice(messages, diary):
    diary.loses_replies = 1
    with pytest.raises(LedgerUnavailable):
        await send(messages, key="k")
    await send(messages, key="k")
    assert await texts(messages, BOB) == ["hi"]
    assert len(diary.events) == 1


async def test_what_many_send_at_once_arrives_each_once(messages, diary):
    agents = [Identity("acme", f"agent-{number}", "s1") for number in range(30)]
    await asyncio.gather(*(send(messages, who.agent, who) for who in agents))
    assert sorted(await texts(messages, BOB)) == sorted(who.agent for who in agents)
    assert len(diary.events) == 30
