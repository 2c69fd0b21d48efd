"""Metrics, for Prometheus."""

from collections.abc import Callable

from proxy.console.access import Viewer
from proxy.endpoint import Asked, Endpoint, Nothing, Reply

_CONTENT_TYPE = "text/plain; version=0.0.4"


def endpoints(text: Callable[[], str]) -> list[Endpoint[Viewer]]:
    """What Prometheus asks, with a viewer's token."""

    async def metrics(asked: Asked[Viewer, Nothing, Nothing]) -> Reply:
        """What is measured, in Prometheus' text format."""
        return Reply(text(), content_type=_CONTENT_TYPE)

    return [
        Endpoint(
            "GET", "/metrics", "metrics", metrics, Nothing, kinds=("text/plain",), tag="health"
        )
    ]
