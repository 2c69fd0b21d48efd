"""Looks through what would leave for secrets (pure). It never raises on anything it is given."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from proxy.leaks import redaction
from proxy.leaks.at_home import (
    CREDENTIAL_HEADERS,
    Target,
    is_credential,
    is_in_credentials_place,
    target_of,
)
from proxy.leaks.encoded import decoded, runs_in
from proxy.leaks.exact import ExactStrings
from proxy.leaks.formats import find_formats
from proxy.leaks.guesses import find_assigned, find_random
from proxy.leaks.leak import GUESS, Found, Leak
from proxy.leaks.rules import HIGH_ENTROPY
from proxy.leaks.unescaping import View, plain, through_json, through_percent

_BINARY = (
    "image/",
    "audio/",
    "video/",
    "font/",
    "application/octet-stream",
    "application/zip",
    "application/gzip",
    "application/pdf",
    "application/x-protobuf",
    "application/grpc",
)
"""Content types in which random bytes say nothing. What has a format is looked for all the same."""


class LeakScanner:
    """Knows what must not leave: every format, the canaries, and the operator's own keys."""

    def __init__(
        self,
        *,
        canaries: Collection[str] = (),
        own_keys: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        """`own_keys`: provider to the operator's keys for it. Raises ValueError for a canary that
        is no string of at least 12 printable ASCII characters."""
        self._exact = ExactStrings(canaries, own_keys or {})

    def scan_text(self, text: str, where: str) -> list[Leak]:
        """Any text, such as a tool's arguments. Positions are characters."""
        data = text.encode("utf-8", "surrogatepass")
        return _leaks(self._find(through_json(data), guess=True), where, data)

    def scan_request(
        self,
        url: str,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        content_type: str,
        *,
        provider: str | None,
    ) -> list[Leak]:
        """URL, headers and body, its content coding undone. `provider`: whose host the URL names.

        Positions in the body are bytes, elsewhere characters.
        """
        target = target_of(url, provider)
        return [
            *self._in_url(url, target),
            *(leak for name, value in headers for leak in self._in_header(name, value, target)),
            *self._in_body(body, content_type),
        ]

    def redact(self, body: bytes, leaks: Iterable[Leak]) -> bytes:
        """The body with `[redacted:kind]` for each leak that `scan_request` found in it."""
        return redaction.redact(body, leaks)

    def _in_url(self, url: str, target: Target) -> list[Leak]:
        data = url.encode("utf-8", "surrogatepass")
        found = [
            each
            for each in self._find(plain(data), guess=True)
            if each.kind != HIGH_ENTROPY
            and not (
                is_in_credentials_place(url, each, target)
                and is_credential(each, self._owners(data, each), target)
            )
        ]
        return _leaks(found, "url", data)

    def _in_header(self, name: str, value: str, target: Target) -> list[Leak]:
        data = value.encode("utf-8", "surrogatepass")
        found = self._find(plain(data), guess=False)
        if name.lower() in CREDENTIAL_HEADERS:
            found = [
                each for each in found if not is_credential(each, self._owners(data, each), target)
            ]
        return _leaks(found, f"header:{name.lower()}", data)

    def _in_body(self, body: bytes, content_type: str) -> list[Leak]:
        is_text = not content_type.strip().lower().startswith(_BINARY) and _is_utf8(body)
        found = self._find(through_json(body), guess=is_text)
        return [Leak(each.kind, "body", each.start, each.end, each.encoded) for each in found]

    def _owners(self, data: bytes, found: Found) -> frozenset[str]:
        return frozenset(self._exact.owners(data[found.start : found.end]))

    def _find(self, view: View, *, guess: bool) -> list[Found]:
        """In a text, and in what it decodes to once. Positions are those before the escapes."""
        data = view.data
        runs = runs_in(data)
        found = self._known(data, guess=guess)
        if guess:
            found += find_random(data, runs)
        inner = decoded(data, runs)
        for each in self._known(inner.data, guess=guess):
            start, end, encoding = inner.run_at(each.start)
            found.append(Found(each.kind, start, end, encoding, each.rank))
        percent = through_percent(data)
        if percent.seen:
            for each in self._known(percent.data, guess=guess):
                if percent.touches(each.start, each.end):
                    start, end = percent.origin(each.start, each.end)
                    found.append(Found(each.kind, start, end, "percent", each.rank))
        placed = [
            Found(each.kind, *view.origin(each.start, each.end), each.encoded, each.rank)
            for each in found
        ]
        return _distinct(placed)

    def _known(self, data: bytes, *, guess: bool) -> list[Found]:
        found = self._exact.find(data) + find_formats(data)
        return found + find_assigned(data) if guess else found


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _distinct(found: list[Found]) -> list[Found]:
    """One for each stretch: what lies within a surer one adds nothing, nor does a guess that
    overlaps one."""
    kept: list[Found] = []
    for each in sorted(found, key=lambda each: (each.start, each.rank, -each.end)):
        last = kept[-1] if kept else None
        if last is None or each.start >= last.end:
            kept.append(each)
        elif last.rank <= each.rank:
            if each.end > last.end and each.rank != GUESS:
                kept.append(each)
        elif last.start == each.start or each.end >= last.end or last.rank == GUESS:
            kept[-1] = each
        else:
            kept.append(each)
    return kept


def _leaks(found: list[Found], where: str, data: bytes) -> list[Leak]:
    """With bytes counted as characters; the text is walked once."""
    if data.isascii():
        return [Leak(each.kind, where, each.start, each.end, each.encoded) for each in found]
    places = sorted({place for each in found for place in (each.start, each.end)})
    characters: dict[int, int] = {}
    last = count = 0
    for place in places:
        count += sum(byte & 0xC0 != 0x80 for byte in data[last:place])
        characters[place] = count
        last = place
    return [
        Leak(each.kind, where, characters[each.start], characters[each.end], each.encoded)
        for each in found
    ]
