"""HTTP+SSE (2024-11-05): a session's messages go up by POST and come down on one stream (pure).

A stream names the address that its client posts to. What is posted there is answered on the stream, so
both must know of the other: who waits, whose tools these are, and where a refusal is heard.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from proxy.mcp.calls import Id
from proxy.slip import Identity, Slip

type Key = tuple[str, str, str, str]
"""Org, agent, session, address: no caller reaches another's stream."""


@dataclass(slots=True)
class McpStream:
    """One open stream."""

    server: str
    """Whose tools are listed on it."""
    tell: Callable[[bytes], None]
    """Says something to its client, between two events of the server's."""
    slip: Slip
    """The last call that it answers, by whose terms tools are shown."""
    asked: set[Id] = field(default_factory=set)
    """Who waits for an answer on it."""
    keys: set[Key] = field(default_factory=set)


class McpStreams:
    """The streams that are open in this process."""

    def __init__(self) -> None:
        self._by_key: dict[Key, McpStream] = {}

    def name(self, stream: McpStream, who: Identity, at: str, endpoint: str) -> None:
        """The stream at that URL says where its client is to post; each time that it says so counts."""
        key = _key(who, urljoin(at, endpoint.strip()))
        stream.keys.add(key)
        self._by_key[key] = stream

    def of(self, who: Identity, url: str) -> McpStream | None:
        """The stream on which a POST to this URL is answered."""
        return self._by_key.get(_key(who, url))

    def close(self, stream: McpStream) -> None:
        for key in stream.keys:
            if self._by_key.get(key) is stream:
                del self._by_key[key]


def _key(who: Identity, url: str) -> Key:
    parts = urlsplit(url)
    return who.org, who.agent, who.session, f"{parts.netloc}{parts.path}?{parts.query}"
