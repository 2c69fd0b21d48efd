"""An endpoint: one thing that can be asked over HTTP, described once (pure).

The same description serves requests, says who may ask, and is printed as OpenAPI. The console's server
and the one behind exeat.internal both read it; neither handler nor model knows which server it is.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

Role = Literal["anyone", "agent", "metrics", "viewer", "approver", "admin"]
"""Who may ask. `agent` is whoever the corridor has identified, at exeat.internal; a later one of viewer,
approver and admin may do all that an earlier one may."""


class Model(BaseModel):
    """What is asked or answered. An unknown field is an error: it was meant to be another."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Nothing(Model):
    """No query, no body, or an answer without a word."""


@dataclass(frozen=True, slots=True)
class Asked[Who, Query, Body]:
    """One request to an endpoint, read and validated."""

    who: Who
    query: Query
    body: Body
    path: Mapping[str, str] = field(default_factory=dict)
    """The parts of the path that its pattern names."""
    last_event_id: str | None = None
    """The last event that whoever asks has seen, where it resumes a stream."""


class Problem(Exception):  # noqa: N818 -- the word of RFC 9457, not an error of ours
    """An answer that is no success: a status, a machine's code, and what to do next. `message` quotes
    neither a secret nor a prompt."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class ProblemModel(Model):
    """How a problem is told: `{"error": {"code": …, "message": …}}`."""

    class Error(Model):
        code: str
        message: str

    error: Error


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is more than its model: of another status, with headers, or no JSON."""

    body: BaseModel | str | AsyncGenerator[bytes]
    """Bytes that come by and by are sent as they come, and the generator is closed when whoever asked
    has gone; what breaks on the way breaks the connection."""
    status: int | None = None
    """None is the endpoint's own."""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Endpoint[Who]:
    """Who may ask what, and what comes back."""

    method: Method
    path: str
    """With parts in braces: `/api/calls/{which}`."""
    role: Role
    handle: Callable[[Asked[Who, Any, Any]], Awaitable[BaseModel | Reply]]
    """Its docstring's first line is the summary in the OpenAPI document. Raises Problem."""
    answer: type[BaseModel]
    query: type[BaseModel] = Nothing
    body: type[BaseModel] = Nothing
    status: int = 200
    problems: tuple[int, ...] = ()
    """Statuses of the problems that it raises by itself, beside those every endpoint has: 400 for what
    cannot be read, 401 and 403 for who may not ask, 503 while a store does not answer."""
    others: Mapping[int, type[BaseModel]] = field(default_factory=dict)
    """What comes back with another status that is no problem's, by a Reply."""
    passes_on: str = ""
    """Whose errors come back beside our own, as they came and with their own status; empty: nobody's.
    Of an error's body nothing is promised then."""
    kinds: tuple[str, ...] = ()
    """Content types that a Reply of success may have, beside or in place of JSON."""
    tag: str = ""
    """The heading that it stands under in the documentation."""

    @property
    def summary(self) -> str:
        """What it does, in a line."""
        return (self.handle.__doc__ or "").strip().partition("\n")[0]
