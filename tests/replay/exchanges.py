"""Recorded exchanges, from any folder of .jsonl, .jsonl.gz or .json files (one object a line)."""

import gzip
import json
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

UNRECORDED = b'{"model":"unrecorded","messages":[]}'
"""Stands in for a request that a recorder left out, so that its answer can be read."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, content codings undone."""

    where: str
    """File and line, for finding it again."""
    host: str
    port: int
    method: str
    path: str
    status: int
    request: bytes
    content_type: str
    """The request's."""
    headers: dict[str, str]
    """The answer's, names in lower case, without codings and lengths."""
    answer: bytes


def exchanges_in(folder: Path) -> Iterator[Exchange]:
    """Every HTTP exchange in the folder, files in order of their names."""
    for file in sorted(folder.iterdir()):
        if file.name.endswith(".jsonl.gz"):
            lines = gzip.decompress(file.read_bytes()).decode().splitlines()
        elif file.suffix in (".jsonl", ".json"):
            lines = file.read_text().splitlines()
        else:
            continue
        for number, line in enumerate(lines, 1):
            if line.strip():
                exchange = _exchange(f"{file.name}:{number}", json.loads(line))
                if exchange is not None:
                    yield exchange


def _exchange(where: str, row: dict[str, Any]) -> Exchange | None:
    method = str(row["method"]).upper()
    if method == "WEBSOCKET" or row["status"] == 101 or row.get("frames"):
        return None
    host, _, port = str(row["host"]).partition(":")
    is_plain = host in ("localhost", "127.0.0.1", "0.0.0.0")
    dropped = ("content-encoding", "content-length", "transfer-encoding")
    return Exchange(
        where=where,
        host=host,
        port=int(port) if port else 80 if is_plain else 443,
        method=method,
        path=row["path"],
        status=row["status"] or 200,  # A recorder that kept none kept an answer all the same.
        request=_body(row, "request_body") or UNRECORDED,
        content_type=row.get("request_content_type") or "application/json",
        headers={
            name.lower(): value if isinstance(value, str) else ", ".join(value)
            for name, value in (row["response_headers"] or {}).items()
            if name.lower() not in dropped
        },
        answer=_body(row, "response_body"),
    )


def _body(row: dict[str, Any], name: str) -> bytes:
    value = row.get(name)
    if value is None:
        return b""
    if not isinstance(value, str):
        return json.dumps(value).encode()
    is_base64 = row.get(f"{name}_encoding") == "base64"
    return b64decode(value) if is_base64 else value.encode()
