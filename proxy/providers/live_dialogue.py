"""Gemini's Live sessions: each turn is a call (wire.md 1.4; pure)."""

from typing import Any

from proxy.providers.answer import as_count, as_list, as_object, as_text, parse_object
from proxy.providers.body import Json, read_body, whole_number
from proxy.providers.call import MODEL_NAME, BadRequest
from proxy.providers.dialogue import ALONE, Dialogue, DialogueName, Ended, Heard, Turn
from proxy.providers.gemini_answer import GenerateAnswer
from proxy.providers.sse import Event
from proxy.providers.usage import Usage, UsagePart, total_of

_TURNS = ("client_content", "clientContent", "realtime_input", "realtimeInput")
_GOES_ON = ("tool_response", "toolResponse")


class LiveDialogue(Dialogue):
    """One turn at a time; sound may begin one whenever the model hears that somebody spoke."""

    name: DialogueName = "gemini.live"

    def __init__(self, provider: str, path: str) -> None:
        super().__init__(provider, path)
        self._model = ""
        self._output_tokens_max: int | None = None
        self._hosted: tuple[str, ...] = ()
        self._is_over = False
        """The turn ended, and its usage has not come yet."""
        self._is_answered = False

    def sent(self, data: bytes) -> Turn | None:
        members = read_body(data).members
        if "setup" in members:
            self._set_up(as_object(members["setup"]))
            return None
        if not any(name in members for name in (*_TURNS, *_GOES_ON)):
            return self._open(("message:?",))
        return None if ALONE in self._answers else self._open(self._hosted)

    def received(self, data: bytes) -> Heard:
        heard = Heard()
        message = parse_object(data)
        if message is None:
            return heard
        content = as_object(message.get("serverContent"))
        works = bool(content.get("modelTurn") or message.get("toolCall"))
        if ALONE not in self._answers and (works or "usageMetadata" in message) and self._model:
            heard.begun = self._open(self._hosted)
        answer = self._answers.get(ALONE)
        if answer is None:
            return heard
        heard.lane = ALONE
        self._is_answered = self._is_answered or works
        answer.read_event(Event("", data, b""))
        self._is_over = self._is_over or content.get("turnComplete") is True
        if self._is_over and answer.usage is not None:
            answer.is_complete = True
            self.forget(ALONE)
            heard.ended.append(Ended(ALONE))
        return heard

    def forget(self, lane: str) -> None:
        super().forget(lane)
        self._is_over = self._is_answered = False

    def idle(self) -> tuple[str, ...]:
        """Nothing of an answer was seen."""
        return (ALONE,) if ALONE in self._answers and not self._is_answered else ()

    def refusal(self, status: int, error: dict[str, Any]) -> None:
        """Live knows no error message: it closes with a reason."""

    def _set_up(self, setup: Json) -> None:
        named = (as_text(setup.get("model")) or "").rpartition("models/")[2]
        if not MODEL_NAME.fullmatch(named):
            raise BadRequest("setup.model is not a valid model name", "model")
        self._model = named
        settings = as_object(setup.get("generationConfig") or setup.get("generation_config"))
        bounds = [whole_number(settings, name) for name in ("maxOutputTokens", "max_output_tokens")]
        self._output_tokens_max = max((each for each in bounds if each is not None), default=None)
        kinds = {
            kind
            for tool in as_list(setup.get("tools"))
            for kind in as_object(tool)
            if kind not in ("functionDeclarations", "function_declarations")
        }
        self._hosted = tuple(sorted(f"hosted_tool:{kind[:64]}" for kind in kinds))

    def _open(self, reasons: tuple[str, ...]) -> Turn:
        if not self._model:
            raise BadRequest("the first message must be setup", "setup")
        call = self._session_call(
            "gemini.live",
            self._model,
            output_tokens_max=self._output_tokens_max,
            unbounded=reasons,
        )
        return self._begin(ALONE, call, LiveAnswer())


class LiveAnswer(GenerateAnswer):
    """Every report of usage is of one more sampling: a turn with a tool call has several."""

    def __init__(self) -> None:
        super().__init__()
        self._samplings: list[UsagePart] = []

    def read_event(self, event: Event) -> bool:
        message = parse_object(event.data) or {}
        content = as_object(message.get("serverContent"))
        if content:
            self.read_candidate({"content": as_object(content.get("modelTurn"))})
        for asked in map(
            as_object, as_list(as_object(message.get("toolCall")).get("functionCalls"))
        ):
            self.add_tool(asked.get("id"), asked.get("name"))
        if content.get("turnComplete") is True:
            self.finish_reason = "interrupted" if content.get("interrupted") else "turn_complete"
        if message.get("usageMetadata") is not None:
            self._add(_usual(as_object(message["usageMetadata"])))
        return False

    def _add(self, reported: dict[str, Any]) -> None:
        sampling = GenerateAnswer()
        sampling.read_usage(reported)
        told = sampling.usage
        if told is None:
            return
        self._samplings.append(UsagePart(None, told))
        several = len(self._samplings) > 1
        self.usage = total_of(tuple(self._samplings), Usage(0, 0)) if several else told


def _usual(reported: dict[str, Any]) -> dict[str, Any]:
    """Live calls candidates responses."""
    spelled = {"responseTokenCount": "candidatesTokenCount"}
    spelled["responseTokensDetails"] = "candidatesTokensDetails"
    found = {spelled.get(name, name): value for name, value in reported.items()}
    if as_count(found.get("candidatesTokenCount")) is None:
        found.pop("candidatesTokenCount", None)
    return found
