"""What a client asks: read in one way, or refused; and what is not MCP is left alone."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.mcp.calls import BATCH_MAX, McpRequest, read_request
from proxy.providers.call import BadRequest

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)


def message(method: str = "tools/call", **more: Any) -> dict[str, Any]:
    params = {"name": "search", "arguments": {"q": "x"}}
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params} | more


def read(value: Any, *, is_declared: bool = False) -> McpRequest | None:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return read_request(data, is_declared=is_declared)


@given(st.text(min_size=1, max_size=50), st.dictionaries(st.text(max_size=8), VALUES))
def test_a_tool_call_is_read_with_its_name_and_arguments(tool: str, arguments: Any) -> None:
    request = read(message(params={"name": tool, "arguments": arguments}))
    assert request is not None
    (call,) = request.calls
    assert (call.kind, call.method, call.id) == ("request", "tools/call", 1)
    assert call.tool == call.target == tool
    assert call.arguments == arguments
    assert request.ids == [1]


def test_a_batch_is_a_call_for_each_of_its_messages() -> None:
    request = read([message(id="a"), message(id="b", params={"name": "other"}), message("ping")])
    assert request is not None
    assert request.is_batch
    assert [call.tool for call in request.calls] == ["search", "other", None]
    assert request.ids == ["a", "b", 1]


@pytest.mark.parametrize(
    ("method", "params", "target"),
    [
        ("resources/read", {"uri": "file:///etc/passwd"}, "file:///etc/passwd"),
        ("prompts/get", {"name": "greet", "arguments": {"a": "b"}}, "greet"),
        ("tools/list", {"cursor": "x"}, None),
        ("initialize", {"protocolVersion": "2025-11-25"}, None),
        ("server/discover", {}, None),
    ],
)
def test_what_a_method_acts_on_is_its_target(method: str, params: Any, target: str) -> None:
    request = read(message(method, params=params))
    assert request is not None
    assert request.calls[0].target == target
    assert request.calls[0].tool is None


def test_a_message_without_an_id_is_a_notification() -> None:
    request = read({"jsonrpc": "2.0", "method": "notifications/initialized"})
    assert request is not None
    assert request.calls[0].kind == "notification"
    assert request.ids == []


def test_what_a_client_answers_to_its_server_is_an_answer() -> None:
    answer = {"jsonrpc": "2.0", "id": 7, "result": {"role": "assistant"}}
    request = read(answer, is_declared=True)
    assert request is not None
    assert (request.calls[0].kind, request.calls[0].id) == ("answer", 7)
    assert read(answer) is None, "without a header it may be anybody's"


def test_the_revision_in_meta_is_read() -> None:
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}
    request = read(message(params={"name": "search", "_meta": meta}))
    assert request is not None
    assert request.calls[0].version == "2026-07-28"


def test_arguments_are_not_in_a_calls_representation() -> None:
    assert "hidden" not in repr(read(message(params={"name": "t", "arguments": {"q": "hidden"}})))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b'{"model":"gpt-5","messages":[]}',
        b'{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[{"to":"0x0"}]}',
        b'{"jsonrpc":"2.0","id":null,"method":"message/send","params":{}}',
        b'{"method":"ping"}',
        b'{"jsonrpc":"2.0","method":7}',
        b'{"a":"\\u0041"',
        b"[]",
        b'[1,"jsonrpc"]',
        b'{"name":"tools/","name":"tools/"}',
    ],
)
def test_what_is_not_mcp_is_left_alone(data: bytes) -> None:
    assert read_request(data, is_declared=False) is None


CALL = json.dumps(message())


@pytest.mark.parametrize(
    "data",
    [
        CALL.replace('"id": 1', '"id": 1, "id": 2').encode(),
        CALL.replace('"tools/call"', '"ping", "method": "tools/call"').encode(),
        CALL.replace('"search"', '"search", "name": "delete"').encode(),
        CALL.replace('"method"', '"Method"').encode(),
        CALL.replace('"params"', '"param\u017f"').encode(),
        CALL.replace('"name"', '"NAME"').encode(),
        CALL.replace('"method"', '"meth\\u006fd": "ping", "method"').encode(),
        CALL.replace('"jsonrpc": "2.0", ', "").encode(),
        CALL.replace('"2.0"', '"1.0"').encode(),
        CALL.encode("utf-16"),
        CALL.encode("utf-8-sig"),
        CALL.replace("search", "s\xe9arch").encode("latin-1"),
        (CALL + "trailing").encode(),
        CALL.replace('"x"', "NaN").encode(),
        CALL.replace('"x"', "[" * 200_000 + "]" * 200_000).encode(),
        CALL.replace('"id": 1', '"id": null').encode(),
        CALL.replace('"id": 1', '"id": 1.5').encode(),
        CALL.replace('"id": 1', '"id": true').encode(),
        CALL.replace('{"q": "x"}', "[]").encode(),
        CALL.replace('"search"', "7").encode(),
        CALL.replace('"search"', '""').encode(),
        CALL.replace('"search"', '"\\ud800"').encode(),
        CALL.replace('"tools/call"', '"tools/\\ud800"').encode(),
        CALL.replace('"id": 1', '"id": 1, "result": {}').encode(),
        f"[{CALL}, {CALL}]".encode(),
        f"[{CALL}, 7]".encode(),
        json.dumps([message(id=number) for number in range(BATCH_MAX + 1)]).encode(),
    ],
)
def test_a_call_that_some_server_may_read_otherwise_is_refused(data: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        read_request(data, is_declared=False)
    assert "search" not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"hello", b"[]", b"{}", b'{"method":"ping"}', b"[[]]"])
def test_what_a_header_calls_mcp_must_be_readable(data: bytes) -> None:
    with pytest.raises(BadRequest):
        read_request(data, is_declared=True)


@given(st.binary(max_size=200), st.booleans())
def test_no_bytes_do_anything_but_be_read_or_refused(data: bytes, is_declared: bool) -> None:
    try:
        read_request(data, is_declared=is_declared)
    except BadRequest:
        return


def test_a_resource_is_read_as_if_by_a_tool_and_a_prompt_does_nothing() -> None:
    def act(method: str, params: Any) -> Any:
        said = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        found = read_request(json.dumps(said).encode(), is_declared=True)
        assert found is not None
        return found.calls[0].act

    uri = "file:///app/.env"
    assert act("resources/read", {"uri": uri}) == ("resources/read", {"uri": uri})
    assert act("tools/call", {"name": "t", "arguments": {"a": 1}}) == ("t", {"a": 1})
    assert act("prompts/get", {"name": "p"}) is None
