"""Content codings undone piece by piece, on a copy, for whoever reads a body that passes unchanged
(pure)."""

import zlib
from collections.abc import Callable
from typing import Protocol

import brotli  # type: ignore[import-untyped]  # It ships no types.
import zstandard

from proxy.providers.call import BadRequest

DECODED_BYTES_MAX = 256 * 1024 * 1024
"""Everything one answer may decode to. Past it a small answer is a bomb, and reading stops."""

_ZSTD_SLICE = (
    256  # A slice of run-length blocks inflates to 8 MB at most; the library takes no limit.
)


class ContentDecoder:
    """Undoes a Content-Encoding header. Failure is a state, never an exception: see
    `has_failed`."""

    def __init__(self, content_encoding: str, bytes_max: int = DECODED_BYTES_MAX) -> None:
        names = [name.strip().lower() for name in content_encoding.split(",")]
        names = [name for name in names if name not in ("", "identity")]
        self._left = bytes_max
        self.has_failed = len(names) > 2 or any(name not in _CODINGS for name in names)
        """True once the coding is unknown, the data is corrupt, or it decodes to too much."""
        codings = [] if self.has_failed else [_CODINGS[name]() for name in reversed(names)]
        self._codings: list[_Coding] = codings

    @property
    def is_identity(self) -> bool:
        return not self._codings and not self.has_failed

    @property
    def is_complete(self) -> bool:
        """The compressed form ended where it says it ends: nothing was cut off."""
        return not self.has_failed and all(coding.is_finished for coding in self._codings)

    def feed(self, data: bytes) -> bytes:
        if self.has_failed:
            return b""
        try:
            for coding in self._codings:
                data = coding.feed(data, self._left)
        except (zlib.error, brotli.error, zstandard.ZstdError, OverflowError):
            self.has_failed = True
            return b""
        self._left -= len(data)
        return data


def decode_body(data: bytes, content_encoding: str, bytes_max: int) -> bytes:
    """A whole request body, decoded. Raises BadRequest when it is corrupt, cut off, or too
    large."""
    decoder = ContentDecoder(content_encoding, bytes_max)
    decoded = decoder.feed(data)
    if not decoder.is_complete:
        raise BadRequest("the body's Content-Encoding is unknown, corrupt or decodes to too much")
    return decoded


class _Coding(Protocol):
    is_finished: bool

    def feed(self, data: bytes, limit: int) -> bytes:
        """Raises OverflowError when more than `limit` bytes would come out."""
        ...


class _Gzip:
    """One gzip member after another, as RFC 1952 allows."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(wbits=31)
        self.is_finished = False

    def feed(self, data: bytes, limit: int) -> bytes:
        out = b""
        while data:
            if self._inflate.eof:
                if not data.startswith(b"\x1f"):
                    break  # Padding or garbage after the last member, as browsers ignore it.
                self._inflate = zlib.decompressobj(wbits=31)
            out += _inflated(self._inflate, data, limit - len(out))
            data = self._inflate.unused_data
        self.is_finished = self._inflate.eof
        return out


class _Deflate:
    """zlib-wrapped as RFC 9110 says, or raw as many servers send it."""

    def __init__(self) -> None:
        self._inflate: zlib._Decompress | None = None
        self.is_finished = False

    def feed(self, data: bytes, limit: int) -> bytes:
        if not data:
            return b""
        if self._inflate is None:
            is_wrapped = data[0] & 0x0F == 8 and data[0] >> 4 <= 7
            self._inflate = zlib.decompressobj(wbits=15 if is_wrapped else -15)
        out = b"" if self._inflate.eof else _inflated(self._inflate, data, limit)
        self.is_finished = self._inflate.eof
        return out


class _Brotli:
    def __init__(self) -> None:
        self._decompressor = brotli.Decompressor()
        self.is_finished = False

    def feed(self, data: bytes, limit: int) -> bytes:
        if self.is_finished:
            return b""
        out: bytes = self._decompressor.process(data, output_buffer_limit=limit + 1)
        if len(out) > limit:
            raise OverflowError
        self.is_finished = self._decompressor.is_finished()
        return out


class _Zstd:
    def __init__(self) -> None:
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=2**27).decompressobj()
        self.is_finished = False

    def feed(self, data: bytes, limit: int) -> bytes:
        pieces: list[bytes] = []
        size = 0
        for start in range(0, len(data), _ZSTD_SLICE):
            if self.is_finished:
                break
            pieces.append(self._decompressor.decompress(data[start : start + _ZSTD_SLICE]))
            size += len(pieces[-1])
            if size > limit:
                raise OverflowError
            self.is_finished = self._decompressor.eof
        return b"".join(pieces)


def _inflated(inflate: "zlib._Decompress", data: bytes, limit: int) -> bytes:
    out = inflate.decompress(data, limit + 1)
    if len(out) > limit:
        raise OverflowError
    return out


_CODINGS: dict[str, Callable[[], _Coding]] = {
    "gzip": _Gzip,
    "x-gzip": _Gzip,
    "deflate": _Deflate,
    "br": _Brotli,
    "zstd": _Zstd,
}
