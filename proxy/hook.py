"""exeat hook claude-code: one event from stdin, asked at exeat.internal, answered in time.

It runs before every tool call, so it loads next to nothing of the house. It is a part of the agent's
machine and not of the proxy: the proxy it asks is the one that its agent goes by.
"""

import base64
import contextlib
import http.client
import queue
import threading
import urllib.request
from collections.abc import Mapping
from typing import BinaryIO
from urllib.parse import urlsplit

from pydantic import ValidationError

from proxy.hooks.claude_code import (
    BEFORE,
    HookEvent,
    Said,
    UnreadableHookError,
    block,
    deny,
    read_event,
    say,
    unreported,
)
from proxy.hooks.contract import CHECK_PATH, REPORT_PATH, ToolCallCheck, ToolCallVerdict
from proxy.identity.claims import is_value

DEADLINE_S = 4.0
"""For everything: reading, dialling, waiting. Claude Code kills a hook later than this, and in many
versions runs the tool of one that it has killed."""
ANSWER_BYTES_MAX = 64 * 1024
INPUT_BYTES_MAX = 64 * 1024 * 1024

_ORIGIN = "http://exeat.internal"


class UnansweredError(Exception):
    """Exeat gave no answer that could be used; the text says why."""


def run(
    stdin: BinaryIO,
    *,
    grants: bool = False,
    asks: bool = False,
    proxies: Mapping[str, str] | None = None,
    deadline_s: float = DEADLINE_S,
) -> Said:
    """Never raises, and never takes longer than the deadline."""
    done: queue.SimpleQueue[Said] = queue.SimpleQueue()
    events: list[HookEvent] = []

    def work() -> None:
        try:
            done.put(_answer(stdin, events, grants, asks, proxies))
        except UnreadableHookError as error:
            done.put(block(f"the hook's input cannot be read: {error}."))
        except UnansweredError as error:
            done.put(_failed(events, str(error)))
        except BaseException as error:  # A crash would let the tool run.
            done.put(_failed(events, f"the hook failed with {type(error).__name__}."))

    # A thread, because a look-up or a slow drip of bytes outlives every timeout of a socket.
    threading.Thread(target=work, daemon=True).start()
    try:
        return done.get(timeout=deadline_s)
    except queue.Empty:
        return _failed(events, f"Exeat gave no answer within {deadline_s:g} s.")


def _answer(
    stdin: BinaryIO,
    events: list[HookEvent],
    grants: bool,
    asks: bool,
    proxies: Mapping[str, str] | None,
) -> Said:
    data = stdin.read(INPUT_BYTES_MAX + 1)
    if len(data) > INPUT_BYTES_MAX:
        raise UnreadableHookError("it is too large")
    event = read_event(data)
    events.append(event)
    if event.question is None:
        return Said()
    is_check = isinstance(event.question, ToolCallCheck)
    body = event.question.model_dump_json(exclude_none=True).encode()
    known = urllib.request.getproxies_environment() if proxies is None else proxies
    answer = _post(known, CHECK_PATH if is_check else REPORT_PATH, body, _headers(event))
    if not is_check:
        return Said()
    try:
        verdict = ToolCallVerdict.model_validate_json(answer)
    except ValidationError:
        raise UnansweredError("Exeat's answer cannot be read.") from None
    return say(verdict, grants=grants, asks=asks)


def _failed(events: list[HookEvent], why: str) -> Said:
    if not events:
        return block(why)
    return deny(why) if events[0].name == BEFORE else unreported(why)


def _headers(event: HookEvent) -> dict[str, str]:
    """Claude Code's own words on who it is, as its model calls carry them."""
    claims = {"X-Claude-Code-Session-Id": event.session, "X-Claude-Code-Agent-Id": event.agent}
    return {name: value for name, value in claims.items() if value and is_value(value)}


def _post(proxies: Mapping[str, str], path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """Through the proxy, whatever NO_PROXY says: the name exists nowhere else."""
    url = next((proxies[name] for name in ("exeat", "https", "http") if proxies.get(name)), None)
    if url is None:
        raise UnansweredError("no proxy is set (EXEAT_PROXY, HTTPS_PROXY or HTTP_PROXY).")
    try:
        connection, own = _dialled(url)
        sent = {"Content-Type": "application/json", **own, **headers}
        with contextlib.closing(connection):
            connection.request("POST", _ORIGIN + path, body, sent)
            with connection.getresponse() as answer:
                read = answer.read(ANSWER_BYTES_MAX + 1)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise UnansweredError(f"Exeat cannot be reached ({type(error).__name__}).") from None
    if answer.status != 200:
        raise UnansweredError(f"Exeat answered with status {answer.status}.")
    if len(read) > ANSWER_BYTES_MAX:
        raise UnansweredError("Exeat's answer is too large.")
    return read


def _dialled(url: str) -> tuple[http.client.HTTPConnection, Mapping[str, str]]:
    """The connection, not opened yet, and the credentials that go on it."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    is_tls = parts.scheme == "https"
    if parts.hostname is None or parts.scheme not in ("http", "https"):
        raise ValueError
    kind = http.client.HTTPSConnection if is_tls else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=DEADLINE_S)
    if parts.username is None:
        return connection, {}
    # As they stand in the URL: a decoded ':' would end the user's name, and Exeat decodes them itself.
    pair = f"{parts.username}:{parts.password or ''}"
    return connection, {
        "Proxy-Authorization": "Basic " + base64.b64encode(pair.encode()).decode("ascii")
    }
