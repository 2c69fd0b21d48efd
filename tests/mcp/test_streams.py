"""Which stream answers what is posted where: only its own caller's, and only as long as it is open."""

from dataclasses import replace

import pytest

from proxy.mcp.streams import McpStream, McpStreams
from proxy.slip import Identity, Slip

ME = Identity("acme", "coder", "s1")
AT = "http://mcp.test/a/sse?x=1"


def stream() -> McpStream:
    slip = Slip(id="1", opened_ns=0, opened_ms=0, door="forward", method="GET", path="/a/sse")
    return McpStream("mcp.test/a/sse", lambda data: None, slip)


@pytest.mark.parametrize(
    ("endpoint", "posted"),
    [
        ("/messages?id=1", "http://mcp.test/messages?id=1"),
        ("messages?id=1", "http://mcp.test/a/messages?id=1"),
        ("?id=1", "http://mcp.test/a/sse?id=1"),
        ("http://mcp.test/m", "http://mcp.test/m"),
        ("http://other.test:8080/m\n", "http://other.test:8080/m"),
    ],
)
def test_what_is_posted_where_a_stream_said_is_answered_on_it(endpoint: str, posted: str) -> None:
    streams, mine = McpStreams(), stream()
    streams.name(mine, ME, AT, endpoint)
    assert streams.of(ME, posted) is mine
    assert streams.of(ME, posted + "0") is None


@pytest.mark.parametrize("part", ["org", "agent", "session"])
def test_nobody_elses_posts_are_answered_on_it(part: str) -> None:
    streams, mine = McpStreams(), stream()
    streams.name(mine, ME, AT, "/m")
    assert streams.of(replace(ME, **{part: "other"}), "http://mcp.test/m") is None


def test_a_stream_that_is_over_answers_nothing_and_leaves_another_of_that_name_alone() -> None:
    streams, old, new = McpStreams(), stream(), stream()
    for each in (old, new):
        streams.name(each, ME, AT, "/m")
    streams.close(old)
    assert streams.of(ME, "http://mcp.test/m") is new
    streams.close(new)
    assert streams.of(ME, "http://mcp.test/m") is None


def test_every_address_that_it_names_is_its_own() -> None:
    streams, mine = McpStreams(), stream()
    for endpoint in ("/m", "/n"):
        streams.name(mine, ME, AT, endpoint)
    assert streams.of(ME, "http://mcp.test/m") is streams.of(ME, "http://mcp.test/n") is mine
    streams.close(mine)
    assert streams.of(ME, "http://mcp.test/n") is None
