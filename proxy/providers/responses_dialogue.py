"""OpenAI responses over a WebSocket: every `response.create` is a call (wire.md 1.2; pure)."""

import json
from dataclasses import replace
from typing import Any

from proxy.providers.answer import as_count, as_object, as_text, parse_object
from proxy.providers.body import optional_text, read_body
from proxy.providers.call import BadRequest, ModelCall
from proxy.providers.dialogue import Dialogue, DialogueName, Ended, Heard, Turn
from proxy.providers.format import kind_of
from proxy.providers.openai_responses import OpenAIResponses, ResponsesAnswer
from proxy.providers.sse import Event

_QUIET = frozenset({"response.cancel"})
"""Messages that make nobody work."""

_ENDS = frozenset({"response.completed", "response.incomplete", "response.failed", "error"})


class ResponsesDialogue(Dialogue):
    """Calls of one stream (`stream_id`, or none) are answered one after the other."""

    name: DialogueName = "openai.responses"

    def __init__(self, provider: str, path: str) -> None:
        super().__init__(provider, path)
        self._format = OpenAIResponses(provider)
        self._waiting: dict[str, list[str]] = {}
        """Stream to its open lanes, oldest first."""
        self._last: ModelCall | None = None

    def sent(self, data: bytes) -> Turn | None:
        members = read_body(data).members
        kind = kind_of(members)
        if kind in _QUIET:
            return None
        stream = optional_text(members, "stream_id") or ""
        if kind == "response.create":
            call = replace(self._format.read_request(data), streaming=True)
            self._last = call
        elif self._last is not None:
            # `response.steer` begins answers of its own; of what is unknown anything may be true.
            call = replace(self._last, unbounded=(f"message:{kind}",))
        else:
            raise BadRequest("the first message must be response.create", "type")
        return self._open(stream, call)

    def received(self, data: bytes) -> Heard:
        heard = Heard()
        message = parse_object(data)
        if message is None:
            return heard
        kind, stream = kind_of(message), as_text(message.get("stream_id")) or ""
        waiting = self._waiting.get(stream)
        if not waiting and kind == "response.created" and self._last is not None:
            heard.begun = self._open(stream, replace(self._last, unbounded=("successor",)))
            waiting = self._waiting[stream]
        if not waiting:
            return heard
        lane = heard.lane = waiting[0]
        answer = self._answers[lane]
        answer.read_event(Event("", data, b""))
        if kind in _ENDS:
            self.forget(lane)
            status = as_count(message.get("status")) if kind == "error" else None
            heard.ended.append(Ended(lane, status or 0))
        return heard

    def forget(self, lane: str) -> None:
        super().forget(lane)
        stream = lane.rpartition("#")[0]
        waiting = self._waiting.get(stream, [])
        if lane in waiting:
            waiting.remove(lane)
        if not waiting:
            self._waiting.pop(stream, None)

    def refusal(self, status: int, error: dict[str, Any]) -> bytes:
        """A spent budget is what Codex calls a usage limit; 400 is what it does not try again."""
        is_spent = error.get("code") == "insufficient_quota"
        kind = "usage_limit_reached" if is_spent else "invalid_request_error"
        word = {
            "type": "error",
            "status": 429 if is_spent else 400,
            "error": {**as_object(error), "type": kind},
        }
        return json.dumps(word).encode()

    def _open(self, stream: str, call: ModelCall) -> Turn:
        lane = f"{stream}#{self._turns}"
        self._waiting.setdefault(stream, []).append(lane)
        return self._begin(lane, call, ResponsesAnswer(self.provider))
