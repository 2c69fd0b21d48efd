"""Parts of questions and answers that several topics share: numbers, moments, records, files (pure)."""

from collections.abc import AsyncGenerator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from proxy.endpoint import Problem, Reply
from proxy.ledger.moments import moment_ms
from proxy.serving import BAD_QUERY

_DIGITS_MAX = 15
"""Of a number: more are no seq of ours, and SQLite's integers end at 19."""


def is_number(text: str) -> bool:
    """Are these digits of ours, and not too many of them?"""
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX


def _digits(given: Any) -> Any:
    if isinstance(given, str) and not is_number(given):
        raise ValueError("write a positive number")
    return given


def _sayable(text: str) -> str:
    text.encode()  # A lone surrogate is in no record, and no database would take it.
    return text


Count = Annotated[int, BeforeValidator(_digits), Field(ge=1, lt=10**_DIGITS_MAX)]
"""A positive number in a query."""

Text = Annotated[str, AfterValidator(_sayable), Field(max_length=512)]
"""What something must be equal to."""

Moment = Annotated[
    str, Field(description="90s, 30m, 1h, 7d, 2w ago; 2026-11-21; or 2026-11-21T06:00:00Z")
]
"""A moment as people write it; `as_ms` reads it."""

AsFormat = Literal["json", "csv"]
CSV = ("text/csv",)

Record = dict[str, Any]
"""A record of the ledger, in its R6 form."""


def attachment(name: str, body: str | AsyncGenerator[bytes]) -> Reply:
    """A file of comma-separated values, to be kept under that name."""
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Reply(body, content_type="text/csv", headers=headers)


def as_ms(name: str, text: str | None, now_ms: int) -> int | None:
    """The moment in the parameter of that name. Raises Problem 400."""
    if text is None:
        return None
    try:
        return moment_ms(text, now_ms)
    except (ValueError, OverflowError) as error:
        raise Problem(400, BAD_QUERY, f"{name}: {error}") from None
