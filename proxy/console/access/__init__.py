"""Who may look at the console and act on it."""

from proxy.console.access.access import Access, AccessError
from proxy.console.access.viewer import Viewer

__all__ = ["Access", "AccessError", "Viewer"]
