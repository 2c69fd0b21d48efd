"""What passed, both ways, against what was sent: nothing may differ but the declared list."""

import json
from typing import Any

from tests.journeys.wire import Message
from tests.replay.exchanges import Exchange
from tests.replay.upstream import answer_headers, coded

_FRAMING = (b"content-length", b"transfer-encoding")


def request_faults(sent: Message, seen: Message) -> list[str]:
    """Between what the client sent (less its proxy credentials) and what went upstream."""
    faults = []
    if seen.start != sent.start:
        faults.append(f"upstream was asked {seen.start!r}, not {sent.start!r}")
    is_asked = seen.body != sent.body
    if is_asked and not _only_asks_usage(sent.body, seen.body):
        faults.append("the request's body was changed")
    loose = (*_FRAMING, b"accept-encoding", b"content-encoding") if is_asked else ()
    if seen.without(*loose).headers != sent.without(*loose).headers:
        odd = set(seen.headers) ^ set(sent.headers)
        faults.append(f"the request's headers were changed: {sorted(odd)}")
    return faults


def was_asked(sent: Message, seen: Message) -> bool:
    """Usage was asked for on the caller's behalf."""
    return sent.body != seen.body


def _only_asks_usage(sent: bytes, seen: bytes) -> bool:
    before, after = json.loads(sent), json.loads(seen)
    options = after.get("stream_options") or {}
    if not before.get("stream") or options.pop("include_usage", None) is not True:
        return False
    known = {name: value for name, value in before.items() if name != "stream_options"}
    before_options = dict(before.get("stream_options") or {})
    before_options.pop("include_usage", None)
    after.pop("stream_options")
    return bool(after == known and options == before_options)


def answer_faults(exchange: Exchange, answer: Message, *, usage_was_asked: bool) -> list[str]:
    """Between what was recorded and what the client got."""
    faults = []
    if answer.status != exchange.status:
        faults.append(f"the client got status {answer.status}, not {exchange.status}")
    # Alt-Svc is taken out: HTTP/3 would go round the gate.
    served = [pair for pair in answer_headers(exchange) if pair[0].lower() != b"alt-svc"]
    if list(answer.without(*_FRAMING).headers) != served:
        odd = set(answer.without(*_FRAMING).headers) ^ set(served)
        faults.append(f"the answer's headers were changed: {sorted(odd)}")
    expected = b"" if exchange.status in (204, 304) else coded(exchange)
    if answer.body != expected and not (
        usage_was_asked and _events(answer.body) == _less_usage(_events(expected))
    ):
        faults.append("the answer's bytes were changed")
    return faults


def _events(data: bytes) -> list[Any]:
    """Events as JSON where they are; null usage is what asking adds to every chunk."""
    found = []
    for line in data.split(b"\n"):
        text = line.strip()
        try:
            event = json.loads(text.removeprefix(b"data:"))
        except ValueError:
            found.append(text)
            continue
        if isinstance(event, dict) and event.get("usage", 0) is None:
            del event["usage"]
        found.append(event)
    return [event for event in found if event != b""]


def _less_usage(events: list[Any]) -> list[Any]:
    """Without the one event that says what the whole call used."""
    return [
        event
        for event in events
        if not (isinstance(event, dict) and event.get("usage") and not event.get("choices"))
    ]
