"""Recorded exchanges, from any folder of .jsonl, .jsonl.gz or .json files (one object a line)."""

import gzip
import ipaddress
import json
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

UNRECORDED = (
    b'{"model":"unrecorded","messages":[],"input":"?","prompt":"?",'
    b'"contents":[],"message":"?","texts":["?"]}'
)
"""Stands in for a request that a recorder left out, so that its answer can be read."""

type Pairs = tuple[tuple[str, str], ...]
type Frames = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, content codings undone."""

    where: str
    """File and line, for finding it again."""
    host: str
    port: int
    is_plain: bool
    """Without TLS: a server on the recorder's own machine."""
    method: str
    path: str
    status: int
    sent: Pairs
    """The request's headers as they were recorded."""
    request: bytes
    content_type: str
    """The request's."""
    received: Pairs
    """The answer's headers as they were recorded; a codings' and a length's may not fit the body."""
    coding: str
    """The content coding that the answer had on the wire; empty for none."""
    streams: bool
    answer: bytes
    piece_bytes: int = 0
    """The answer is served in pieces of this size; 0 for sizes of its own."""
    cut_at: float = 1.0
    """The answer breaks off after this share of its bytes."""

    @property
    def headers(self) -> dict[str, str]:
        """The answer's, names in lower case, without codings and lengths."""
        found: dict[str, str] = {}
        for name, value in self.received:
            lowered = name.lower()
            if lowered not in ("content-encoding", "content-length", "transfer-encoding"):
                found[lowered] = f"{found[lowered]}, {value}" if lowered in found else value
        return found

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (80 if self.is_plain else 443) else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Session:
    """A recorded WebSocket: its frames in order."""

    where: str
    host: str
    port: int
    path: str
    frames: Frames
    """Each has `direction` (sent, received, or none for a close), `kind` and `data`."""

    @property
    def connections(self) -> list[Frames]:
        """The messages of each connection: after a recorded close comes the next one."""
        found: list[list[Mapping[str, Any]]] = [[]]
        for frame in self.frames:
            if frame["kind"] == "close":
                found.append([])
            else:
                found[-1].append(frame)
        return [tuple(each) for each in found if each]


def exchanges_in(folder: Path) -> Iterator[Exchange]:
    """Every HTTP exchange in the folder, files in order of their names."""
    for where, row in _rows(folder):
        if not _is_socket(row):
            yield _exchange(where, row)


def sessions_in(folder: Path) -> Iterator[Session]:
    """Every WebSocket session in the folder."""
    for where, row in _rows(folder):
        if _is_socket(row):
            host, port, _ = _place(str(row["host"]))
            yield Session(where, host, port, str(row["path"]), tuple(row.get("frames") or ()))


def _rows(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for file in sorted(folder.iterdir()):
        if file.name.endswith(".jsonl.gz"):
            text = gzip.decompress(file.read_bytes()).decode()
        elif file.suffix in (".jsonl", ".json"):
            text = file.read_text("utf-8")
        else:
            continue
        # Not splitlines(): JSON strings may hold other line ends than \n as they are.
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                yield f"{file.name}:{number}", json.loads(line)


def _is_socket(row: Mapping[str, Any]) -> bool:
    is_named = str(row["method"]).upper() == "WEBSOCKET"
    return is_named or row.get("status") == 101 or bool(row.get("frames"))


def _exchange(where: str, row: dict[str, Any]) -> Exchange:
    host, port, is_plain = _place(str(row["host"]))
    method = str(row["method"]).upper()
    received = _pairs(row.get("response_headers"))
    kinds = {value.partition(";")[0].strip() for name, value in received if _is_type(name)}
    return Exchange(
        where=where,
        host=host,
        port=port,
        is_plain=is_plain,
        method=method,
        path=row["path"],
        status=row.get("status") or 200,  # A recorder that kept none kept an answer all the same.
        sent=_pairs(row.get("request_headers")),
        request=_body(row, "request_body") or (UNRECORDED if method == "POST" else b""),
        content_type=row.get("request_content_type") or "application/json",
        received=received,
        coding=row.get("content_encoding_was") or "",
        streams=bool(row.get("streaming")) or "text/event-stream" in kinds,
        answer=_body(row, "response_body"),
    )


def _is_type(name: str) -> bool:
    return name.lower() == "content-type"


def _place(authority: str) -> tuple[str, int, bool]:
    """Host, port, and whether it is spoken to without TLS: on this machine, or by a bare name."""
    host, port = authority, ""
    if authority.startswith("["):
        host, _, port = authority[1:].partition("]")
        port = port.removeprefix(":")
    elif authority.count(":") == 1:
        host, _, port = authority.partition(":")
    is_plain = port == "80" or (port != "443" and ("." not in host or _is_address(host)))
    return host, int(port) if port else 80 if is_plain else 443, is_plain


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _pairs(headers: Any) -> Pairs:
    """Recorders write a header's values as one string, or as a list of them."""
    found = headers.items() if isinstance(headers, dict) else headers or ()
    return tuple(
        (str(name), str(value))
        for name, values in found
        for value in (values if isinstance(values, list | tuple) else [values])
        if value is not None
    )


def _body(row: Mapping[str, Any], name: str) -> bytes:
    value = row.get(name)
    if value is None:
        return b""
    if not isinstance(value, str):
        return json.dumps(value).encode()
    is_base64 = row.get(f"{name}_encoding") == "base64"
    return b64decode(value) if is_base64 else value.encode("utf-8", "surrogatepass")
