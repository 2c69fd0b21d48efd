"""Endpoints as an OpenAPI document."""

from pydantic import Field

from proxy.endpoint import Endpoint, Model, Nothing
from proxy.openapi import document


class _Query(Model):
    since: str | None = Field(default=None, description="From when.")
    count: int = 1
    org: str


class _Part(Model):
    word: str


class _Body(Model):
    parts: list[_Part]


class _Answer(Model):
    part: _Part | None


class _Other(Model):
    why: str


async def _do(asked):
    """Do it.

    Not for the document.
    """
    raise NotImplementedError


ENDPOINTS = [
    Endpoint("GET", "/things", "viewer", _do, _Answer, query=_Query, tag="things"),
    Endpoint(
        "POST", "/things/{id}", "admin", _do, _Answer, body=_Body, status=201, problems=(404, 409)
    ),
    Endpoint("GET", "/open", "anyone", _do, Nothing, kinds=("text/html",)),
    Endpoint("POST", "/asked", "agent", _do, _Answer, passes_on="As it came.", problems=(404,)),
    Endpoint("GET", "/state", "anyone", _do, _Answer, others={503: _Other}),
]
SCHEMES = {"bearer": {"type": "http", "scheme": "bearer"}, "session": {"type": "apiKey"}}


def made():
    return document(ENDPOINTS, title="T", version="1", schemes=SCHEMES)


def operation(path: str, method: str = "get"):
    return made()["paths"][path][method]


def test_every_endpoint_is_an_operation_with_its_summary_and_a_name_of_its_own():
    paths = made()["paths"]
    found = [(path, method) for path, methods in paths.items() for method in methods]
    assert found == [(each.path, each.method.lower()) for each in ENDPOINTS]
    assert operation("/things")["summary"] == "Do it."
    names = {each["operationId"] for methods in paths.values() for each in methods.values()}
    assert len(names) == len(ENDPOINTS)


def test_a_query_is_parameters_which_are_left_out_and_never_null():
    since, count, org = operation("/things")["parameters"]
    assert (since["name"], since["in"], since["required"]) == ("since", "query", False)
    assert (since["description"], since["schema"]) == ("From when.", {"type": "string"})
    assert count["schema"] == {"type": "integer", "default": 1}
    assert org["required"] is True
    assert "_Query" not in made()["components"]["schemas"]


def test_the_parts_of_a_path_are_parameters_too():
    [found] = operation("/things/{id}", "post")["parameters"]
    assert (found["name"], found["in"], found["required"]) == ("id", "path", True)


def test_models_are_components_that_refer_to_each_other():
    body = operation("/things/{id}", "post")["requestBody"]
    assert body["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/_Body"}
    schemas = made()["components"]["schemas"]
    items = schemas["_Body"]["properties"]["parts"]["items"]
    assert items == {"$ref": "#/components/schemas/_Part"}
    assert schemas["_Part"]["additionalProperties"] is False


def test_every_answer_is_documented_the_problems_of_all_endpoints_among_them():
    assert set(operation("/things")["responses"]) == {"200", "400", "401", "403", "503"}
    assert set(operation("/things/{id}", "post")["responses"]) == {
        *("201", "400", "401", "403", "404", "409", "413", "415", "503")
    }
    problem = operation("/things")["responses"]["401"]["content"]["application/json"]["schema"]
    assert problem == {"$ref": "#/components/schemas/ProblemModel"}


def test_what_is_no_json_says_what_it_is():
    assert list(operation("/open")["responses"]["200"]["content"]) == ["text/html"]


def test_another_status_may_have_a_model_of_its_own():
    told = operation("/state")["responses"]["503"]["content"]["application/json"]["schema"]
    assert told == {"$ref": "#/components/schemas/_Other"}


def test_a_role_is_any_way_to_say_who_asks_and_anyone_is_none():
    assert operation("/things")["security"] == [{"bearer": []}, {"session": []}]
    assert operation("/things")["x-role"] == "viewer"
    assert operation("/open")["security"] == []
    assert made()["components"]["securitySchemes"] == SCHEMES


def test_errors_that_are_passed_on_are_promised_no_shape_and_no_status():
    responses = operation("/asked", "post")["responses"]
    assert list(responses) == ["200", "4XX", "5XX"]
    assert responses["4XX"] == responses["5XX"]
    assert responses["4XX"]["description"] == "As it came."
    assert responses["4XX"]["content"]["application/json"]["schema"] == {}
