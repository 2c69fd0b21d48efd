"""The way into mitmproxy's own viewer of flows, where it was asked for at the start."""

from proxy.console.access import Viewer
from proxy.console.ports import RawView
from proxy.endpoint import Asked, Endpoint, Model, Nothing, Problem


class Opened(Model):
    """Where to look."""

    url: str


def endpoints(raw_view: RawView | None) -> list[Endpoint[Viewer]]:
    """Described also where it is off, so that the documentation is the same everywhere."""

    async def open_it(asked: Asked[Viewer, Nothing, Nothing]) -> Opened:
        """A ticket into mitmproxy's viewer of flows, good once and for a minute."""
        if raw_view is None:
            raise Problem(
                404, "not_open", "The raw view is off. Start Exeat with --mitmweb to have it."
            )
        return Opened(url=raw_view.url())

    return [
        Endpoint("POST", "/api/raw-view", "admin", open_it, Opened, problems=(404,), tag="Raw view")
    ]
