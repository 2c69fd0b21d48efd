"""A gRPC client through Exeat: it is told no in its own language, once, and the next call goes on."""

import asyncio
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.house import House, house, policy

TARGET = "api.x.ai:443"
METHODS = {"answers": "/xai_api.Chat/GetCompletion", "streams": "/xai_api.Chat/GetCompletionChunk"}


def call(built: House, how: str) -> Any:
    """The error of a call that is made with nothing but the environment of `exeat env`."""
    roots = Path(built.env()["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"]).read_bytes()
    options = [("grpc.enable_retries", 1)]
    with grpc.secure_channel(TARGET, grpc.ssl_channel_credentials(roots), options) as channel:
        if how == "answers":
            ask = channel.unary_unary(METHODS[how])
            with pytest.raises(grpc.RpcError) as caught:
                ask(b"\x0a\x05hello", timeout=20)
        else:
            stream = channel.unary_stream(METHODS[how])
            with pytest.raises(grpc.RpcError) as caught:
                list(stream(b"\x0a\x05hello", timeout=20))
    return caught.value


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What gRPC reads of the environment."""

    def into(built: House) -> None:
        monkeypatch.setenv("https_proxy", built.proxy_url())
        monkeypatch.setenv("no_proxy", "")
        monkeypatch.setenv("no_grpc_proxy", "")
        monkeypatch.delenv("grpc_proxy", raising=False)

    return into


@pytest.mark.parametrize("how", METHODS)
@pytest.mark.parametrize(
    ("text", "code"),
    [(policy(), "format_unsupported"), (policy(egress="  default: deny"), "host_not_allowed")],
    ids=["cannot be metered", "host denied"],
)
async def test_a1_grpc_is_told_permission_denied_with_the_reason_once(
    place: Path, proxied: Any, how: str, text: str, code: str
) -> None:
    async with house(place, text) as built:
        proxied(built)
        error = await asyncio.to_thread(call, built, how)
        (decision,) = await built.records(kind="decision")
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    assert decision["result"]["code"] == code
    assert error.details() == decision["result"]["reason"]
    said = dict(error.trailing_metadata())
    assert said["x-exeat-record"] == decision["id"]
