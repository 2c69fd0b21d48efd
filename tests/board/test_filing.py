"""What the ledger hears of a task."""

from proxy.board.acts import Claim, Depend, Release
from proxy.board.filing import task_event
from proxy.board.task import Person
from proxy.board.tasks import acted
from tests.board.people import ADA, BOB, NOW, TASK, task

OTHER = "00000000-0000-7000-8000-000000000002"


def test_a_transition_says_from_where_to_where_and_by_whom():
    before = task()
    after = acted(before, Claim(), BOB, NOW)
    event = task_event("e", NOW, "claim", BOB, before, after)
    assert (event.kind, event.id, event.task, event.status) == ("task", "e", TASK, "claimed")
    assert (event.org, event.agent, event.session) == ("acme", "bob", "s1")
    assert event.facts == {
        "act": "claim",
        "from": "open",
        "version": 2,
        "fence": 1,
        "holder": "bob",
        "by": None,
    }


def test_a_new_task_says_what_it_may_spend_and_waits_for():
    one = task(depends_on=[OTHER], allowance_nanousd=7, priority=3)
    facts = task_event("e", NOW, "create", ADA, None, one).facts
    assert (facts["from"], facts["allowance_nanousd"], facts["priority"]) == (None, 7, 3)
    assert facts["depends_on"] == OTHER
    assert facts["title_sha256"] != facts["text_sha256"]


def test_dependencies_are_told_again_only_when_they_change():
    before = task(depends_on=[OTHER])
    changed = acted(before, Depend(depends_on=[]), ADA, NOW)
    assert task_event("e", NOW, "depend", ADA, before, changed).facts["depends_on"] == ""
    claimed = acted(changed, Claim(), BOB, NOW)
    back = acted(claimed, Release(fence=1), BOB, NOW)
    assert "depends_on" not in task_event("e", NOW, "release", BOB, claimed, back).facts


def test_a_person_is_told_by_name_and_is_no_agent():
    event = task_event("e", NOW, "cancel", Person("grace"), task(), task())
    assert (event.agent, event.session, event.facts["by"]) == (None, None, "grace")
