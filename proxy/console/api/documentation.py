"""The API's own description: as an OpenAPI document, and as a page to read."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from pydantic import ConfigDict, RootModel

from proxy.console.access import Viewer
from proxy.console.templates import render
from proxy.endpoint import Asked, Endpoint, Nothing, Reply
from proxy.openapi import Document, document

_SCHEMES: dict[str, dict[str, Any]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token; `exeat console token` makes one.",
    },
    "visit": {
        "type": "apiKey",
        "in": "cookie",
        "name": "exeat",
        "description": "Somebody who logged in; with TLS it is named __Host-exeat. Everything but GET "
        "also needs the header x-csrf-token, as the console's own pages send it.",
    },
}


class OpenApi(RootModel[dict[str, Any]]):
    """An OpenAPI 3.1 document."""

    model_config = ConfigDict(frozen=True)


def endpoints(described: Sequence[Endpoint[Viewer]]) -> list[Endpoint[Viewer]]:
    """The description of `described`, which is read when it is asked for and may grow until then."""

    def described_now() -> Document:
        return document(described, title="Exeat", version=version("exeat"), schemes=_SCHEMES)

    async def openapi(asked: Asked[Viewer, Nothing, Nothing]) -> OpenApi:
        """This API as an OpenAPI 3.1 document."""
        return OpenApi(described_now())

    async def docs(asked: Asked[Viewer, Nothing, Nothing]) -> Reply:
        """This API as a page to read."""
        page = render("docs.html", document=described_now())
        return Reply(page, content_type="text/html")

    tag = "documentation"
    return [
        Endpoint("GET", "/api/openapi.json", "viewer", openapi, OpenApi, tag=tag),
        Endpoint("GET", "/api/docs", "viewer", docs, Nothing, kinds=("text/html",), tag=tag),
    ]
