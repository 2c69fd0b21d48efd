"""What agents may ask Exeat itself, at http://exeat.internal, where the corridor has proved who asks."""

from proxy.inside.asked import endpoints
from proxy.inside.mcp_server import McpServer
from proxy.inside.ports import Ports
from proxy.inside.server import LOOPBACK, InsideServer, listen

__all__ = ["LOOPBACK", "InsideServer", "McpServer", "Ports", "endpoints", "listen"]
