"""mitmproxy's own viewer of flows, for debugging: on loopback, read-only, for whoever has a ticket.

It shows what Exeat otherwise never keeps: whole requests and answers. Keys are taken out of what it
shows. It holds copies, of calls that have ended, and only of the latest.
"""

import secrets
import time
from collections import deque
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from mitmproxy import http, options
from mitmproxy.tools.web.app import Application
from mitmproxy.tools.web.master import WebMaster
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import ErrorHandler

FLOWS_MAX = 300
BYTES_MAX = 64 * 1024 * 1024
"""Of all bodies together; the oldest calls go first."""
TICKET_S = 60
_TICKETS_MAX = 64

_SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie"}
    | {"set-cookie", "x-amz-security-token", "x-exeat-token"}
)
_SECRET_FIELDS = frozenset({"key", "api_key", "access_token", "token"})
_TAKEN_OUT = "(taken out)"


class Tickets:
    """Each opens the viewer once, within a minute; the clock is passed in."""

    def __init__(self) -> None:
        self._made: dict[str, float] = {}

    def make(self, now_s: float) -> str:
        """A new one."""
        ticket = secrets.token_urlsafe(32)
        self._made[ticket] = now_s + TICKET_S
        while len(self._made) > _TICKETS_MAX:
            del self._made[next(iter(self._made))]
        return ticket

    def take(self, ticket: str, now_s: float) -> bool:
        """Is it good? It is not from now on."""
        return self._made.pop(ticket, -1.0) >= now_s


class RawView:
    """One per process. Make it before the engine, which says which options mitmproxy goes by."""

    def __init__(self) -> None:
        self._master = WebMaster(options.Options(), with_termlog=False)
        self._tickets = Tickets()
        self._kept: deque[tuple[http.HTTPFlow, int]] = deque()
        self._bytes = 0
        self._server: HTTPServer | None = None
        self._port = 0

    def start(self) -> int:
        """Listen on a free port of loopback; the port. Raises OSError."""
        app = _ReadOnly(self._master, debug=False)
        app.settings["is_valid_password"] = self._admits
        app.settings["auth_cookie_name"] = lambda: f"exeat-raw-view-{self._port}"
        self._server = HTTPServer(app)
        sockets = bind_sockets(0, "127.0.0.1")
        self._server.add_sockets(sockets)
        self._port = int(sockets[0].getsockname()[1])
        return self._port

    def url(self) -> str:
        """Where a browser on this machine opens it, once, within a minute."""
        return f"http://127.0.0.1:{self._port}/?token={self._tickets.make(time.monotonic())}"

    def _admits(self, given: str) -> bool:
        return self._tickets.take(given, time.monotonic())

    def see(self, flow: http.HTTPFlow) -> None:
        """A call has ended."""
        shown = without_keys(flow)
        size = sum(len(each.raw_content or b"") for each in (shown.request, shown.response) if each)
        self._kept.append((shown, size))
        self._bytes += size
        self._master.view.add([shown])
        while self._kept and (len(self._kept) > FLOWS_MAX or self._bytes > BYTES_MAX):
            oldest, its_size = self._kept.popleft()
            self._bytes -= its_size
            self._master.view.remove([oldest])

    def stop(self) -> None:
        """Stop listening, and forget what was seen. Idempotent."""
        if self._server is not None:
            self._server.stop()
            self._server = None
        self._kept.clear()
        self._master.events.done()


def without_keys(flow: http.HTTPFlow) -> http.HTTPFlow:
    """A copy of a flow with every key in its heads and its query taken out."""
    shown: http.HTTPFlow = flow.copy()
    for message in (shown.request, shown.response):
        if message is not None:
            message.headers.fields = tuple(
                (name, _TAKEN_OUT.encode() if name.decode().lower() in _SECRET_HEADERS else value)
                for name, value in message.headers.fields
            )
    parts = urlsplit(shown.request.path)
    if parts.query:
        fields = [
            (name, _TAKEN_OUT if name.lower() in _SECRET_FIELDS else value)
            for name, value in parse_qsl(parts.query, keep_blank_values=True)
        ]
        shown.request.path = f"{parts.path}?{urlencode(fields)}"
    return shown


class _ReadOnly(Application):
    """mitmweb's pages without what changes, replays or ends a flow."""

    def find_handler(self, request: Any, **kwargs: Any) -> Any:
        if request.method in ("GET", "HEAD"):
            return super().find_handler(request, **kwargs)
        return self.get_handler_delegate(request, ErrorHandler, {"status_code": 405})
