"""Questions to people, for tests of their pages."""

from proxy.approvals.approval import Approval
from proxy.console.ports import Ports
from tests.approvals.questions import wanted


async def ask(ports: Ports, key: str = "k", **more: object) -> Approval:
    """What the agent `coder` wants to do; another key is another question."""
    it = await ports.approvals.ask(wanted(key, **more), "call-1")
    assert it is not None
    return it
