"""Tasks over the API: of every org, with what a person may do."""

import pytest

from proxy.board.acts import Ask, Claim, Complete, NewTask, Start
from proxy.ledger.store import Filter
from proxy.slip import Identity

ADA = Identity("acme", "ada", "s1")
EVE = Identity("other", "eve", "s1")


@pytest.fixture
def board(ports):
    return ports.board


async def make(board, ports, title="t", by=ADA, **more):
    return (await board.create(NewTask(title=title, **more), by, ports.now_ms())).task.id


async def work(board, ports, task, *acts):
    for act in (Claim(), Start(fence=1), *acts):
        await board.act("acme", task, act, ADA, ports.now_ms())


async def post(desk, path, role, body):
    token = f"Bearer {desk.tokens[role]}"
    return await desk.get(path, method="POST", body=body, authorization=token)


async def test_tasks_of_all_orgs_are_listed_and_narrowed_by_the_url(desk, board, ports):
    await make(board, ports, "second")
    await make(board, ports, "first", EVE, priority=1)
    every = (await desk.get("/api/tasks")).body
    assert [(each["org"], each["title"]) for each in every["tasks"]] == [
        ("other", "first"),
        ("acme", "second"),
    ]
    one = (await desk.get("/api/tasks?org=acme&state=open")).body
    assert [each["title"] for each in one["tasks"]] == ["second"]
    page = (await desk.get("/api/tasks?limit=1")).body
    rest = (await desk.get(f"/api/tasks?limit=1&after={page['following']}")).body
    assert [each["title"] for each in (*page["tasks"], *rest["tasks"])] == ["first", "second"]


@pytest.mark.parametrize("query", ["state=done", "limit=0", "limit=101", "after=x", "claimable=1"])
async def test_what_cannot_be_read_is_said(desk, query):
    answer = await desk.get(f"/api/tasks?{query}")
    assert (answer.status, answer.body["error"]["code"]) == (400, "bad_query")


async def test_one_task_is_shown_in_full_with_what_it_left(desk, board, ports):
    task = await make(board, ports, text="all of it")
    artifact = {"name": "a.txt", "text": "hats"}
    await work(board, ports, task, Complete(fence=1, result="7", artifacts=[artifact]))
    shown = (await desk.get(f"/api/tasks/{task}")).body
    assert (shown["text"], shown["result"], shown["state"]) == ("all of it", "7", "completed")
    found = (await desk.get(f"/api/tasks/{task}/artifacts/a.txt")).body
    assert found["text"] == "hats"
    assert (await desk.get(f"/api/tasks/{task}/artifacts/b")).status == 404
    assert (await desk.get("/api/tasks/nowhere")).status == 404


async def test_an_admin_cancels_and_the_record_says_who(desk, board, ports):
    task = await make(board, ports)
    answer = await post(desk, f"/api/tasks/{task}/cancel", "admin", {"reason": "no need"})
    assert (answer.status, answer.body["state"]) == (200, "cancelled")
    (record, *_) = await ports.ledger.find(Filter(kind="task"))
    assert record.body["result"]["facts"]["by"] == "admin"
    assert record.body["role"]["agent"] is None
    done = await make(board, ports)
    await work(board, ports, done, Complete(fence=1))
    assert (await post(desk, f"/api/tasks/{done}/cancel", "admin", {})).status == 409


async def test_an_approver_answers_a_question_and_may_not_cancel(desk, board, ports):
    task = await make(board, ports)
    await work(board, ports, task, Ask(fence=1, question="caps too?"))
    answer = await post(desk, f"/api/tasks/{task}/answer", "approver", {"answer": "no"})
    assert (answer.body["state"], answer.body["answer"]) == ("in_progress", "no")
    assert (await post(desk, f"/api/tasks/{task}/cancel", "approver", {})).status == 403
