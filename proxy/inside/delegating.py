"""The endpoints of delegation: in OpenAI's words, and in a few of our own."""

import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ConfigDict, RootModel

from proxy import shapes
from proxy.delegate.asked import CHAT_PATH, DELEGATE_PATH, MODELS_PATH, ChatAsked
from proxy.delegate.delegation import Delegated, Delegation, Refused
from proxy.delegate.names import UnknownName
from proxy.delegate.sender import Broken
from proxy.delegate.told import HEADER
from proxy.endpoint import Asked, Endpoint, Model, Nothing, Reply
from proxy.slip import Slip


class Completion(RootModel[dict[str, Any]]):
    """A chat completion as OpenAI describes it, as its provider sent it; with `stream: true` its
    chunks, as events."""

    model_config = ConfigDict(frozen=True)


class Listed(Model):
    """A name that can be asked for."""

    id: str
    object: str = "model"
    created: int = 0
    owned_by: str


class Names(Model):
    """Aliases first, then the models that they stand for."""

    object: str = "list"
    data: Sequence[Listed]


class Reasoned(Model):
    """What was answered, without the wrapping."""

    text: str | None
    model: str
    """Who answered."""
    why: str
    finish_reason: str | None
    tool_calls: Sequence[dict[str, Any]]
    usage: Mapping[str, Any] | None
    """As the provider says it."""
    cost_nanousd_max: int | None
    """The most that it can have cost; null without a known price."""
    record: str | None


_ERRORS = (
    "Exeat's own no, in OpenAI's shape; or, when everybody who could be asked has failed, the error of a "
    "provider as it came, with the provider's status."
)


class Delegating:
    """Answers as an OpenAI server would, errors too."""

    def __init__(self, delegation: Delegation) -> None:
        self._delegation = delegation

    async def chat(self, asked: Asked[Slip, Nothing, ChatAsked]) -> Reply:
        """A chat completion by the cheapest model that may answer: an alias, or provider/model."""
        found = await self._answer(asked.who, asked.body)
        if isinstance(found, Reply):
            return found
        return Reply(found.pieces, _status(found), found.content_type, found.headers)

    async def delegate(self, asked: Asked[Slip, Nothing, ChatAsked]) -> Reply:
        """The same, answered in a few words: the text, who answered, and why."""
        whole = asked.body.model_copy(update={"stream": False})
        found = await self._answer(asked.who, whole)
        if isinstance(found, Reply):
            return found
        try:
            async with contextlib.aclosing(found.pieces) as pieces:
                body = b"".join([piece async for piece in pieces])
        except Broken:
            return _no_answer(found, "broke off before its end")
        if found.status >= 300:
            text = body.decode("utf-8", "replace")
            return Reply(text, _status(found), found.content_type, found.headers)
        told = _reasoned(found, body)
        if told is None:
            return _no_answer(found, "is no chat completion")
        return Reply(told, headers=found.headers)

    async def models(self, asked: Asked[Slip, Nothing, Nothing]) -> Names:
        """The aliases that you may ask, and the models behind them."""
        return Names(
            data=[
                Listed(id=name, owned_by="exeat" if is_alias else name.partition("/")[0])
                for name in self._delegation.models(asked.who)
                for is_alias in (name in self._delegation.aliases,)
            ]
        )

    async def _answer(self, slip: Slip, asked: ChatAsked) -> Delegated | Reply:
        try:
            return await self._delegation.answer(slip, asked)
        except UnknownName as error:
            return _unknown_name(str(error))
        except Refused as no:
            answer = shapes.answer(
                no.refusal,
                wire=slip.wire,
                user_agent=slip.user_agent,
                originator=slip.originator,
                record=slip.id,
            )
            headers = {name: value for name, value in answer.headers if name != "content-type"}
            return Reply(answer.body.decode(), answer.status, headers=headers)

    def endpoints(self) -> Sequence[Endpoint[Slip]]:
        tag = "delegation"
        return [
            Endpoint(
                "POST",
                CHAT_PATH,
                "agent",
                self.chat,
                Completion,
                body=ChatAsked,
                passes_on=_ERRORS,
                kinds=("text/event-stream",),
                tag=tag,
            ),
            Endpoint(
                "POST",
                DELEGATE_PATH,
                "agent",
                self.delegate,
                Reasoned,
                body=ChatAsked,
                passes_on=_ERRORS,
                tag=tag,
            ),
            Endpoint("GET", MODELS_PATH, "agent", self.models, Names, tag=tag),
        ]


def _status(found: Delegated) -> int | None:
    """Of an answer the endpoint's own, of an error the provider's. A redirect leads nowhere here."""
    if found.status < 300:
        return None
    return found.status if found.status >= 400 else 502


def _unknown_name(message: str) -> Reply:
    error = {"type": "invalid_request_error", "param": "model", "code": "model_not_found"}
    return _openai_error(404, message, error, {"x-should-retry": "false"})


def _no_answer(found: Delegated, what: str) -> Reply:
    """What came was paid for; asking again may help."""
    error = {"type": "server_error", "param": None, "code": "bad_answer"}
    return _openai_error(502, f"The answer of {found.pick.name} {what}.", error, found.headers)


def _openai_error(
    status: int, message: str, more: Mapping[str, Any], headers: Mapping[str, str]
) -> Reply:
    return Reply(json.dumps({"error": {"message": message, **more}}), status, headers=headers)


def _reasoned(found: Delegated, body: bytes) -> Reasoned | None:
    """None for what is no chat completion."""
    try:
        answer = json.loads(body)
        choice = answer["choices"][0]
        message = choice["message"]
        return Reasoned.model_validate(
            {
                "text": message.get("content"),
                "model": found.pick.name,
                "why": found.headers[HEADER],
                "finish_reason": choice.get("finish_reason"),
                "tool_calls": message.get("tool_calls") or [],
                "usage": answer.get("usage"),
                "cost_nanousd_max": found.pick.bound_nanousd,
                "record": found.headers.get("x-exeat-record"),
            }
        )
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
