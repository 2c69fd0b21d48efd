"""A message of Exeat's own is one that Exeat itself, like any client, reads whole from its format."""

import json

import pytest

from proxy.providers.call import FormatName
from proxy.providers.formats import FORMATS, format_named
from proxy.providers.spoken import Message, spoken
from proxy.providers.tool_gate import Ruling, ToolGate

TEXT = "[Exeat: “no” \n data: [DONE] {}]"
PATHS = {"cohere.chat": "/v2/chat", "ollama.chat": "/api/chat"}
SPEAKS = (
    "openai.chat",
    "openai.completions",
    "openai.responses",
    "anthropic.messages",
    "gemini.generate",
    "bedrock.converse",
    "cohere.chat",
    "ollama.chat",
)
BODIES = {
    "anthropic.messages": {
        "model": "m",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "hi"}],
    },
    "openai.responses": {"model": "m", "input": "hi"},
    "openai.completions": {"model": "m", "prompt": "hi"},
    "gemini.generate": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
    "bedrock.converse": {"messages": [{"role": "user", "content": [{"text": "hi"}]}]},
}
ASKED_AT = {
    "gemini.generate": "/v1beta/models/m:streamGenerateContent?alt=sse",
    "bedrock.converse": "/model/m/converse-stream",
    **PATHS,
}


def message(name: str, *, streaming: bool, **more: object) -> Message:
    path = PATHS.get(name, "")
    return Message(TEXT, "m", "01a2", 1_795_000_000, streaming, path, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", SPEAKS)
def test_it_is_complete_says_stop_and_used_nothing(name: FormatName, streaming: bool) -> None:
    said = spoken(name, message(name, streaming=streaming))
    assert said is not None
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]} | {"stream": streaming}
    data = json.dumps({**BODIES.get(name, body), "stream": streaming}).encode()
    wire = format_named(name, "openai")
    call = wire.read_request(data, ASKED_AT.get(name, "/"))
    reader = wire.answer_reader(call, {"content-type": said.content_type})
    for at in range(len(said.body)):  # One byte at a time, as a network may have it.
        reader.feed(said.body[at : at + 1])
    reader.close()
    assert reader.complete
    assert reader.error is None
    assert reader.tool_calls == ()
    assert reader.finish_reason in ("stop", "end_turn", "STOP", "COMPLETE", "completed")
    assert reader.usage is None or (reader.usage.input_tokens, reader.usage.output_tokens) == (0, 0)
    gate = ToolGate(
        name, "openai", {"content-type": said.content_type}, lambda _: Ruling(allowed=False)
    )
    assert gate.feed(said.body) + gate.close() == said.body, "it asks for no tool"
    assert json.dumps(TEXT).encode()[1:-1] in said.body or TEXT.encode() in said.body


def test_geminis_array_is_one() -> None:
    said = spoken("gemini.generate", message("gemini.generate", streaming=True, is_array=True))
    assert said is not None
    assert isinstance(json.loads(said.body), list)


@pytest.mark.parametrize("name", sorted(set(FORMATS) - set(SPEAKS)))
def test_where_nobody_reads_a_message_there_is_none(name: FormatName) -> None:
    assert spoken(name, message(name, streaming=False)) is None


def test_coheres_old_chat_has_none() -> None:
    old = Message(TEXT, "m", "01a2", 1, False, "/v1/chat")
    assert spoken("cohere.chat", old) is None
