"""What people see and steer, on its own port: the API, and who may look."""

from proxy.console.ports import Ports
from proxy.console.server import Console

__all__ = ["Console", "Ports"]
