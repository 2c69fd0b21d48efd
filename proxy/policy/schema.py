"""The policy file's words, as pydantic models: what a person may write, and nothing else.

This is the part of the language that needs no rules: where agents may go, which models they may
use, what they may spend. Rules about single actions join it as another section.
"""

import ipaddress
import re
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from proxy.budgets.windows import Window
from proxy.hosts import normalise
from proxy.money import NANOUSD_MAX, nanousd
from proxy.policy.rule_schema import Rule

Unit = Literal["usd", "tokens", "requests", "tool_calls"]
Dimension = Literal["org", "agent", "session", "task", "model"]
UnknownPricing = Literal["refuse", "dearest"]
Method = Annotated[str, AfterValidator(lambda text: _method(text))]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _method(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{1,20}", text):
        raise ValueError(f"{text!r} is not an HTTP method")
    return text.upper()


def _host_pattern(text: str) -> str:
    """`name` or `*.name`; a star elsewhere, or alone, was never meant."""
    stem = text.removeprefix("*.")
    name = normalise(stem) if "*" not in stem else None
    if name is None:
        raise ValueError(
            f"{text!r} is not a host: write a name, or *.name for the names below it. "
            "To allow every host, set egress.default: allow"
        )
    return text[: len(text) - len(stem)] + name


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise ValueError(f"{text!r} is not a network such as 10.1.0.0/16: {error}") from None


class Selector(_Model):
    """Whom a policy is for; an absent list is everyone. `*` stands for any characters."""

    orgs: tuple[str, ...] | None = None
    agents: tuple[str, ...] | None = None


class Route(_Model):
    """One place that agents may go."""

    host: Annotated[str, AfterValidator(_host_pattern)]
    ports: tuple[Annotated[int, Field(ge=1, le=65535)], ...] = (443,)
    methods: tuple[Method, ...] | None = None
    paths: tuple[str, ...] | None = None
    """Globs on the path without its query; `*` stands for any characters, `/` included."""

    @field_validator("paths")
    @classmethod
    def _rooted(cls, paths: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for path in paths or ():
            if not path.startswith("/"):
                raise ValueError(f"{path!r} does not start with /")
        return paths


class Egress(_Model):
    """Where agents may go."""

    default: Literal["allow", "deny"] = "deny"
    allow: tuple[Route, ...] = ()
    deny: tuple[Route, ...] = ()
    networks: tuple[Annotated[str, AfterValidator(_network)], ...] = ()
    """Private networks that an allowed name may resolve into. Metadata services never."""


class Models(_Model):
    """Which models agents may use; globs on the model's name, deny first."""

    allow: tuple[str, ...] = ("*",)
    deny: tuple[str, ...] = ()
    unknown_price: UnknownPricing = "refuse"
    """`dearest` holds and charges a model without a price at the dearest rate that is known."""


class Answers(_Model):
    """What becomes of answers under way."""

    client_leaves: Literal["drain", "cancel", "forfeit"] | None = None
    """When nobody waits for an answer any more: read it on, to know what it cost (what happens when
    no policy says anything); cancel it, and charge what was seen; or cancel and charge the whole
    hold."""
    drain_s: Annotated[int, Field(ge=1, le=3600)] | None = None
    """How long an answer is read on before it is cancelled after all; 120 unless set."""
    refusals: Literal["error", "message"] = "error"
    """How a model call is told that a rule of this policy refuses it: as its provider's own error, or as
    an assistant's message (200) that says why."""


def _whole(value: object) -> object:
    """Dollars stay text until they are integers: YAML's floats cannot hold them."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


class Budget(_Model):
    """One limit: what the calls that share a scope may use within a window."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    per: tuple[Dimension, ...] = ("org",)
    """Each combination of these has an allowance of its own; `org` is always one of them."""
    window: Window = "total"
    usd: Annotated[str, BeforeValidator(_whole)] | None = None
    tokens: Annotated[int, Field(ge=0, le=NANOUSD_MAX)] | None = None
    requests: Annotated[int, Field(ge=0, le=NANOUSD_MAX)] | None = None
    tool_calls: Annotated[int, Field(ge=0, le=NANOUSD_MAX)] | None = None
    """Tool calls that are let through: of answers, to MCP servers, and asked about by hooks."""
    on_exceed: Literal["refuse", "fit", "extend", "hold"] = "refuse"
    """`fit` lowers the call's output bound to what remains, and says so in a header. `extend` holds a
    little of a streamed answer at first and more as it flows, and ends it when there is no more.
    `hold` asks a person for more, and the call waits."""
    fit_floor: Annotated[int, Field(ge=1)] = 256
    """With `fit` and `extend`: the fewest output tokens that are worth a call."""

    @field_validator("usd")
    @classmethod
    def _dollars(cls, text: str | None) -> str | None:
        if text is not None:
            nanousd(text)
        return text

    def limits(self) -> tuple[tuple[Unit, int], ...]:
        """(unit, cap) of every unit that is limited; usd in nano-dollars."""
        caps: list[tuple[Unit, int]] = []
        if self.usd is not None:
            caps.append(("usd", nanousd(self.usd)))
        if self.tokens is not None:
            caps.append(("tokens", self.tokens))
        if self.requests is not None:
            caps.append(("requests", self.requests))
        if self.tool_calls is not None:
            caps.append(("tool_calls", self.tool_calls))
        return tuple(caps)

    @field_validator("per")
    @classmethod
    def _distinct(cls, per: tuple[Dimension, ...]) -> tuple[Dimension, ...]:
        if len(set(per)) != len(per):
            raise ValueError("a dimension is named twice")
        return per


class Trigger(_Model):
    """Stops somebody by itself when something happens."""

    on: Literal["canary", "loop", "budget_spent"]
    """A canary would leave; the same thing is asked again and again; a budget is spent to its cap."""
    do: Literal["kill", "quarantine"]
    scope: Literal["session", "agent", "org"] = "session"
    """What is stopped of whoever did it."""
    more_than: Annotated[int, Field(ge=1)] | None = None
    """Of `loop`: so often within the hour; 20 unless set."""
    budget: str | None = None
    """Of `budget_spent`: which one of this policy."""

    @model_validator(mode="after")
    def _has_its_own(self) -> Self:
        if (self.budget is None) is (self.on == "budget_spent"):
            raise ValueError("`budget` names the budget of `on: budget_spent`, and of nothing else")
        if self.more_than is not None and self.on != "loop":
            raise ValueError("`more_than` is for `on: loop`")
        return self


class Tools(_Model):
    """Tools that agents may use, where no rule says otherwise."""

    default: Literal["allow", "deny"] = "allow"


class Policy(_Model):
    """One policy file."""

    policy: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    version: Annotated[int, Field(ge=1)]
    description: str = ""
    applies_to: Selector = Selector()
    enforce: bool = True
    """False is a dry run: what would have been refused is recorded, and passes."""
    egress: Egress = Egress()
    models: Models = Models()
    answers: Answers = Answers()
    tools: Tools = Tools()
    rules: tuple[Rule, ...] = ()
    budgets: tuple[Budget, ...] = ()
    triggers: tuple[Trigger, ...] = ()

    @field_validator("rules")
    @classmethod
    def _distinct_ids(cls, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        ids = [rule.id for rule in rules]
        for id_ in ids:
            if ids.count(id_) > 1:
                raise ValueError(f"two rules have the id {id_!r}")
        return rules

    @field_validator("budgets")
    @classmethod
    def _limits_something(cls, budgets: tuple[Budget, ...]) -> tuple[Budget, ...]:
        names = [budget.name for budget in budgets]
        for budget in budgets:
            if not budget.limits():
                raise ValueError(
                    f"budget {budget.name!r} limits nothing: give usd, tokens, requests or tool_calls"
                )
            if names.count(budget.name) > 1:
                raise ValueError(f"two budgets are named {budget.name!r}")
        return budgets

    @model_validator(mode="after")
    def _triggers_name_budgets(self) -> Self:
        names = {budget.name for budget in self.budgets}
        for trigger in self.triggers:
            if trigger.budget is not None and trigger.budget not in names:
                raise ValueError(
                    f"a trigger names the budget {trigger.budget!r}, which is not here"
                )
        return self
