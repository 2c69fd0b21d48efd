"""Bytes nobody should send, grown from recorded ones: the same from the same seed."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from proxy.providers.event_stream import EventStreamParser
from proxy.providers.sse import Event

_RAW = "@raw:{}@"
_WRITTEN = {
    "deep list": "[" * 50_000 + "]" * 50_000,
    "deep object": '{"a":' * 50_000 + "1" + "}" * 50_000,
    "nest within reach": "[" * 900 + "]" * 900,
    "objects within reach": '{"a":' * 900 + "1" + "}" * 900,
    "many digits": "9" * 20_000,
    "huge number": "1e999",
    "tiny number": "-1e-999",
    "not a number": "NaN",
    "negative": "-1",
    "beyond 64 bits": str(2**64),
    "a float": "1.5",
    "half a pair": '"\\ud800"',
    "a NUL": '"\\u0000"',
    "long text": json.dumps("x" * 60_000),
    "many items": "[" + ",".join("0" for _ in range(20_000)) + "]",
    "many objects": "[" + ",".join("{}" for _ in range(20_000)) + "]",
    "many names": "{" + ",".join(f'"k{n}":1' for n in range(5_000)) + "}",
}
"""Values as they stand in JSON: some, no JSON library would write."""

_PLAIN: tuple[Any, ...] = (None, True, False, "", [], {}, [None], {"": None}, 0, "text", [[]], [{}])


def mutants(data: bytes, seed: str, count: int) -> Iterator[bytes]:
    """Broken copies: half by their bytes, half by their meaning, where they have one."""
    chance = random.Random(seed)
    for number in range(count):
        made = _by_meaning(data, chance) if number % 2 else None
        yield _by_bytes(data, chance) if made is None else made


def _by_bytes(data: bytes, chance: random.Random) -> bytes:
    if not data:
        return bytes(chance.randrange(256) for _ in range(20))
    at, size = chance.randrange(len(data)), chance.randrange(1, 40)
    hostile = bytes(chance.choice((0, 10, 13, 34, 44, 58, 91, 92, 123, 125, 255)) for _ in range(3))
    match chance.randrange(7):
        case 0:
            flipped = bytearray(data)
            for _ in range(chance.randrange(1, 9)):
                flipped[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            return bytes(flipped)
        case 1:
            return data[:at]
        case 2:
            return data[at:]
        case 3:
            return data[:at] + data[at : at + size] * chance.randrange(2, 50) + data[at:]
        case 4:
            return data[:at] + data[at + size :]
        case 5:
            return data[:at] + hostile + data[at:]
        case _:
            return data[:at] + b"\xff\xfe\xed\xa0\x80" + data[at:]


def _by_meaning(data: bytes, chance: random.Random) -> bytes | None:
    """One value of one JSON object in it is swapped for one of another kind."""
    whole = _parsed(data)
    if whole is not None:
        return _swapped(whole, chance)
    frames = EventStreamParser()
    events = list(frames.feed(data))
    if events and not frames.has_overflowed:
        at = chance.randrange(len(events))
        inner = _parsed(events[at].data)
        payload = _by_bytes(events[at].data, chance) if inner is None else _swapped(inner, chance)
        events[at] = Event(events[at].name, payload, b"")
        return b"".join(map(frames.write, events))
    lines = data.split(b"\n")
    found = [n for n, line in enumerate(lines) if _parsed(line.removeprefix(b"data:")) is not None]
    if not found:
        return None
    at = chance.choice(found)
    prefix = b"data: " if lines[at].startswith(b"data:") else b""
    lines[at] = prefix + _swapped(_parsed(lines[at].removeprefix(b"data:")), chance)
    return b"\n".join(lines)


def _parsed(data: bytes) -> Any:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None


def _swapped(value: Any, chance: random.Random) -> bytes:
    places = list(_places(value))
    if places:
        put = chance.choice(places)
        name = chance.choice(list(_WRITTEN))
        put(_RAW.format(name) if chance.random() < 0.5 else chance.choice(_PLAIN))
    text = json.dumps(value)
    for name, written in _WRITTEN.items():
        text = text.replace(f'"{_RAW.format(name)}"', written)
    return text.encode("utf-8", "surrogatepass")


def _places(value: Any) -> Iterator[Callable[[Any], None]]:
    """Where a value may be put: every member and every item, at every depth."""
    pending = [value]
    while pending:
        each = pending.pop()
        for key in each if isinstance(each, dict) else range(len(each)):
            yield lambda new, each=each, key=key: each.__setitem__(key, new)  # type: ignore[misc]
            if isinstance(each[key], dict | list):
                pending.append(each[key])
