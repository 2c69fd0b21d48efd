"""One message of a server: the very bytes, or what stands in their place."""

import hashlib
import json
from typing import Any

import pytest

from proxy.mcp.errors import REFUSED
from proxy.mcp.screen import McpEvent, Screen


class Screened:
    """A screen that denies the tool `danger`, and what it told."""

    def __init__(self, *asked: int | str, most: int = 1000) -> None:
        self.events: list[McpEvent] = []
        self.asked: set[int | str] = set(asked)
        self.screen = Screen(
            self.asked,
            lambda tool: tool["name"] != "danger",
            self.events.append,
            result_bytes_max=most,
        )

    def __call__(self, value: Any) -> Any:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        out = self.screen.message(data)
        return True if out is data else json.loads(out) if out else None


def result(id_: int | str = 1, **members: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id_, "result": members}


def test_a_result_passes_as_the_same_bytes_and_is_told_by_size_and_hash() -> None:
    screened = Screened(1)
    raw = b'{"content": [{"type":"text","text":"h\\u0069"}]}'
    assert screened(b'{"jsonrpc":"2.0","id":1,"result": ' + raw + b"}") is True
    assert screened.events == [
        McpEvent("result", 1, bytes=len(raw), sha256=hashlib.sha256(raw).hexdigest())
    ]
    assert screened.asked == set()


def test_a_tool_that_says_that_it_failed_is_told_apart() -> None:
    screened = Screened(1)
    assert screened(result(content=[], isError=True)) is True
    assert screened.events[0].is_tool_error


def test_a_list_loses_the_denied_tools() -> None:
    screened = Screened(1)
    listed = result(tools=[{"name": "danger"}, {"name": "search"}], nextCursor="x")
    assert screened(listed) == result(tools=[{"name": "search"}], nextCursor="x")
    assert screened.events[-1] == McpEvent("tools_removed", 1, tools=("danger",))


def test_each_message_of_a_batch_is_screened() -> None:
    screened = Screened(1, "b")
    told = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {}}
    out = screened([result(1, content=[]), told, result("b", tools=[{"name": "danger"}])])
    assert out == [result(1, content=[]), told, result("b", tools=[])]
    assert screened([result(1), result(2)]) is True


def test_a_result_over_the_cap_is_an_error_with_its_id() -> None:
    screened = Screened(1, most=30)
    assert screened(result(content="x" * 10)) is True
    out = screened(result("b", content="x" * 100))
    assert (out["id"], out["error"]["code"]) == ("b", REFUSED)
    assert "30 bytes" in out["error"]["message"]
    assert screened.events[-1] == McpEvent("oversized", "b", bytes=115)


def test_what_the_server_asks_its_client_passes_and_is_told() -> None:
    screened = Screened(1)
    asks = {"jsonrpc": "2.0", "id": 9, "method": "sampling/createMessage", "params": {}}
    assert screened(asks) is True
    assert (screened.events[0].what, screened.events[0].method) == (
        "request",
        "sampling/createMessage",
    )
    assert screened.asked == {1}, "its ids are its own"


def test_what_a_result_asks_of_the_client_is_told_too() -> None:
    screened = Screened(1)
    wanted = {"login": {"method": "elicitation/create", "params": {}}, "odd": 7}
    assert screened(result(resultType="input_required", inputRequests=wanted)) is True
    assert [each.method for each in screened.events[1:]] == ["elicitation/create", "?"]


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"7",
        b"\xff",
        b'{"jsonrpc":"2.0","id":1,"result":{"tools":[],"tools":[{"name":"danger"}]}}',
        b'{"jsonrpc":"2.0","id":1,"result":{},"result":{"tools":[{"name":"danger"}]}}',
        b'{"jsonrpc":"2.0","id":1,"Result":{"tools":[{"name":"danger"}]}}',
        b'{"jsonrpc":"2.0","id":1,"result":{"Tools":[{"name":"danger"}]}}',
        b'{"jsonrpc":"2.0","id":1,"method":"x","result":{"tools":[{"name":"danger"}]}}',
        b'{"jsonrpc":"2.0","id":1,"method":7}',
        b'{"jsonrpc":"2.0","id":1,"error":{},"result":{"tools":[{"name":"danger"}]}}',
        b'\xef\xbb\xbf{"jsonrpc":"2.0","id":1,"result":{}}',
        b'[{"jsonrpc":"2.0","id":1,"result":{}},7]',
        b'{"jsonrpc":"2.0"}',
    ],
)
def test_what_a_client_may_read_otherwise_is_not_passed_on(data: bytes) -> None:
    screened = Screened(1)
    out = screened(data)
    assert (out["id"], out["error"]["code"]) == (1, REFUSED)
    assert screened.events[-1].what == "unreadable"
    assert screened(data) is None, "who has been told does not wait any more"
