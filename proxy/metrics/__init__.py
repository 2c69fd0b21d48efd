"""What is counted for Prometheus: calls as they end, and how things stand when it asks."""

from proxy.metrics.metrics import Metrics

__all__ = ["Metrics"]
