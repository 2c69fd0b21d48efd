"""Headers that say what the body says; anything else is a mismatch."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.mcp.calls import McpRequest, read_request
from proxy.mcp.headers import is_answered_elsewhere, is_declared, mismatch, opens_stream

MODERN = "2026-07-28"


def request(
    method: str = "tools/call", params: Any = None, version: str | None = None, **more: Any
) -> McpRequest:
    params = {"name": "search"} if params is None else params
    if version:
        params = params | {"_meta": {"io.modelcontextprotocol/protocolVersion": version}}
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params} | more
    found = read_request(json.dumps(body).encode(), is_declared=True)
    assert found is not None
    return found


def headers(**values: str) -> list[tuple[str, str]]:
    return [(name.replace("_", "-"), value) for name, value in values.items()]


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        (headers(), request()),
        (headers(mcp_protocol_version="2025-11-25"), request()),
        (headers(Mcp_Method="tools/call", MCP_NAME=" search "), request()),
        (
            headers(mcp_protocol_version=MODERN, mcp_method="tools/call", mcp_name="search"),
            request(version=MODERN),
        ),
        (
            headers(mcp_protocol_version=MODERN, mcp_method="tools/list"),
            request("tools/list", {}, MODERN),
        ),
        (
            headers(mcp_protocol_version=MODERN, mcp_method="resources/read", mcp_name="file:///a"),
            request("resources/read", {"uri": "file:///a"}, MODERN),
        ),
    ],
)
def test_headers_that_agree_pass(said: Any, asked: McpRequest) -> None:
    assert mismatch(said, asked) is None


@given(st.text(min_size=1, max_size=40))
def test_a_name_that_no_header_can_hold_agrees_in_base64(name: str) -> None:
    encoded = f"=?base64?{base64.b64encode(name.encode()).decode()}?="
    said = headers(mcp_method="tools/call", mcp_name=encoded)
    assert mismatch(said, request(params={"name": name})) is None
    assert mismatch(said, request(params={"name": name + "!"})) is not None


@pytest.mark.parametrize(
    ("said", "asked", "header"),
    [
        (headers(mcp_method="tools/list"), request(), "Mcp-Method"),
        (headers(mcp_method="Tools/Call"), request(), "Mcp-Method"),
        (headers(mcp_name="other"), request(), "Mcp-Name"),
        (headers(mcp_name="search"), request("tools/list", {}), "Mcp-Name"),
        (headers(mcp_name="=?base64?!!?="), request(), "Mcp-Name"),
        (headers(mcp_name="=?base64?/w==?="), request(), "Mcp-Name"),
        (headers(mcp_name="\xe9"), request(params={"name": "\xe9"}), "Mcp-Name"),
        (headers(mcp_protocol_version=MODERN), request(), "Mcp-Method"),
        (headers(mcp_protocol_version=MODERN, mcp_method="tools/call"), request(), "Mcp-Name"),
        (
            headers(mcp_protocol_version="2025-11-25"),
            request(version=MODERN),
            "MCP-Protocol-Version",
        ),
        (headers(), request(version=MODERN), "MCP-Protocol-Version"),
        ([("mcp-method", "tools/call"), ("Mcp-Method", "tools/call")], request(), "Mcp-Method"),
    ],
)
def test_headers_that_disagree_are_named(said: Any, asked: McpRequest, header: str) -> None:
    found = mismatch(said, asked)
    assert found is not None
    assert found.header == header
    assert "search" not in found.message, "nobody's words are repeated"


def batch() -> McpRequest:
    one = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "search"}}
    found = read_request(json.dumps([one]).encode(), is_declared=True)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "said",
    [
        headers(mcp_method="tools/call"),
        headers(mcp_name="search"),
        headers(mcp_protocol_version=MODERN),
    ],
)
def test_no_header_speaks_for_a_batch(said: Any) -> None:
    assert mismatch(said, batch()) is not None
    assert mismatch(headers(mcp_protocol_version="2025-03-26"), batch()) is None


def test_a_notification_needs_no_headers() -> None:
    body = b'{"jsonrpc":"2.0","method":"notifications/cancelled"}'
    found = read_request(body, is_declared=True)
    assert found is not None
    assert mismatch(headers(mcp_protocol_version=MODERN), found) is None


def test_any_of_its_headers_declares_mcp() -> None:
    assert is_declared([("Mcp-Session-Id", "x")])
    assert is_declared([("MCP-Protocol-Version", "x")])
    assert not is_declared([("accept", "application/json"), ("x-mcp", "1")])


def test_where_an_answer_comes_is_in_the_accept_header() -> None:
    both = [("Accept", "application/json, text/event-stream")]
    assert not is_answered_elsewhere(both)
    assert not is_answered_elsewhere([("accept", "application/json")])
    assert is_answered_elsewhere([("Accept", "*/*")])
    assert is_answered_elsewhere([])
    assert opens_stream("GET", both)
    assert not opens_stream("POST", both)
    assert not opens_stream("GET", [])
