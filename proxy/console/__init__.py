"""What people see and steer: for now a small JSON API on its own port."""

from proxy.console.ports import Ports
from proxy.console.server import Console

__all__ = ["Console", "Ports"]
