"""The SDKs for Node. Node 20 reads no proxy variable, so they go by base URL alone."""

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.journeys.sdks import of_anthropic, of_openai
from tests.journeys.sdks.act import Acts, Door, Refused, Sdk, Told, plain

PROGRAM = Path(__file__).parents[2] / "sdks" / "act.mjs"


class NodeError(Exception):
    """What the SDK threw, in its own words."""

    def __init__(self, name: str, status: int, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.status_code = status


def _objects(value: Any) -> Any:
    """JSON as the Python SDKs have it, whose readers then serve for both."""
    if isinstance(value, list):
        return [_objects(item) for item in value]
    if isinstance(value, Mapping):
        absent = {"usage": None, "tool_calls": None, "name": None}
        return SimpleNamespace(**absent | {name: _objects(each) for name, each in value.items()})
    return value


def _act(sdk: str, act: str, read: Callable[[Any], Told]) -> Callable[[Door], Told]:
    def run(door: Door) -> Told:
        done = subprocess.run(
            ["node", PROGRAM, sdk, act, door.base or "", json.dumps(dict(door.headers))],
            capture_output=True,
            text=True,
            check=True,
        )
        told = json.loads(done.stdout)
        if "error" in told:
            raise NodeError(**told["error"])
        made = read(_objects(told["data"]))
        return Told(plain(told["data"]), made.input, made.output, made.tools)

    return run


def _acts(sdk: str, whole: Callable[[Any], Told], streamed: Callable[[Any], Told]) -> Acts:
    return {
        "answers": _act(sdk, "answers", whole),
        "streams": _act(sdk, "streams", streamed),
        "asks for a tool": _act(sdk, "asks for a tool", whole),
        "streams a tool call": _act(sdk, "streams a tool call", streamed),
    }


SDKS = [
    Sdk(
        "openai for Node",
        provider="openai",
        route="openai",
        host="api.openai.com",
        model=of_openai.MODEL,
        acts=_acts("openai", of_openai.of_chat, of_openai.of_chunks),
        budget=Refused("RateLimitError", 429),
        policy=Refused("PermissionDeniedError", 403),
        doors=("base_url",),
    ),
    Sdk(
        "anthropic for Node",
        provider="anthropic",
        route="anthropic",
        host="api.anthropic.com",
        model=of_anthropic.MODEL,
        acts=_acts("anthropic", of_anthropic.of_message, of_anthropic.of_events),
        budget=Refused("PaymentRequiredError", 402),
        policy=Refused("PermissionDeniedError", 403),
        doors=("base_url",),
    ),
]
