"""AWS's SDK, asking Bedrock: signed in a tunnel, with a bearer token by base URL."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import boto3
from botocore.config import Config

from tests.journeys.sdks.act import (
    HELLO,
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

MODEL = "anthropic.claude-3-haiku-20240307-v1:0"
HOST = "bedrock-runtime.us-east-1.amazonaws.com"
TOOLS: dict[str, Any] = {
    "tools": [{"toolSpec": {"name": TOOL, "inputSchema": {"json": SCHEMA}}}],
}


def asked(text: str, **more: Any) -> dict[str, Any]:
    """A conversation's arguments."""
    messages = [{"role": "user", "content": [{"text": text}]}]
    return {
        "modelId": MODEL,
        "messages": messages,
        "inferenceConfig": {"maxTokens": 50},
        **more,
    }


def of_converse(said: Any) -> Told:
    """The one answer."""
    blocks = said["output"]["message"]["content"]
    names = [block["toolUse"]["name"] for block in blocks if "toolUse" in block]
    return Told(plain(said), said["usage"]["inputTokens"], said["usage"]["outputTokens"], names)


def of_events(events: Sequence[Any]) -> Told:
    """A stream."""
    starts = [event["contentBlockStart"] for event in events if "contentBlockStart" in event]
    names = [each["start"]["toolUse"]["name"] for each in starts if "toolUse" in each["start"]]
    used = next(event["metadata"]["usage"] for event in events if "metadata" in event)
    return Told(plain(list(events)), used["inputTokens"], used["outputTokens"], names)


def _invoked(client: Any) -> Told:
    body = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 50,
        "messages": [{"role": "user", "content": HELLO}],
    }
    answer = client.invoke_model(modelId=MODEL, body=json.dumps(body))
    said = json.loads(answer["body"].read())
    return Told(plain(said), said["usage"]["input_tokens"], said["usage"]["output_tokens"])


def _by(act: Callable[[Any], Told], kind: str) -> Callable[[Door], Told]:
    def run(door: Door) -> Told:
        session = boto3.Session("AKIDEXAMPLE", "secret", region_name="us-east-1")
        how = Config(signature_version="v4" if door.base else kind)  # A token wants TLS.
        client = session.client("bedrock-runtime", endpoint_url=door.base, config=how)

        def named(request: Any, **_: Any) -> None:
            for name, value in door.headers.items():
                request.headers[name] = value

        client.meta.events.register("before-send", named)
        try:
            return act(client)
        finally:
            client.close()

    return run


def _acts(kind: str) -> Acts:
    return {
        "answers": _by(lambda it: of_converse(it.converse(**asked(HELLO))), kind),
        "streams": _by(
            lambda it: of_events(list(it.converse_stream(**asked(HELLO))["stream"])), kind
        ),
        "asks for a tool": _by(
            lambda it: of_converse(it.converse(**asked(WISH, toolConfig=TOOLS))), kind
        ),
        "streams a tool call": _by(
            lambda it: of_events(
                list(it.converse_stream(**asked(WISH, toolConfig=TOOLS))["stream"])
            ),
            kind,
        ),
        "invokes": _by(_invoked, kind),
    }


def _sdk(name: str, kind: str) -> Sdk:
    return Sdk(
        name,
        provider="aws",
        route="bedrock",
        host=HOST,
        model=MODEL,
        acts=_acts(kind),
        budget=Refused("ServiceQuotaExceededException", 400),
        policy=Refused("AccessDeniedException", 403),
        doors=("tunnel",),
        variables={"AWS_BEARER_TOKEN_BEDROCK": "any", "AWS_EC2_METADATA_DISABLED": "true"},
        status_of=lambda error: int(error.response["ResponseMetadata"]["HTTPStatusCode"]),
        refused_acts=("answers", "streams", "invokes"),
    )


SDKS = [_sdk("boto3, signing", "v4"), _sdk("boto3 with a token", "bearer")]
