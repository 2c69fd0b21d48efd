"""A no that an MCP client raises once."""

import json
from typing import Any

from proxy.mcp.calls import McpCall, McpRequest, read_request
from proxy.mcp.errors import (
    HEADER_MISMATCH,
    REFUSED,
    as_event,
    mismatched,
    refused,
    refused_on_stream,
    unreadable,
)
from proxy.mcp.headers import Mismatch
from proxy.providers.call import BadRequest
from proxy.refusals import Code, Refusal

NO = Refusal(Code.HOST_NOT_ALLOWED, "Not this tool.", rule="r1", facts={"tool": "search"})


def request(value: Any) -> McpRequest:
    found = read_request(json.dumps(value).encode(), is_declared=True)
    assert found is not None
    return found


def call(id_: int | str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id_, "method": "tools/call", "params": {"name": "search"}}


def test_a_refused_call_is_an_error_with_its_id_in_a_200() -> None:
    status, body = refused(request(call("a")), {0: NO}, "rec-1")
    assert status == 200
    assert json.loads(body) == {
        "jsonrpc": "2.0",
        "id": "a",
        "error": {
            "code": REFUSED,
            "message": "Not this tool.",
            "data": {
                "exeat": {
                    "code": "host_not_allowed",
                    "kind": "policy",
                    "rule": "r1",
                    "tool": "search",
                    "record": "rec-1",
                }
            },
        },
    }


def test_our_code_is_outside_of_what_the_specification_reserves() -> None:
    assert not -32768 <= REFUSED <= -32000


def test_a_batch_is_refused_as_one_and_every_request_is_told() -> None:
    asked = request([call(1), call(2), {"jsonrpc": "2.0", "method": "notifications/x"}])
    status, body = refused(asked, {1: NO}, None)
    assert status == 200
    first, second = json.loads(body)
    assert (first["id"], second["id"]) == (1, 2)
    assert "another message" in first["error"]["message"]
    assert second["error"]["message"] == "Not this tool."


def test_who_waits_for_no_answer_here_is_told_by_the_status() -> None:
    notification = request({"jsonrpc": "2.0", "method": "notifications/x"})
    status, body = refused(notification, {0: NO}, None)
    assert status == 403
    assert "id" not in json.loads(body)
    assert refused(request(call(1)), {0: NO}, None, is_answered_elsewhere=True)[0] == 403


def test_a_mismatch_is_said_as_the_specification_says_it() -> None:
    status, body = mismatched(request(call(1)), Mismatch("Mcp-Name", "is missing"), "rec-1")
    said = json.loads(body)
    assert (status, said["id"], said["error"]["code"]) == (400, 1, HEADER_MISMATCH)
    assert said["error"]["message"] == "Header mismatch: Mcp-Name is missing"


def test_a_body_that_cannot_be_read_is_answered_without_an_id() -> None:
    status, body = unreadable(BadRequest("a JSON key appears twice", "id"), None)
    said = json.loads(body)
    assert status == 400
    assert "id" not in said
    assert said["error"]["data"]["exeat"] == {"code": "bad_request", "param": "id"}


def test_the_same_error_can_be_an_event() -> None:
    _, body = refused(request(call(1)), {0: NO}, None)
    assert as_event(body) == b"event: message\ndata: " + body + b"\n\n"


def test_on_a_stream_each_refused_request_has_an_event_of_its_own() -> None:
    calls = (
        McpCall("request", "tools/call", 1, "burn"),
        McpCall("notification", "notifications/x", None),
        McpCall("request", "ping", "b"),
    )
    no = Refusal(Code.POLICY_DENIED, "No.", rule="r1")
    told = refused_on_stream(McpRequest(calls, is_batch=True), {0: no}, "rec")
    events = [each.splitlines() for each in told.decode().strip().split("\n\n")]
    assert [lines[0] for lines in events] == ["event: message"] * 2
    said = [json.loads(lines[1].removeprefix("data: ")) for lines in events]
    assert [(each["id"], each["error"]["code"]) for each in said] == [(1, REFUSED), ("b", REFUSED)]
    assert said[0]["error"]["message"] == "No."
