"""An ASGI application answers an aiohttp request, whose body has been read."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from aiohttp import web

type Message = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]
type Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


async def answered(
    application: Application, request: web.Request, body: bytes, more: Mapping[str, Any]
) -> web.StreamResponse:
    """What the application answers, sent as it comes. `more` stands in its scope."""
    answer = _Answer(request)
    unread = [body]

    async def receive() -> Message:
        if unread:
            return {"type": "http.request", "body": unread.pop(), "more_body": False}
        await asyncio.Event().wait()  # When the client leaves, the handler is cancelled.
        return {"type": "http.disconnect"}

    await application({**_scope(request), **more}, receive, answer.send)
    return answer.response()


def _scope(request: web.Request) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.scheme,
        "path": request.path,
        "raw_path": request.rel_url.raw_path.encode(),
        "query_string": request.rel_url.raw_query_string.encode(),
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.raw_headers],
    }


class _Answer:
    """An answer that is whole when it begins is sent as one; any other as its parts come."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._response: web.StreamResponse | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = int(message["status"])
            self._headers = [
                (n.decode("latin-1"), v.decode("latin-1")) for n, v in message["headers"]
            ]
            return
        body, is_last = message.get("body", b""), not message.get("more_body", False)
        if self._response is None and is_last:
            self._response = web.Response(body=body, status=self._status)
            self._dress(self._response)
            return
        if self._response is None:
            self._response = web.StreamResponse(status=self._status)
            self._dress(self._response)
            await self._response.prepare(self._request)
        await self._response.write(body)
        if is_last:
            await self._response.write_eof()

    def _dress(self, response: web.StreamResponse) -> None:
        for name, value in self._headers:
            if name.lower() not in ("content-length", "connection"):
                response.headers[name] = value

    def response(self) -> web.StreamResponse:
        """What was sent. Raises LookupError when the application sent nothing."""
        if self._response is None:
            raise LookupError("the application answered nothing")
        return self._response
