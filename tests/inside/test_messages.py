"""Messages over HTTP: sent as whom one is, shown until acknowledged, never an approval."""

import pytest

from proxy.board.message import NewMessage
from proxy.inside.messages import InboxAsked, Mail
from proxy.slip import Identity
from tests.board.people import NOW
from tests.inside.callers import asks, caller, commons


@pytest.fixture
def mail():
    return Mail(commons().messages, lambda: NOW)


def as_(agent):
    slip = caller()
    slip.identity = Identity("acme", agent, "s1")
    return slip


async def send(mail, by="ada", **fields):
    return await mail.send(asks(as_(by), body=NewMessage(**fields)))


async def inbox(mail, agent, **query):
    return await mail.inbox(asks(as_(agent), InboxAsked(**query)))


async def test_a_message_is_sent_read_answered_and_acknowledged(mail):
    sent = await send(mail, text="hats?", to_agent="bob")
    assert (sent.sender, sent.to_agent, sent.to_role, sent.thread) == ("ada", "bob", None, sent.id)
    (got,) = (await inbox(mail, "bob")).messages
    assert (got.id, got.text, got.acknowledged_at) == (sent.id, "hats?", None)
    answer = await send(mail, "bob", text="7", reply_to=sent.id)
    thread = await mail.thread(asks(as_("ada"), message=answer.id))
    assert [each.text for each in thread.messages] == ["hats?", "7"]
    done = await mail.acknowledge(asks(as_("bob"), message=sent.id))
    assert (done.id, done.acknowledged_at) == (sent.id, got.sent_at)
    assert (await inbox(mail, "bob")).messages == []
    (seen,) = (await inbox(mail, "bob", acknowledged=True)).messages
    assert seen.acknowledged_at == done.acknowledged_at


async def test_an_inbox_goes_on_by_pages_and_says_what_a_message_is_not(mail):
    for number in range(3):
        await send(mail, text=str(number), to_agent="bob")
    first = await inbox(mail, "bob", limit=2)
    assert "never an approval" in first.note
    rest = await inbox(mail, "bob", after=first.following)
    assert [each.text for each in (*first.messages, *rest.messages)] == ["0", "1", "2"]
