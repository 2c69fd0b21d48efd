"""Who asks, inside: the identity that the corridor settled."""

from typing import Any

from proxy.endpoint import Asked
from proxy.slip import Identity, Slip


def caller(asked: Asked[Slip, Any, Any]) -> Identity:
    """Nobody comes this far without one."""
    assert asked.who.identity is not None
    return asked.who.identity
