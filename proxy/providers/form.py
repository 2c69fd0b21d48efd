"""A multipart/form-data body read strictly (RFC 7578): a form that every parser reads alike, or a
refusal (pure, sans-io).

As with JSON, two parsers that disagree are two prices: a field given twice, a part that is a file
to one and a text to the other, anything before the first boundary or after the last.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from multipart import (  # type: ignore[import-untyped]  # It ships no types.
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
)

from proxy.providers.body import Body, Json, read_body
from proxy.providers.call import BadRequest

PARTS_MAX = 256
"""Fields and files of one form; OpenAI takes 16 images at most."""

FIELD_BYTES_MAX = 1024 * 1024
"""One field that is text; a prompt is at most 32,000 characters."""

_TYPE = re.compile(
    r'multipart/form-data[ \t]*;[ \t]*boundary=(?:"([^"\\]+)"|([^"\\;,\s]+))[ \t]*', re.IGNORECASE
)
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=?-]{1,70}")
_NAME = r"([A-Za-z0-9_.-]{1,64})((?:\[[A-Za-z0-9_.-]{0,64}\]){0,2})"
_DISPOSITION = re.compile(
    rf'form-data; ?name=(?:"{_NAME}"|([A-Za-z0-9_.-]{{1,64}}))'
    r'(?:; ?filename=("[^"\\]{0,255}"|[A-Za-z0-9_.-]{1,255})(?:; ?filename\*=[^;"\s]{1,512})?)?',
    re.IGNORECASE,
)
"""Names with and without quotes, as .NET writes them; nothing escaped, and nothing else."""

_HEADERS = frozenset(
    ["Content-Disposition", "Content-Type", "Content-Length", "Content-Transfer-Encoding"]
)
_CHARSETS = (None, "utf-8", "utf8", "us-ascii")


class File(NamedTuple):
    """`name` is the field's, without brackets."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Form:
    members: Json
    """A field's text by its name. A name with brackets (`image[]`, `voice[id]`) holds a list."""
    files: tuple[File, ...]


def read_fields(
    data: bytes,
    content_type: str,
    *,
    files: frozenset[str] = frozenset(),
    numbers: frozenset[str] = frozenset(),
    flags: frozenset[str] = frozenset(),
) -> tuple[Form, Body | None]:
    """A form or a JSON object, as its content type says; the body is None for a form.

    Of a form, only `files` may be files, and `numbers` and `flags` become what JSON would have them
    be. Raises BadRequest.
    """
    if not content_type.strip().lower().startswith("multipart/"):
        body = read_body(data)
        return Form(body.members, ()), body
    form = read_form(data, content_type)
    for file in form.files:
        if file.name not in files:
            raise BadRequest("a field of the form is a file, and should be text", file.name)
    for name, value in form.members.items():
        if isinstance(value, str) and name in numbers:
            form.members[name] = _number(name, value)
        elif isinstance(value, str) and name in flags:
            form.members[name] = _flag(name, value)
    return form, None


def read_form(data: bytes, content_type: str) -> Form:
    """Raises BadRequest on anything but one form that can be read in one way only."""
    boundary = _boundary(content_type)
    mark = b"--" + boundary.encode("ascii")
    if not data.startswith(mark + b"\r\n") or not data.endswith((mark + b"--", mark + b"--\r\n")):
        raise BadRequest("the form does not begin and end with its boundary")
    try:
        return _Parts().read(boundary, data, data.count(b"\n" + mark))
    except MultipartError:
        raise BadRequest("the body is not valid multipart/form-data") from None


def _boundary(content_type: str) -> str:
    found = _TYPE.fullmatch(content_type.strip())
    boundary = (found[1] or found[2]) if found else ""
    if not _BOUNDARY.fullmatch(boundary):
        raise BadRequest("the Content-Type is not multipart/form-data with one plain boundary")
    return boundary


class _Parts:
    """Gathers the parts of one form as the parser finds them."""

    def __init__(self) -> None:
        self._members: Json = {}
        self._files: list[File] = []
        self._seen: set[str] = set()
        self._parts = 0
        self._bases: dict[str, bool] = {}
        """Each name without its brackets, and whether it had some."""

    def read(self, boundary: str, data: bytes, boundaries: int) -> Form:
        """`boundaries`: how many a careless parser would find; more than there are parts, and it
        would see others."""
        with PushMultipartParser(
            boundary,
            content_length=len(data),
            max_header_size=4096,
            max_header_count=len(_HEADERS),
            max_segment_count=PARTS_MAX,
            strict=True,
        ) as parser:
            segment: MultipartSegment | None = None
            held = bytearray()
            for event in parser.parse(data):
                if isinstance(event, MultipartSegment):
                    segment, held = event, bytearray()
                elif event:
                    held += event
                elif segment is not None:
                    self._add(segment, bytes(held))
        if self._parts != boundaries:
            raise BadRequest("the form's boundary stands inside one of its parts")
        return Form(self._members, tuple(self._files))

    def _add(self, segment: MultipartSegment, data: bytes) -> None:
        self._parts += 1
        headers = [name for name, _ in segment.headerlist]
        if len(set(headers)) < len(headers) or not _HEADERS.issuperset(headers):
            raise BadRequest("a part of the form has headers that may be read in two ways")
        found = _DISPOSITION.fullmatch(segment["Content-Disposition"])
        if found is None:
            raise BadRequest("a part of the form has an unusual Content-Disposition")
        name, brackets = found[1] or found[3], found[2] or ""
        coding = segment.header("Content-Transfer-Encoding", "binary").lower()
        charset = (segment.charset or "utf-8").lower()
        if coding not in ("binary", "8bit", "7bit") or charset not in _CHARSETS:
            raise BadRequest("a part of the form is encoded", name)
        self._note(name, brackets)
        if found[4] is not None:
            self._files.append(File(name, data))
        else:
            self._field(name, brackets, data)

    def _note(self, base: str, brackets: str) -> None:
        if base + brackets in self._seen and not brackets.endswith("[]"):
            raise BadRequest("a field of the form is given twice", base)
        if self._bases.setdefault(base, bool(brackets)) is not bool(brackets):
            raise BadRequest("a field of the form is given with and without brackets", base)
        self._seen.add(base + brackets)

    def _field(self, base: str, brackets: str, data: bytes) -> None:
        if len(data) > FIELD_BYTES_MAX:
            raise BadRequest("a field of the form is too long", base)
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            raise BadRequest("a field of the form is not valid UTF-8", base) from None
        if "\0" in text or text.startswith("\ufeff"):
            raise BadRequest("a field of the form is not plain text", base)
        if brackets:
            self._members.setdefault(base, []).append(text)
        else:
            self._members[base] = text


_DIGITS = re.compile(r"[0-9]{1,10}", re.ASCII)


def _number(name: str, text: str) -> int:
    if not _DIGITS.fullmatch(text):
        raise BadRequest(f"{name} must be an integer", name)
    return int(text)


def _flag(name: str, text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise BadRequest(f"{name} must be true or false", name)
    return text.lower() == "true"
