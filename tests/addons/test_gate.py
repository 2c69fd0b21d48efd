"""Gate alone: what must stand on the slip, where the host may be, and what is on file before it goes."""

import socket
from typing import Any

import pytest

from addons.gate import Gate
from proxy.engine.dial import Dialler, Pinned
from proxy.ledger.filing import decision_of
from proxy.refusals import Code, Refusal
from proxy.slip import Destination, Slip, Stamp, Stamped
from tests.addons.slips import ELSEWHERE, OPEN, MemoryLedger, flow, slip

BEFORE = ("route", "identity", "budget")
PUBLIC = "93.184.215.14"
INSIDE = Pinned(("127.0.0.1",), 4711)


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


class Names:
    """A resolver that answers with what it was given, and counts how often it was asked."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Any:
        self.asked.append((host, port))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def stamped(to: Destination = ELSEWHERE, rules: str = OPEN, **facts: Any) -> Slip:
    facts = {"stamps": [Stamped(name, 1, "") for name in BEFORE], **facts}
    return slip(to, rules, **facts)


def gate(ledger: MemoryLedger, names: Any = (PUBLIC,)) -> Gate:
    lookup = names if isinstance(names, Names) else Names(names)
    return Gate(BEFORE, Dialler({}, lookup), ledger, INSIDE)  # type: ignore[arg-type]


async def test_rule_2_yes_has_the_number_of_a_durable_record(ledger):
    await ledger.append(decision_of(slip(id="another")))
    it = stamped()
    assert await gate(ledger).depart(it, flow()) == Stamp("record 1")

    decided = ledger.decisions[1]
    assert it.decided_seq == 1
    assert (it.addresses, it.dial_port) == ((PUBLIC,), 443)
    assert (decided.id, decided.decision, decided.host) == (it.id, "allow", "a.test")
    assert [each.name for each in decided.stamps] == list(BEFORE)
    assert ledger.hurried[1], "the caller waits for this one"


@pytest.mark.parametrize("missing", BEFORE)
async def test_rule_1_fail_closed_a_missing_stamp_is_a_no(ledger, missing):
    names = Names((PUBLIC,))
    it = stamped(stamps=[Stamped(name, 1, "") for name in BEFORE if name != missing])
    no = await gate(ledger, names).depart(it, flow())

    assert isinstance(no, Refusal)
    assert (no.code, no.retry_after_s) == (Code.GOVERNANCE_UNAVAILABLE, 5)
    assert f"was not decided by {missing}," in no.message
    assert ledger.records == []
    assert names.asked == [], "until here no name was looked up"


async def test_every_missing_stamp_is_named(ledger):
    no = await gate(ledger).depart(stamped(stamps=[]), flow())
    assert isinstance(no, Refusal)
    assert "budget, identity, route" in no.message


async def test_rule_1_fail_closed_a_ledger_that_cannot_be_written_lets_nothing_leave(ledger):
    ledger.is_down = True
    it = stamped()
    no = await gate(ledger).depart(it, flow())

    assert isinstance(no, Refusal)
    assert (no.code, no.retry_after_s) == (Code.GOVERNANCE_UNAVAILABLE, 5)
    assert it.decided_seq is None


UNFOUND = {
    "an address inside the house": ("10.1.2.3",),
    "one address inside among public ones": (PUBLIC, "192.168.0.1"),
    "loopback": ("127.0.0.1",),
    "a metadata service": ("169.254.169.254",),
    "a mapped address": ("::ffff:10.0.0.1",),
}


@pytest.mark.parametrize("case", UNFOUND)
async def test_a_name_that_is_at_a_forbidden_address_is_refused(ledger, case):
    it = stamped()
    no = await gate(ledger, UNFOUND[case]).depart(it, flow())

    assert isinstance(no, Refusal)
    assert no.code is Code.ADDRESS_NOT_ALLOWED
    assert (it.addresses, ledger.records) == ((), [])


async def test_a_network_that_the_policy_names_may_be_dialled(ledger):
    rules = "egress: {default: allow, networks: [10.1.0.0/16]}"
    assert isinstance(await gate(ledger, ("10.1.2.3",)).depart(stamped(rules=rules), flow()), Stamp)
    no = await gate(ledger, ("10.2.2.3",)).depart(stamped(rules=rules), flow())
    assert isinstance(no, Refusal)


async def test_an_address_in_the_url_is_held_against_the_same_rules(ledger):
    inside = stamped(Destination("http", "169.254.169.254", 80))
    no = await gate(ledger).depart(inside, flow())
    assert isinstance(no, Refusal)
    assert no.code is Code.ADDRESS_NOT_ALLOWED


RESOLVERS = {
    "no such name": (socket.EAI_NONAME, Code.HOST_NOT_FOUND, "policy", None),
    "try again": (socket.EAI_AGAIN, Code.UPSTREAM_UNREACHABLE, "fault", 5),
    "the resolver failed": (socket.EAI_FAIL, Code.UPSTREAM_UNREACHABLE, "fault", 5),
}


@pytest.mark.parametrize("case", RESOLVERS)
async def test_a_name_that_is_not_there_is_a_no_and_a_resolver_that_is_not_there_a_fault(
    ledger, case
):
    number, code, kind, retry_after_s = RESOLVERS[case]
    no = await gate(ledger, Names(socket.gaierror(number, "x"))).depart(stamped(), flow())

    assert isinstance(no, Refusal)
    assert (no.code, no.kind, no.retry_after_s) == (code, kind, retry_after_s)
    assert ledger.records == []


async def test_the_operators_own_table_of_hosts_is_dialled_as_written(ledger):
    names = Names(("10.0.0.1",))
    it = stamped()
    at_home = Gate(BEFORE, Dialler({"a.test:443": "127.0.0.1:9443"}, names), ledger, INSIDE)  # type: ignore[arg-type]

    assert isinstance(await at_home.depart(it, flow()), Stamp)
    assert (it.addresses, it.dial_port, names.asked) == (("127.0.0.1",), 9443, [])


async def test_a_call_to_exeat_itself_is_filed_and_pinned_without_a_look_up(ledger):
    names = Names((PUBLIC,))
    it = stamped(Destination("http", "exeat.internal", 80), door="internal")

    assert await gate(ledger, names).depart(it, flow()) == Stamp("record 0")
    assert (names.asked, it.addresses, it.dial_port) == ([], ("127.0.0.1",), 4711)
    assert ledger.decisions[0].action == "internal"
