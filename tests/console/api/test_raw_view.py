"""The way into the raw view."""

import pytest

from proxy.console.access import Viewer
from proxy.console.api.raw_view import endpoints
from proxy.endpoint import Asked, Nothing, Problem

ASKED = Asked(Viewer("ann", "admin"), Nothing(), Nothing())


class Open:
    def url(self) -> str:
        return "http://127.0.0.1:1/?token=t"


async def test_it_says_where_to_look():
    [endpoint] = endpoints(Open())
    assert endpoint.role == "admin"
    assert (await endpoint.handle(ASKED)).url == "http://127.0.0.1:1/?token=t"


async def test_where_it_is_off_it_says_how_to_have_it():
    [endpoint] = endpoints(None)
    with pytest.raises(Problem, match="--mitmweb"):
        await endpoint.handle(ASKED)
