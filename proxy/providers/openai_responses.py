"""OpenAI responses over HTTP: `POST /v1/responses` and `/compact`, JSON and events (wire.md 1.2; pure)."""

from collections.abc import Iterator, Mapping
from typing import Any

from proxy.providers.amend import amend_members
from proxy.providers.answer import (
    Answer,
    AnswerReader,
    as_count,
    as_list,
    as_object,
    as_text,
    parse_object,
    said,
    text_bytes,
)
from proxy.providers.body import (
    Json,
    flag,
    model_of,
    optional_object,
    optional_text,
    output_bound,
    read_body,
    refuse_lookalikes,
)
from proxy.providers.call import BadRequest, FormatName, ModelCall
from proxy.providers.dialects import OUTPUT_FIELDS, dialect_of
from proxy.providers.format import clamped, kind_of, lowered, objects_of, sources
from proxy.providers.openai import (
    cache_reasons,
    fallback_models,
    hosted_reasons,
    may_reason,
    responses_usage,
    tier_of,
)
from proxy.providers.prompt import PromptGatherer
from proxy.providers.sse import Event

_HONOURED = ("max_output_tokens",)
_ALIEN = tuple(name for name in OUTPUT_FIELDS if name not in _HONOURED)
_SHAPED = ("tools", "text")
_COUNTED = frozenset({"input", "instructions", *_SHAPED})
_STORED = ("previous_response_id", "conversation", "prompt")
"""Members that bring in text the body does not hold."""
_READ = frozenset(
    {*OUTPUT_FIELDS, *_STORED, "model", "input", "instructions", "stream", "service_tier"}
    | {"background", "tools", "reasoning", "multi_agent", "context_management"}
)

_LOCAL = frozenset(
    [
        "function",
        "custom",
        "local_shell",
        "apply_patch",
        "computer",
        "computer_use_preview",
        "namespace",
    ]
)
"""Tools that the client runs. Everything else runs at the provider, in a loop we cannot see."""


class OpenAIResponses:
    name: FormatName = "openai.responses"

    def __init__(self, provider: str = "openai") -> None:
        self.provider = provider
        self._dialect = dialect_of(provider)

    def read_request(self, data: bytes, path: str = "", content_type: str = "") -> ModelCall:
        body = read_body(data)
        members = body.members
        refuse_lookalikes(members, _READ)
        model = model_of(members).removeprefix(self._dialect.strips)
        gatherer = PromptGatherer()
        if any(members.get(name) is not None for name in _STORED):
            gatherer.is_bounded = False
        if members.get("instructions") is not None:
            gatherer.add(members["instructions"])
        for item in _input_items(members):
            gatherer.add(item)
        gatherer.add_members(body, _COUNTED)
        tools = list(_tools(members))
        reasoning = optional_object(members, "reasoning")
        return ModelCall(
            provider=self.provider,
            format=self.name,
            model=model,
            streaming=flag(members, "stream"),
            billable=True,
            output_tokens_max=output_bound(members, _HONOURED, _ALIEN),
            samplings=1,
            prompt=gatherer.prompt(
                tools_text=sources(body, _SHAPED),
                has_tools=bool(tools),
                builtin_tools=sum(kind_of(tool) not in ("function", "custom") for tool in tools),
            ),
            service_tier=optional_text(members, "service_tier"),
            cache_lifetime=None,
            unbounded=(
                *hosted_reasons(members, model, self._dialect),
                *_reasons(members, tools, reasoning),
            ),
            may_reason=may_reason(model, reasoning.get("effort")),
            usage_requested=True,
            digest=gatherer.digest(model),
            fallback_models=fallback_models(members, self._dialect),
            model_is_alias=self._dialect.model_is_alias,
            can_be_lowered=not path.partition("?")[0].endswith("/compact"),
        )

    def answer_reader(
        self,
        call: ModelCall,
        headers: Mapping[str, str],
        *,
        hide_usage: bool = False,
    ) -> AnswerReader:
        return AnswerReader(ResponsesAnswer(self.provider), headers)

    def amend(
        self, data: bytes, call: ModelCall, *, output_tokens: int | None, ask_usage: bool
    ) -> bytes:
        """Usage is always in the terminal event, so there is nothing to ask for."""
        if output_tokens is None:
            return data
        body = read_body(data)
        changes = clamped(body.members, _HONOURED, "max_output_tokens", output_tokens)
        return amend_members(body, changes | lowered(body.members, _ALIEN, output_tokens))


def _input_items(members: Json) -> list[Any]:
    value = members.get("input")
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise BadRequest("input must be a string or an array of objects", "input")
    return value


def _tools(members: Json) -> Iterator[Json]:
    """Tools may also come as input items (Codex's `additional_tools`) or grouped in a namespace."""
    pending = list(objects_of(members, "tools"))
    for item in _input_items(members):
        if isinstance(item, dict) and item.get("type") == "additional_tools":
            pending += objects_of(item, "tools")
    while pending:
        tool = pending.pop()
        yield tool
        if kind_of(tool) == "namespace":
            pending += objects_of(tool, "tools")


def _reasons(members: Json, tools: list[Json], reasoning: Json) -> list[str]:
    """Why the worst case of this call is not one prompt and one bounded output at token prices."""
    reasons = sorted({f"hosted_tool:{kind_of(tool)}" for tool in tools if not _is_local(tool)})
    if flag(members, "background"):
        reasons.append("background")
    if members.get("prompt") is not None:
        reasons.append("prompt_template")  # It may bring its own tools and model.
    if members.get("multi_agent") is not None:
        reasons.append("multi_agent")
    if reasoning.get("mode") not in (None, "standard"):
        reasons.append("reasoning_mode")  # "pro" samples several times.
    if members.get("context_management"):
        reasons.append("context_management")  # Compaction is a sampling of its own.
    return reasons + cache_reasons(members)


def _is_local(tool: Json) -> bool:
    kind = kind_of(tool)
    if kind == "tool_search":
        return tool.get("execution") == "client"
    if kind == "shell":
        environment = tool.get("environment")
        return isinstance(environment, dict) and environment.get("type") == "local"
    return kind in _LOCAL


class ResponsesAnswer(Answer):
    """JSON and events of the responses format. Ends with a terminal event, not with `[DONE]`."""

    def __init__(self, provider: str = "openai") -> None:
        super().__init__()
        self._provider = provider
        self._begun: dict[str, Any] = {}
        self._items: list[Any] = []
        self._sequence = 0

    def read_json(self, body: dict[str, Any]) -> None:
        if body.get("error") is not None:
            self.read_error(body["error"])
        self.is_complete = True
        self._read_response(body)
        for item in as_list(body.get("output")):
            self._read_item(as_object(item))

    def read_event(self, event: Event) -> bool:
        message = parse_object(event.data)
        if message is None:
            return False
        self._sequence = as_count(message.get("sequence_number")) or self._sequence
        match message.get("type"):
            case "response.completed" | "response.incomplete" | "response.failed":
                self._end(as_object(message.get("response")))
            case "response.created" | "response.in_progress":
                self._begun = as_object(message.get("response"))
                self._read_response(self._begun)
            case "response.output_item.added":
                self.output_seen += text_bytes(as_object(message.get("item")).get("name"))
            case "response.output_item.done":
                self._read_item(as_object(message.get("item")))
                self._items.append(message.get("item"))
            case "error":
                self.read_error(message.get("error") or message)
                self.is_complete = True
            case _:
                self.output_seen += text_bytes(message.get("delta"))
        return False

    def last_words(self) -> tuple[Event, ...]:
        """The items that are whole are kept; one that was being written is not."""
        if not self._begun or self.is_complete:
            return ()
        ended = {
            "status": "incomplete",
            "incomplete_details": {"reason": "max_output_tokens"},
            "output": self._items,
        }
        kind = "response.incomplete"
        word = {
            "type": kind,
            "sequence_number": self._sequence + 1,
            "response": self._begun | ended,
        }
        return (said(kind, word),)

    def _end(self, response: dict[str, Any]) -> None:
        self.is_complete = True
        self._read_response(response)
        if response.get("error") is not None:
            self.read_error(response["error"])

    def _read_response(self, response: dict[str, Any]) -> None:
        self.response_id = as_text(response.get("id")) or self.response_id
        self.model = as_text(response.get("model")) or self.model
        self.service_tier = tier_of(response) or self.service_tier
        why = as_object(response.get("incomplete_details")).get("reason")
        self.finish_reason = as_text(why) or as_text(response.get("status")) or self.finish_reason
        if response.get("usage") is not None:
            told = responses_usage(response["usage"], self.service_tier, self._provider)
            self.usage = told or self.usage

    def _read_item(self, item: dict[str, Any]) -> None:
        kind = item.get("type")
        if isinstance(kind, str) and acts(kind, item):
            id_ = as_text(item.get("call_id")) or as_text(item.get("id"))
            self.add_tool(id_, as_text(item.get("name")) or kind.removesuffix("_call"))


RUN_BY_PROVIDER = frozenset(
    [
        "web_search_call",
        "file_search_call",
        "code_interpreter_call",
        "image_generation_call",
        "mcp_call",
    ]
)


def acts(kind: str, item: dict[str, Any]) -> bool:
    """Items that ask the client to do something; what ran at the provider is already done. A call
    of a kind we do not know is one that asks."""
    if kind == "tool_search_call":
        return item.get("execution") != "server"
    if kind == "shell_call":
        return as_object(item.get("environment")).get("type") in (None, "local")
    is_call = kind.endswith("_call") and kind not in RUN_BY_PROVIDER
    return is_call or kind == "mcp_approval_request"
