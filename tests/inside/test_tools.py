"""Endpoints as tools: every tool is an endpoint, its arguments are read as strictly as over HTTP."""

import jsonschema
import pytest
from pydantic import BaseModel

from proxy.board.acts import ARTIFACTS_BYTES_MAX
from proxy.board.states import STATES
from proxy.endpoint import Asked, Endpoint, Model, Nothing, Problem, Reply
from proxy.inside import Ports, endpoints
from proxy.inside.tool_table import TOOLS, Tool
from proxy.inside.tools import Toolbox
from proxy.policy import PolicyBook
from proxy.policy.released import Released
from tests.addons.slips import approvals, triggers
from tests.delegate.shop import Shop
from tests.inside.callers import caller, commons

SHOP = Shop()
THERE = endpoints(
    Ports(
        accounts=SHOP.accounts,
        ledger=SHOP.ledger,  # type: ignore[arg-type]
        policies=PolicyBook(),
        delegation=SHOP.delegation,
        triggers=triggers(),
        approvals=approvals(),
        commons=commons(),
        released=Released(),
    )
)
TOOLBOX = Toolbox(THERE)


async def call(name, /, **arguments):
    return await TOOLBOX.call(name, arguments, caller())


async def refusal(name, /, **arguments):
    with pytest.raises(Problem) as caught:
        await call(name, **arguments)
    return caught.value


def test_every_tool_of_the_table_is_there_under_a_name_of_its_own():
    assert list(TOOLBOX.tools) == [tool.name for tool in TOOLS]


def test_whatever_a_task_or_a_message_can_be_asked_is_a_tool_but_the_stream():
    tools = {(tool.method, tool.path) for tool in TOOLS}
    asked = {
        (each.method, each.path)
        for each in THERE
        if each.tag in ("tasks", "messages", "witness") and not each.path.endswith("/watch")
    }
    assert asked <= tools


@pytest.mark.parametrize("name", TOOLBOX.tools)
def test_a_tool_says_truly_what_it_does_and_takes(name):
    bound = TOOLBOX.tools[name]
    schema = bound.input_schema
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator.check_schema(bound.output_schema)
    assert schema["type"] == "object"
    assert set(bound.parts) <= set(schema["required"]) <= set(schema["properties"])
    assert (bound.tool.effect == "reads") == (bound.tool.method == "GET")
    assert len(bound.tool.text) > 40


@pytest.mark.parametrize(("name", "field"), [("task_create", "title"), ("message_send", "text")])
def test_a_model_is_told_of_each_argument(name, field):
    properties = TOOLBOX.tools[name].input_schema["properties"]
    assert properties[field]["description"]
    assert "additionalProperties" in TOOLBOX.tools[name].input_schema


async def test_arguments_are_a_path_and_a_body():
    made = await call("task_create", title="t", priority=3)
    claimed = await call("task_claim", task=made.id, lease_s=60)
    assert (claimed.state, claimed.holder.agent) == ("claimed", "coder")
    page = await call("task_list", state="claimed", limit=1)
    assert [each.id for each in page.tasks] == [made.id]
    assert set(STATES) > {claimed.state}


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("task_get", {}, "task: is missing"),
        ("task_get", {"task": 5}, "task: is missing, or no text"),
        ("task_get", {"task": "x" * 257}, "usual length"),
        ("task_get", {"task": "x", "org": "other"}, "org"),
        ("task_create", {}, "title: Field required"),
        ("task_create", {"title": "t", "priority": "3"}, "priority"),
        ("task_list", {"state": "done"}, "state: 'done' is no state"),
        ("task_list", {"state": None, "limit": 0}, "limit"),
        ("whoami", {"agent": "another"}, "agent"),
    ],
)
async def test_what_cannot_be_read_says_which_argument_is_wrong(name, arguments, said):
    problem = await refusal(name, **arguments)
    assert problem.status == 400
    assert said in problem.message


async def test_a_task_of_nobody_and_a_tool_of_nobody_are_not_there():
    assert (await refusal("task_get", task="x")).code == "task_not_found"
    unknown = await refusal("no_such_tool")
    assert (unknown.status, unknown.code) == (404, "tool_not_found")
    assert "whoami" in unknown.message


async def test_an_artifact_as_large_as_may_be_is_taken_and_a_larger_is_not():
    task = (await call("task_create", title="t")).id
    await call("task_claim", task=task)
    await call("task_start", task=task, fence=1)
    text = "x" * (ARTIFACTS_BYTES_MAX // 4)
    artifacts = [{"name": str(number), "text": text} for number in range(5)]
    assert (await refusal("task_complete", task=task, fence=1, artifacts=artifacts)).status == 400
    await call("task_complete", task=task, fence=1, artifacts=artifacts[:4])
    assert (await call("task_artifact", task=task, name="3")).text == text


class Told(Model):
    """An answer."""

    words: str


@pytest.mark.parametrize(
    ("reply", "becomes"),
    [
        (Told(words="w"), Told(words="w")),
        (Reply(Told(words="w"), headers={"x-why": "y"}), Told(words="w")),
        (Reply("plain", 200), "plain"),
        (Reply('{"error": "no"}', 429), Problem),
    ],
)
async def test_a_reply_is_told_by_its_body_and_a_failed_one_is_a_problem(reply, becomes):
    async def handle(asked: Asked[object, Nothing, Nothing]) -> BaseModel | Reply:
        """Answer."""
        return reply

    tool = Tool("t", "GET", "/t", "T", "A tool.")
    toolbox = Toolbox([Endpoint("GET", "/t", "agent", handle, Told)], [tool])
    if becomes is Problem:
        with pytest.raises(Problem, match="no"):
            await toolbox.call("t", {}, caller())
    else:
        assert await toolbox.call("t", {}, caller()) == becomes


def test_a_tool_without_its_endpoint_is_not_offered():
    assert Toolbox([]).tools == {}
