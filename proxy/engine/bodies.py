"""Request bodies as the addons read them: content-decoded, up to a size."""

from mitmproxy import http

from proxy.providers.decoding import decode_all

__all__ = ["BodyError", "decoded_body"]


class BodyError(ValueError):
    """A body that cannot be decoded; the message is for the caller."""


def decoded_body(request: http.Request, bytes_max: int) -> bytes:
    """The body without its content codings. Raises BodyError: unknown, broken, or too large."""
    raw = request.raw_content or b""
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding in ("", "identity"):
        return raw
    decoded = decode_all(raw, coding, bytes_max)
    if decoded is None:
        raise BodyError(f"The body cannot be decoded as {coding[:40]!r}.")
    return decoded
