"""A slip is opened: what the headers of a call say, before anybody is asked about it."""

import re
import time

from mitmproxy import http

from proxy.engine.facts import ConnectionFacts
from proxy.slip import Slip, new_id

_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


def open_slip(flow: http.HTTPFlow, facts: ConnectionFacts) -> Slip:
    now_ms = time.time_ns() // 1_000_000
    request = flow.request
    return Slip(
        id=new_id(now_ms),
        opened_ns=time.monotonic_ns(),
        opened_ms=now_ms,
        door="tunnel" if facts.connect_target is not None else "forward",
        method=request.method,
        path=request.path,
        user_agent=request.headers.get("user-agent", "")[:256],
        originator=request.headers.get("originator", "")[:64],
        client_request_id=_plain(request.headers.get("x-client-request-id")),
        retry_count=_count(request.headers.get("x-stainless-retry-count")),
    )


def _plain(text: str | None) -> str | None:
    """A client's own id, when it is one: ids go into the ledger, free text does not."""
    return text if text and _ID.fullmatch(text) else None


def _count(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 5 else None


def has_body(flow: http.HTTPFlow) -> bool:
    headers = flow.request.headers
    return (
        headers.get("content-length", "0") != "0"
        or "transfer-encoding" in headers
        or (flow.request.is_http2 and flow.request.method not in ("GET", "HEAD"))
    )
