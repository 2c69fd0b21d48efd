"""Google's SDK for Gemini."""

from collections.abc import Callable, Sequence
from typing import Any

from google import genai
from google.genai import types

from tests.journeys.sdks.act import (
    HELLO,
    KEY,
    SCHEMA,
    TOOL,
    WISH,
    Acts,
    Door,
    Refused,
    Sdk,
    Told,
    plain,
)

MODEL = "gemini-2.5-flash"


def asked(text: str, **more: Any) -> dict[str, Any]:
    """What is generated from."""
    config = types.GenerateContentConfig(max_output_tokens=50, **more)
    return {"model": MODEL, "contents": text, "config": config}


def tools() -> dict[str, Any]:
    """The tool, which the SDK shall not call by itself."""
    function = types.FunctionDeclaration(name=TOOL, parameters_json_schema=SCHEMA)
    return {
        "tools": [types.Tool(function_declarations=[function])],
        "automatic_function_calling": types.AutomaticFunctionCallingConfig(disable=True),
    }


def of_chunks(chunks: Sequence[Any], data: Any = None) -> Told:
    """A stream, or the one answer."""
    names = [call.name for chunk in chunks for call in chunk.function_calls or []]
    usage = chunks[-1].usage_metadata
    data = plain(list(chunks) if data is None else data)
    return Told(data, usage.prompt_token_count, usage.candidates_token_count, names)


def _by(act: Callable[[Any], Told]) -> Callable[[Door], Told]:
    def run(door: Door) -> Told:
        options = types.HttpOptions(
            base_url=door.base, api_version="v1beta", headers=dict(door.headers)
        )
        with genai.Client(api_key=KEY, vertexai=False, http_options=options) as client:
            return act(client.models)

    return run


ACTS: Acts = {
    "answers": _by(lambda it: of_chunks([it.generate_content(**asked(HELLO))])),
    "streams": _by(lambda it: of_chunks(list(it.generate_content_stream(**asked(HELLO))))),
    "asks for a tool": _by(lambda it: of_chunks([it.generate_content(**asked(WISH, **tools()))])),
    "streams a tool call": _by(
        lambda it: of_chunks(list(it.generate_content_stream(**asked(WISH, **tools()))))
    ),
}
SDKS = [
    Sdk(
        "google-genai",
        provider="google",
        route="gemini",
        host="generativelanguage.googleapis.com",
        model=MODEL,
        acts=ACTS,
        budget=Refused("ClientError", 429),
        policy=Refused("ClientError", 403),
        status_of=lambda error: int(error.code),
    )
]
