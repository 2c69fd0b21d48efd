"""The board over HTTP: what is asked, what is shown, and what is refused with what to do next."""

from typing import Any, get_args

import pytest

from proxy.board.acts import Act
from proxy.board.asked import TasksAsked
from proxy.endpoint import Problem
from proxy.inside.tasks import ACTS, Tasks
from proxy.slip import Identity, Slip
from tests.board.people import NOW
from tests.inside.callers import asks, caller, commons


class Asking:
    """Somebody who asks by path, as over HTTP."""

    def __init__(self) -> None:
        shared = commons()
        self.now_ms = NOW
        self._endpoints = Tasks(shared.board, shared.allowances, lambda: self.now_ms).endpoints()
        self.slips: dict[str, Slip] = {}

    def slip(self, agent: str) -> Slip:
        if agent not in self.slips:
            made = caller()
            made.identity = Identity("acme", agent, "s1")
            self.slips[agent] = made
        return self.slips[agent]

    async def __call__(
        self, method: str, pattern: str, agent: str = "ada", body: Any = None, **rest: Any
    ) -> Any:
        (found,) = [
            each for each in self._endpoints if (each.method, each.path) == (method, pattern)
        ]
        path = {name: rest.pop(name) for name in ("task", "name") if name in rest}
        told = await found.handle(
            asks(
                self.slip(agent),
                found.query.model_validate(rest),
                found.body.model_validate(body or {}),
                **path,
            )
        )
        return found.answer.model_validate(told).model_dump(mode="json")

    async def act(self, task: str, act: str, agent: str = "bob", **body: Any) -> Any:
        return await self("POST", f"/v1/tasks/{{task}}/{act}", agent, body, task=task)

    async def make(self, title: str = "t", agent: str = "ada", **more: Any) -> str:
        self.now_ms += 1  # Ids sort by their millisecond.
        made = await self("POST", "/v1/tasks", agent, {"title": title, **more})
        return str(made["id"])


@pytest.fixture
def ask() -> Asking:
    return Asking()


def test_every_act_has_a_path():
    assert set(ACTS) == set(get_args(Act.__value__))


async def test_a_task_goes_from_hand_to_hand(ask):
    task = await ask.make("count", text="all of them", for_agents=["b*"])
    claimed = await ask.act(task, "claim", lease_s=60)
    assert (claimed["state"], claimed["fence"]) == ("claimed", 1)
    assert claimed["holder"] == {"agent": "bob", "session": "s1"}
    assert claimed["lease_until"].endswith("Z")
    started = await ask.act(task, "start", fence=1)
    assert (started["a2a_state"], started["mcp_status"]) == ("WORKING", "working")
    asked = await ask.act(task, "ask", fence=1, question="caps too?")
    assert (asked["state"], asked["question"]) == ("input_required", "caps too?")
    await ask.act(task, "answer", "ada", answer="no")
    done = await ask.act(
        task, "complete", fence=1, result="7", artifacts=[{"name": "hats.txt", "text": "…"}]
    )
    assert (done["state"], done["result"], done["answer"]) == ("completed", "7", "no")
    (artifact,) = done["artifacts"]
    assert (artifact["name"], artifact["bytes"]) == ("hats.txt", 3)
    found = await ask("GET", "/v1/tasks/{task}/artifacts/{name}", task=task, name="hats.txt")
    assert (found["text"], found["sha256"]) == ("…", artifact["sha256"])
    assert await ask("GET", "/v1/tasks/{task}", task=task) == done


async def test_a_list_says_what_waits_and_goes_on_by_pages(ask):
    first = await ask.make("1")
    await ask.make("2", depends_on=[first])
    await ask.make("3", priority=1)
    page = await ask("GET", "/v1/tasks", limit=2)
    assert [each["title"] for each in page["tasks"]] == ["3", "1"]
    rest = await ask("GET", "/v1/tasks", after=page["following"])
    (second,) = rest["tasks"]
    assert (second["blocked"], second["waits_for"]) == (True, [{"id": first, "state": "open"}])
    assert (rest["following"], rest["at"]) == (None, 3)
    assert "text" not in second
    open_ = await ask("GET", "/v1/tasks", "bob", claimable=True, state="open,claimed")
    assert [each["title"] for each in open_["tasks"]] == ["3", "1"]


@pytest.mark.parametrize("after", ["x", "1", "1.é", "99999.a", ".a", "-1.a"])
async def test_a_page_that_there_is_not_is_said_so(ask, after):
    with pytest.raises(Problem, match="following"):
        await ask("GET", "/v1/tasks", after=after)


def test_a_state_that_there_is_not_is_named_with_those_that_there_are():
    with pytest.raises(ValueError, match="'done' is no state; there are open, claimed"):
        TasksAsked(state="open,done")


async def test_a_lease_ends_by_the_clock_of_the_house(ask):
    task = await ask.make()
    await ask.act(task, "claim", lease_s=10)
    ask.now_ms += 10_000
    assert (await ask("GET", "/v1/tasks/{task}", task=task))["state"] == "open"


async def test_a_task_under_an_allowance_shows_what_is_left_to_its_own_calls(ask):
    above = await ask.make(allowance_nanousd=10)
    ask.slip("ada").identity = Identity("acme", "ada", "s1", task=above)
    part = await ask.make(allowance_nanousd=4)
    shown = {
        each["id"]: (each["allowance_nanousd"], each["under"])
        for each in (await ask("GET", "/v1/tasks"))["tasks"]
    }
    assert shown == {above: (6, None), part: (4, above)}


async def test_what_is_refused_says_what_to_do(ask):
    task = await ask.make()
    with pytest.raises(Problem) as caught:
        await ask.act(task, "complete", fence=1)
    assert (caught.value.status, caught.value.code) == (409, "stale_fence")
    assert "claim it again" in caught.value.message
