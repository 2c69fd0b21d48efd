"""How reading grows with what is read: hostile answers, requests, tool calls, framings and codings.

    python -m benchmarks.hostile [--json FILE]

Each row is timed at n, 4n and 16n (the best of three): the ratio between the last two is 4 for
work that is linear, and 16 for work that is quadratic. A ratio above 10 is marked: where a buffer
outgrows one kind of memory for another, linear work may jump once.
"""

import argparse
import gzip
import json
import time
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import brotli  # type: ignore[import-untyped]  # It ships no types.
import zstandard

from proxy.actions import action_of
from proxy.actions.action import read_script
from proxy.actions.statements import kinds_of
from proxy.providers.answer import AnswerReader
from proxy.providers.call import BadRequest, FormatName, ModelCall
from proxy.providers.decoding import ContentDecoder
from proxy.providers.formats import FORMATS, format_named
from proxy.providers.framing import framing_of
from proxy.providers.recognise import recognise, recognise_shape

SUSPICIOUS = 10.0
SIZES = (8 * 1024, 32 * 1024, 128 * 1024)

ANSWERS: Mapping[str, tuple[str, Callable[[int], bytes], int]] = {
    # Content type, bytes of that size, and the size of the pieces.
    "one line that never ends": ("text/event-stream", lambda n: b"data: " + b"x" * n, 64),
    "a byte at a time": ("text/event-stream", lambda n: b"data: {}\n\n" * (n // 10), 1),
    "empty lines": ("text/event-stream", lambda n: b"\n" * n, 4096),
    "carriage returns": ("text/event-stream", lambda n: b"\r" * n, 1),
    "data lines without an event": ("text/event-stream", lambda n: b"data:\n" * (n // 6), 64),
    "comments": ("text/event-stream", lambda n: b":\n" * (n // 2), 64),
    "tool calls": (
        "text/event-stream",
        lambda n: b"".join(
            b'data: {"choices":[{"index":%d,"delta":{"tool_calls":[{"index":%d,"id":"a"}]}}]}\n\n'
            % (i, i)
            for i in range(n // 70)
        ),
        4096,
    ),
    "one tool call's arguments": (
        "text/event-stream",
        lambda n: (
            b'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"x"}}]}}]}\n\n'
            * (n // 90)
        ),
        4096,
    ),
    "open brackets": ("application/json", lambda n: b"[" * n, 64),
    "an array of objects": ("application/json", lambda n: b"[" + b"{}," * (n // 3) + b"{}]", 64),
    "a string that never ends": ("application/json", lambda n: b'[{"a":"' + b"\\\\" * (n // 2), 64),
    "one JSON object in pieces": ("application/json", lambda n: b'{"a":"' + b"x" * n + b'"}', 64),
    "deep JSON": ("application/json", lambda n: b'{"a":' + b"[" * n + b"]" * n + b"}", 4096),
    "many digits": ("application/json", lambda n: b'{"usage":' + b"9" * n + b"}", 4096),
    "lines without an end": ("application/x-ndjson", lambda n: b"x" * n, 64),
    "empty frames": ("application/vnd.amazon.eventstream", lambda n: _frame(b"") * (n // 80), 16),
    "a frame that never ends": (
        "application/vnd.amazon.eventstream",
        lambda n: _frame(b"x" * n)[:-4],
        64,
    ),
}

REQUESTS: Mapping[str, Callable[[int], bytes]] = {
    "one long text": lambda n: _asked([{"role": "user", "content": "x" * n}]),
    "many messages": lambda n: _asked([{"role": "user", "content": "x"}] * (n // 32)),
    "many blocks": lambda n: _asked(
        [{"role": "user", "content": [{"type": "text", "text": "x"}] * (n // 32)}]
    ),
    "many members": lambda n: _asked([], **{f"m{i}": 1 for i in range(n // 12)}),
    "deep": lambda n: _asked([{"role": "user", "content": _deep(min(n // 40, 120))}] * (n // 2000)),
    "too deep": lambda n: b'{"model":"gpt-4o","messages":' + b"[" * n,
    "escapes": lambda n: (
        b'{"model":"gpt-4o","messages":[{"role":"user","content":"%s"}]}' % (b"\\u0041" * (n // 6))
    ),
    "white space": lambda n: b'{"model":"gpt-4o",' + b" " * n + b'"messages":[]}',
    "a key twice, at the end": lambda n: (
        b'{"model":"gpt-4o","messages":[],"a":"' + b"x" * n + b'","a":1}'
    ),
    "digits": lambda n: b'{"model":"gpt-4o","messages":[],"max_tokens":' + b"9" * n + b"}",
    "tools": lambda n: _asked(
        [], tools=[{"type": "function", "function": {"name": "f"}}] * (n // 50)
    ),
}

ACTIONS: Mapping[str, Callable[[int], tuple[str, dict[str, str]]]] = {
    # A tool and its arguments.
    "many commands": lambda n: ("Bash", {"command": "ls a;" * (n // 5)}),
    "one long command": lambda n: ("Bash", {"command": "ls " + "a " * (n // 2)}),
    "nested substitutions": lambda n: ("Bash", {"command": "echo " + "$(ls " * (n // 5)}),
    "nested shells": lambda n: ("Bash", {"command": "sh -c '" * (n // 7)}),
    "pipes": lambda n: ("Bash", {"command": "cat a" + " | sort" * (n // 7)}),
    "quotes that never end": lambda n: ("Bash", {"command": "'\"" * (n // 2)}),
    "here-documents": lambda n: ("Bash", {"command": "cat <<A\n" * (n // 8)}),
    "assignments": lambda n: ("Bash", {"command": "a=b " * (n // 4) + "rm"}),
    "braces": lambda n: ("Bash", {"command": "rm {a,b}" + "{a,b}" * (n // 5)}),
    "statements of SQL": lambda n: ("query", {"sql": "delete from t where a = 1;" * (n // 26)}),
    "calls in SQL": lambda n: ("query", {"sql": "select a" + ".f()" * (n // 4)}),
    "brackets in SQL": lambda n: ("query", {"sql": "select " + "(union " * (n // 7)}),
    "casts in SQL": lambda n: ("query", {"sql": "select 1" + "::a exists()" * (n // 12)}),
    "many SQL texts": lambda n: (
        "Bash",
        {"command": "".join(f"psql -c 'select {i}';" for i in range(n // 20))},
    ),
    "Python": lambda n: ("Bash", {"command": 'python -c "' + "f(" * (n // 2) + '"'}),
    "a path": lambda n: ("Read", {"file_path": "a/../" * (n // 5)}),
    "a patch": lambda n: ("apply_patch", {"patch": "*** Update File: a\n" * (n // 19)}),
}

CODINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "gzip, empty members": lambda data: gzip.compress(b"") * (len(data) // 20),
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}


def _frame(payload: bytes) -> bytes:
    from proxy.providers.event_stream import EventStreamParser
    from proxy.providers.sse import Event

    return EventStreamParser().write(Event("chunk", payload, b""))


def _asked(messages: list[object], **more: object) -> bytes:
    return json.dumps({"model": "gpt-4o", "max_tokens": 5, "messages": messages, **more}).encode()


def _deep(depth: int) -> object:
    made: object = "x"
    for _ in range(depth):
        made = [made]
    return made


PLAIN: ModelCall = format_named("openai.chat", "openai").read_request(_asked([]))


def _read(name: FormatName, kind: str, data: bytes, step: int, *, hide: bool) -> None:
    wire = format_named(name, name.partition(".")[0])
    reader: AnswerReader = wire.answer_reader(PLAIN, {"content-type": kind}, hide_usage=hide)
    for at in range(0, len(data), step):
        reader.feed(data[at : at + step])
    reader.close()


def _cut(kind: str, data: bytes, step: int) -> None:
    framing = framing_of(kind, data[:1], keep_raw=True)
    if framing is not None:
        for at in range(0, len(data), step):
            for _ in framing.feed(data[at : at + step]):
                pass
        framing.finish()


def _ask(data: bytes) -> None:
    recognise("llm.example", 443, "POST", "/v1/chat/completions", {})
    recognise_shape("llm.example", 443, "/v1/chat/completions", data)
    wire = format_named("openai.chat", "openai")
    try:
        call = wire.read_request(data)
        wire.amend(data, call, output_tokens=4, ask_usage=True)
    except BadRequest:
        pass


def _decode(coding: str, data: bytes) -> None:
    decoder = ContentDecoder(coding)
    for at in range(0, len(data), 64):
        decoder.feed(data[at : at + 64])


def _understand(asked: tuple[str, dict[str, str]]) -> None:
    for forget in (kinds_of, read_script):
        forget.cache_clear()  # It would tell the second time from memory.
    action_of(*asked)


def _best(work: Callable[[], None]) -> float:
    """Seconds, the least of three: noise only adds."""
    found = []
    for _ in range(3):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return min(found)


def rows() -> Mapping[str, list[Callable[[], None]]]:
    """What is timed: a name, and the same work at each size."""
    found: dict[str, list[Callable[[], None]]] = {}
    for what, (kind, make, step) in ANSWERS.items():
        made = [make(size) for size in SIZES]
        found[f"framing: {what}"] = [lambda d=d, k=kind, s=step: _cut(k, d, s) for d in made]
        for name in FORMATS:
            for hide in (False, True) if name == "openai.chat" else (False,):
                label = f"{name}{', hiding usage' if hide else ''}: {what}"
                found[label] = [
                    lambda d=d, k=kind, s=step, n=name, h=hide: _read(n, k, d, s, hide=h)
                    for d in made
                ]
    for what, ask in REQUESTS.items():
        bodies = [ask(size) for size in SIZES]
        found[f"request: {what}"] = [lambda d=d: _ask(d) for d in bodies]
    for what, asks in ACTIONS.items():
        calls = [asks(size) for size in SIZES]
        found[f"tool call: {what}"] = [lambda c=c: _understand(c) for c in calls]
    for what, pack in CODINGS.items():
        coding = what.partition(",")[0]
        packed = [pack(bytes(range(256)) * (size // 16)) for size in SIZES]
        found[f"coding: {what}"] = [lambda d=d, c=coding: _decode(c, d) for d in packed]
    return found


def main() -> None:
    """Print the table, and write the figures where --json says."""
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("--json", type=Path)
    parse.add_argument("--only", default="", help="rows whose name begins so")
    options = parse.parse_args()
    figures: dict[str, list[float]] = {}
    print(f"{'what':<64} | {'ms at n':>8} | {'4n':>8} | {'16n':>8} | ratio")
    for what, works in rows().items():
        if not what.startswith(options.only):
            continue
        took = [_best(work) * 1000 for work in works]
        ratio = took[2] / took[1] if took[1] else 0.0
        figures[what] = [*took, ratio]
        is_odd = ratio > SUSPICIOUS and took[2] > 1
        if is_odd or not what.startswith(tuple(FORMATS)) or what.startswith("openai.chat"):
            times = " | ".join(f"{each:8.2f}" for each in took)
            print(f"{what:<64} | {times} | {ratio:5.1f}{' !' if is_odd else ''}", flush=True)
    worst = max(figures, key=lambda what: figures[what][3] if figures[what][2] > 1 else 0.0)
    print(f"\n{len(figures)} rows; the steepest is {worst}: {figures[worst][3]:.1f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
