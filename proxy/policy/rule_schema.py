"""A rule as a person writes it: who, what, when, and then what (pydantic models)."""

import difflib
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import re2  # type: ignore[import-untyped]  # It ships no types.
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)

from proxy.actions import STATEMENTS, Category, CommandPattern
from proxy.budgets.windows import Window
from proxy.money import NANOUSD_MAX, nanousd
from proxy.slip import Ruling

Kind = Literal["http", "llm", "tool"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.max_mem = 8 << 20


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _pattern(text: str) -> str:
    try:
        re2.compile(text, _OPTIONS)
    except re2.error as error:
        raise ValueError(
            f"{text!r} is not a regular expression of RE2: {error}. RE2 has no look-arounds and no "
            "back-references: it matches in linear time"
        ) from None
    return text


def _command(text: str) -> str:
    CommandPattern.parse(text)
    return text


def _one_of(known: frozenset[str], what: str) -> AfterValidator:
    def check(text: str) -> str:
        if text not in known:
            close = difflib.get_close_matches(text.lower()[:64], known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise ValueError(f"{text!r} is no {what}; there are {', '.join(sorted(known))}{hint}")
        return text

    return AfterValidator(check)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone; write one such as Europe/Berlin") from None
    return name


def _dollars(value: object) -> object:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _amount(text: str) -> str:
    nanousd(text)
    return text


Globs = tuple[Annotated[str, Field(min_length=1)], ...]
Regex = Annotated[str, AfterValidator(_pattern)]
Hour = Annotated[int, Field(ge=0, le=24)]


class Time(_Model):
    """When a rule holds."""

    hours: tuple[Hour, Hour] = (0, 24)
    """From the first, up to and without the second; over midnight where the second is smaller."""
    days: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"


class Rate(_Model):
    """More than so many in a window: the rule matches only what comes above it."""

    more_than: Annotated[int, Field(ge=0, le=NANOUSD_MAX)]
    window: Window = "minute"
    per: Literal["org", "agent", "session"] = "agent"


class Match(_Model):
    """Criteria: all of those that are given, and of each list one."""

    kinds: tuple[Kind, ...] | None = None
    orgs: Globs | None = None
    agents: Globs | None = None
    sessions: Globs | None = None
    hosts: Globs | None = None
    ports: tuple[Annotated[int, Field(ge=1, le=65535)], ...] | None = None
    methods: Globs | None = None
    paths: Globs | None = None
    providers: Globs | None = None
    models: Globs | None = None
    tools: Globs | None = None
    categories: (
        tuple[Annotated[str, _one_of(frozenset(get_args(Category)), "category")], ...] | None
    ) = None
    targets: Globs | None = None
    """Globs on the files, addresses and hosts that a tool would touch; `**` crosses folders."""
    except_targets: Globs | None = None
    """Targets that do not count for `targets`: what all of one may stand for is meant by one of these."""
    commands: tuple[Annotated[str, AfterValidator(_command)], ...] | None = None
    """Patterns on the commands that a shell would run, as they are parsed."""
    statements: tuple[Annotated[str, _one_of(STATEMENTS, "kind of SQL")], ...] | None = None
    text: tuple[Regex, ...] | None = None
    """RE2 on a tool's arguments."""
    secrets: Globs | None = None
    """Kinds of secrets that would leave; `*` is any."""
    time: Time | None = None
    costs_more_than: Annotated[str, BeforeValidator(_dollars), AfterValidator(_amount)] | None = (
        None
    )
    """Dollars that the call may cost at most."""
    identity_weaker_than: Literal["token", "listener", "proxy_credentials"] | None = None
    repeats_more_than: Annotated[int, Field(ge=0)] | None = None
    rate: Rate | None = None

    @field_validator("methods")
    @classmethod
    def _upper(cls, methods: Globs | None) -> Globs | None:
        return tuple(method.upper() for method in methods) if methods is not None else None

    @field_validator("except_targets")
    @classmethod
    def _of_some(cls, globs: Globs | None, info: ValidationInfo) -> Globs | None:
        if globs is not None and info.data.get("targets") is None:
            raise ValueError("it takes targets away from `targets`, and there are none beside it")
        return globs


class Rule(_Model):
    """One rule. Of those that match, the one with the lowest priority counts; then the first."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    decision: Ruling
    priority: Annotated[int, Field(ge=0, le=10_000)] = 100
    reason: Annotated[str, Field(max_length=500)] = ""
    """Told to whoever is refused: what is not allowed, and what would be."""
    answer: Literal["error", "message"] | None = None
    """How a model call is told of it; as `answers.refusals` of the policy says, unless set."""
    match: Match = Match()
