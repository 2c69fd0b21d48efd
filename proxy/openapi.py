"""Endpoints as an OpenAPI 3.1 document: the same descriptions that serve requests, printed (pure)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from proxy.endpoint import Endpoint, Nothing, ProblemModel

type Document = dict[str, Any]
type _Key = tuple[type[BaseModel], JsonSchemaMode]

_REF = "#/components/schemas/{model}"
_PART = re.compile(r"\{(\w+)\}")
_JSON = "application/json"
_ALWAYS = (400, 503)
_BODY = (413, 415)
_WHO = (401, 403)


def document(
    endpoints: Sequence[Endpoint[Any]],
    *,
    title: str,
    version: str,
    schemes: Mapping[str, Mapping[str, Any]],
) -> Document:
    """The whole document. `schemes` are the ways to say who asks, any one of which is enough."""
    schemas = _Schemas(endpoints)
    paths: dict[str, Document] = {}
    for each in endpoints:
        operation = _operation(each, schemas, tuple(schemes))
        paths.setdefault(each.path, {})[each.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {"schemas": schemas.components, "securitySchemes": dict(schemes)},
    }


class _Schemas:
    """Every model's schema; a query's fields are parameters and no component."""

    def __init__(self, endpoints: Sequence[Endpoint[Any]]) -> None:
        keys = dict.fromkeys(key for each in endpoints for key in _models(each))
        self._refs, found = models_json_schema(list(keys), ref_template=_REF)
        self.components: Document = dict(found.get("$defs", {}))

    def query(self, model: type[BaseModel]) -> Document:
        """The schema of a query, by itself; the models within it become components."""
        found = model.model_json_schema(ref_template=_REF)
        self.components.update(found.pop("$defs", {}))
        return found

    def content(self, model: type[BaseModel], mode: JsonSchemaMode) -> Document:
        """JSON as a model says."""
        return {_JSON: {"schema": self._refs[model, mode]}}


def _models(endpoint: Endpoint[Any]) -> Iterator[_Key]:
    yield ProblemModel, "serialization"
    if endpoint.body is not Nothing:
        yield endpoint.body, "validation"
    for model in (endpoint.answer, *endpoint.others.values()):
        yield model, "serialization"


def _operation(endpoint: Endpoint[Any], schemas: _Schemas, schemes: Sequence[str]) -> Document:
    is_open = endpoint.role == "anyone"
    found: Document = {
        "operationId": _id(endpoint),
        "summary": endpoint.summary,
        "description": f"Role: {endpoint.role}.",
        "tags": [endpoint.tag] if endpoint.tag else [],
        "parameters": [*_path(endpoint.path), *_query(schemas.query(endpoint.query))],
        "responses": _responses(endpoint, schemas),
        "security": [] if is_open else [{name: []} for name in schemes],
        "x-role": endpoint.role,
    }
    if endpoint.body is not Nothing:
        content = schemas.content(endpoint.body, "validation")
        found["requestBody"] = {"required": True, "content": content}
    return found


def _id(endpoint: Endpoint[Any]) -> str:
    words = re.findall(r"[A-Za-z0-9]+", endpoint.path)
    return "_".join([endpoint.method.lower(), *words])


def _path(path: str) -> Iterator[Document]:
    for name in _PART.findall(path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _query(schema: Document) -> Iterator[Document]:
    for name, field in schema.get("properties", {}).items():
        told = _without_null(field)
        parameter = {"name": name, "in": "query", "required": name in schema.get("required", ())}
        if "description" in told:
            parameter["description"] = told.pop("description")
        yield {**parameter, "schema": told}


def _without_null(field: Document) -> Document:
    """A parameter is left out, never null."""
    told = {name: value for name, value in field.items() if name not in ("anyOf", "title")}
    choices = [each for each in field.get("anyOf", ()) if each != {"type": "null"}]
    if told.get("default", 0) is None:
        del told["default"]
    if len(choices) == 1:
        return {**choices[0], **told}
    return {**told, "anyOf": choices} if choices else told


def _responses(endpoint: Endpoint[Any], schemas: _Schemas) -> Document:
    content = schemas.content(endpoint.answer, "serialization")
    if endpoint.answer is Nothing and endpoint.kinds:
        content = {}
    for kind in endpoint.kinds:
        content[kind] = {"schema": {"type": "string"}}
    found: Document = {str(endpoint.status): {"description": "Done.", "content": content}}
    if endpoint.passes_on:
        anything: Document = {_JSON: {"schema": {}}, "*/*": {}}
        passed_on = {"description": endpoint.passes_on, "content": anything}
        return {**found, "4XX": passed_on, "5XX": passed_on}
    for status in _problems(endpoint):
        found[str(status)] = {
            "description": HTTPStatus(status).phrase,
            "content": schemas.content(ProblemModel, "serialization"),
        }
    for status, model in endpoint.others.items():
        found[str(status)] = {
            "description": HTTPStatus(status).phrase,
            "content": schemas.content(model, "serialization"),
        }
    return {status: found[status] for status in sorted(found)}


def _problems(endpoint: Endpoint[Any]) -> Iterator[int]:
    yield from _ALWAYS
    if endpoint.role != "anyone":
        yield from _WHO
    if endpoint.body is not Nothing:
        yield from _BODY
    yield from endpoint.problems
