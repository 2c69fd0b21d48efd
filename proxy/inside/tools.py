"""Endpoints as tools: one JSON object of arguments in place of a path, a query and a body."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from proxy.endpoint import Asked, Endpoint, Nothing, Problem, Reply
from proxy.inside.tool_table import TOOLS, Tool
from proxy.serving import BAD_QUERY, read_body
from proxy.slip import Slip

type Schema = dict[str, Any]

_PART = re.compile(r"\{(\w+)\}")
_PARTS: Mapping[str, str] = {
    "task": "The task's id.",
    "name": "The artifact's name.",
    "message": "The message's id.",
    "record": "The record's id.",
}
_PART_CHARS_MAX = 256


@dataclass(frozen=True, slots=True)
class Bound:
    """A tool with its endpoint."""

    tool: Tool
    endpoint: Endpoint[Slip]

    @property
    def parts(self) -> Sequence[str]:
        """The arguments that stand in the path."""
        return _PART.findall(self.endpoint.path)

    @property
    def model(self) -> type[BaseModel]:
        """What the other arguments are: a query or a body; nothing has both."""
        return self.endpoint.query if self.endpoint.body is Nothing else self.endpoint.body

    @property
    def input_schema(self) -> Schema:
        """Of the arguments, all in one object."""
        found = self.model.model_json_schema()
        parts = {name: {"type": "string", "description": _PARTS[name]} for name in self.parts}
        assert not parts.keys() & found.get("properties", {}).keys()
        return {
            **{name: part for name, part in found.items() if name not in ("title", "description")},
            "type": "object",
            "properties": {**parts, **found.get("properties", {})},
            "required": [*parts, *found.get("required", ())],
        }

    @property
    def output_schema(self) -> Schema:
        """Of what comes back."""
        return self.endpoint.answer.model_json_schema(mode="serialization")


class Toolbox:
    """The tools of a table, as far as their endpoints are there."""

    def __init__(self, endpoints: Sequence[Endpoint[Slip]], table: Sequence[Tool] = TOOLS) -> None:
        there = {(each.method, each.path): each for each in endpoints}
        self.tools = {
            tool.name: Bound(tool, there[tool.method, tool.path])
            for tool in table
            if (tool.method, tool.path) in there
        }

    async def call(self, name: str, arguments: Mapping[str, Any], slip: Slip) -> BaseModel | str:
        """What the endpoint answers. Raises Problem, and whatever its handler does."""
        bound = self.tools.get(name)
        if bound is None:
            known = ", ".join(self.tools)
            raise Problem(404, "tool_not_found", f"There is no such tool. There are: {known}.")
        answer = await bound.endpoint.handle(_asked(bound, arguments, slip))
        if not isinstance(answer, Reply):
            return answer
        if isinstance(answer.body, BaseModel | str) and (answer.status or 200) < 400:
            return answer.body
        raise Problem(answer.status or 500, "refused", str(answer.body))


def _asked(bound: Bound, arguments: Mapping[str, Any], slip: Slip) -> Asked[Slip, Any, Any]:
    """The same as over HTTP, read as strictly."""
    rest = dict(arguments)
    path = {name: _part(name, rest.pop(name, None)) for name in bound.parts}
    read = read_body(bound.model, "application/json", json.dumps(rest).encode())
    is_body = bound.endpoint.body is not Nothing
    query, body = (Nothing(), read) if is_body else (read, Nothing())
    return Asked(slip, query, body, path)


def _part(name: str, given: Any) -> str:
    if not isinstance(given, str) or not 0 < len(given) <= _PART_CHARS_MAX:
        raise Problem(400, BAD_QUERY, f"{name}: is missing, or no text of a usual length")
    return given
