"""A board to look at: tasks made and worked on as agents would."""

from typing import Any

from proxy.board.acts import Act, Claim, NewTask, Start
from proxy.console.ports import Ports
from proxy.slip import Identity

ADA = Identity("acme", "ada", "s1")


async def make(ports: Ports, title: str, by: Identity = ADA, **more: Any) -> str:
    """A task's id."""
    made = await ports.board.create(NewTask(title=title, **more), by, ports.now_ms())
    return made.task.id


async def work(ports: Ports, task: str, *acts: Act) -> None:
    """Ada takes it, begins, and goes on as told."""
    for act in (Claim(), Start(fence=1), *acts):
        await ports.board.act("acme", task, act, ADA, ports.now_ms())
