"""What can be asked here, described for machines."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from pydantic import ConfigDict, RootModel

from proxy.endpoint import Asked, Endpoint, Nothing
from proxy.openapi import document
from proxy.slip import Slip

_SCHEMES: dict[str, dict[str, Any]] = {
    "proxy": {
        "type": "apiKey",
        "in": "header",
        "name": "Proxy-Authorization",
        "description": "The proxy's credentials (Basic): org%2Fagent and session. No key is needed.",
    },
}


class OpenApi(RootModel[dict[str, Any]]):
    """An OpenAPI 3.1 document."""

    model_config = ConfigDict(frozen=True)


def description(described: Sequence[Endpoint[Slip]]) -> Endpoint[Slip]:
    """Of `described`, which is read when it is asked for and may grow until then."""

    async def openapi(asked: Asked[Slip, Nothing, Nothing]) -> OpenApi:
        """What can be asked at exeat.internal, as an OpenAPI 3.1 document."""
        title, schemes = "exeat.internal", _SCHEMES
        return OpenApi(document(described, title=title, version=version("exeat"), schemes=schemes))

    return Endpoint("GET", "/v1/openapi.json", "agent", openapi, OpenApi, tag="you")
