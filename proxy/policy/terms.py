"""The terms of one caller: every policy that applies to it, compiled to quick answers (pure)."""

import fnmatch
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from proxy.budgets import Limit
from proxy.policy.addresses import Network
from proxy.policy.facts import Facts
from proxy.policy.loader import LoadedPolicy
from proxy.policy.permits import Asker, InForce
from proxy.policy.rule_schema import Rule
from proxy.policy.rules import Compiled, RateAsked, Rules
from proxy.policy.schema import Budget, Route, Trigger, UnknownPricing
from proxy.slip import Destination, Identity, Ruled

OnExceed = Literal["refuse", "fit", "extend", "hold"]
ClientLeaves = Literal["drain", "cancel", "forfeit"]

_DRAIN_S = 120
_BY_STRICTNESS: tuple[ClientLeaves, ...] = ("forfeit", "drain", "cancel")
"""Forfeiting never charges too little; draining knows; cancelling guesses."""

_DIMENSIONS = ("org", "agent", "session", "task", "model")
_LIMITS_MAX = 4096


@dataclass(frozen=True, slots=True)
class Answer:
    """A policy's word on one question."""

    allowed: bool
    rule: str
    reason: str = ""
    enforced: bool = True
    bypass: str = ""
    """The id of the bypass by which it passes, where its rule refuses."""

    @property
    def passes(self) -> bool:
        """Allowed, or refused by a policy that only watches, or bypassed."""
        return self.allowed or not self.enforced or bool(self.bypass)

    @property
    def note(self) -> str:
        """In a stamp."""
        if self.bypass:
            return f"{self.rule}; passes by the bypass {self.bypass}"
        return self.rule if self.allowed else f"{self.rule}, not enforced"


@dataclass(frozen=True, slots=True)
class BudgetedLimit:
    """A limit with what its budget does when a call does not fit."""

    limit: Limit
    on_exceed: OnExceed
    fit_floor: int


class TaskLimits(Protocol):
    """Who knows what the task that a call is made for may cost, beside what the policies say."""

    async def of(self, who: Identity) -> tuple[BudgetedLimit, ...]:
        """The limits as they are now; in a moment they may be others."""


class _Globs:
    """Globs of which one must match. `fnmatch` compiles `*` to atomic groups: linear time."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._any = "*" in patterns or "/*" in patterns or "/**" in patterns
        union = "|".join(fnmatch.translate(pattern) for pattern in patterns) or r"(?!)"
        self._pattern = re.compile(union)

    def match(self, text: str) -> bool:
        return self._any or self._pattern.match(text) is not None


class _Routes:
    """Routes found by host: exact names in a table, `*.name` by walking up the labels."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._exact: dict[str, list[tuple[int, Route, _Globs | None]]] = {}
        self._below: dict[str, list[tuple[int, Route, _Globs | None]]] = {}
        for index, route in enumerate(routes):
            globs = _Globs(route.paths) if route.paths is not None else None
            stem = route.host.removeprefix("*.")
            table = self._exact if stem == route.host else self._below
            table.setdefault(stem, []).append((index, route, globs))

    def find(self, to: Destination, method: str, path: str) -> int | None:
        """Index of the first route that covers this request."""
        found = self._covering(self._exact.get(to.host, ()), to, method, path)
        parent = to.host
        while found is None and "." in parent and self._below:
            parent = parent.partition(".")[2]
            found = self._covering(self._below.get(parent, ()), to, method, path)
        return found

    @staticmethod
    def _covering(
        routes: Sequence[tuple[int, Route, _Globs | None]], to: Destination, method: str, path: str
    ) -> int | None:
        for index, route, globs in routes:
            if (
                to.port in route.ports
                and (route.methods is None or method in route.methods)
                and (globs is None or globs.match(path))
            ):
                return index
        return None


class CompiledPolicy:
    """One policy, ready to answer."""

    def __init__(self, loaded: LoadedPolicy) -> None:
        self.policy = policy = loaded.policy
        self.id = loaded.id
        self.name = policy.policy
        self.enforced = policy.enforce
        self.opens_by_default = policy.egress.default == "allow"
        self.allow = _Routes(policy.egress.allow)
        self.deny = _Routes(policy.egress.deny)
        self.models_allow = _Globs(policy.models.allow)
        self.models_deny = _Globs(policy.models.deny)
        self.unknown_price = policy.models.unknown_price
        self.networks: tuple[Network, ...] = tuple(
            ipaddress.ip_network(text) for text in policy.egress.networks
        )
        self.budgets = policy.budgets if policy.enforce else ()
        self.answers = policy.answers
        self._told_by = {
            f"{policy.policy}/rules.{rule.id}": rule.answer for rule in policy.rules if rule.answer
        }
        self._rules = Rules(policy.rules, policy.policy)
        self._tools_default = policy.tools.default
        self.rules_tools = policy.tools.default == "deny" or any(map(_is_on_tools, policy.rules))
        self.triggers = policy.triggers if policy.enforce else ()
        self.asks_for_secrets = any(rule.match.secrets is not None for rule in policy.rules) or any(
            trigger.on == "canary" for trigger in self.triggers
        )
        selector = policy.applies_to
        self._orgs = _Globs(selector.orgs) if selector.orgs is not None else None
        self._agents = _Globs(selector.agents) if selector.agents is not None else None

    def applies_to(self, org: str, agent: str) -> bool:
        return (self._orgs is None or self._orgs.match(org)) and (
            self._agents is None or self._agents.match(agent)
        )

    def ruled(self, facts: Facts) -> Ruled:
        """What this policy's rules say, or its default."""
        rule = self._rules.first(facts)
        if rule is not None:
            return self._by(rule)
        default = self._tools_default if facts.kind == "tool" else "allow"
        said = f"{self.name}/{'tools' if facts.kind == 'tool' else 'rules'}.default"
        reason = "no rule allows this tool" if default == "deny" else ""
        return Ruled(default, said, reason, self.enforced)

    def next_rate(self, facts: Facts) -> RateAsked | None:
        """The first rule that would decide but for a rate that nobody has answered."""
        return self._rules.next_rate(facts)

    def rates_on_tools(self, facts: Facts) -> list[RateAsked]:
        """The rates that a tool call of this caller may count against."""
        return self._rules.rates_on_tools(facts)

    def tells_by_message(self, rule: str) -> bool:
        """Whether a model call that this rule refuses is answered with a message."""
        return self._told_by.get(rule, self.answers.refusals) == "message"

    @property
    def counts(self) -> bool:
        """Some rule has a rate."""
        return self._rules.count

    def explained(self, facts: Facts) -> list[tuple[Ruled, str | None]]:
        """Every rule in order, with the criterion that it misses."""
        return [(self._by(rule), missed) for rule, missed in self._rules.every(facts)]

    def _by(self, rule: Compiled) -> Ruled:
        return Ruled(rule.decision, rule.name, rule.reason, self.enforced)

    def egress(self, to: Destination, method: str, path: str) -> Answer:
        denied = self.deny.find(to, method, path)
        if denied is not None:
            rule = f"{self.name}/egress.deny[{denied}]"
            return Answer(False, rule, f"{to.authority} is denied", self.enforced)
        allowed = self.allow.find(to, method, path)
        if allowed is not None:
            return Answer(True, f"{self.name}/egress.allow[{allowed}]")
        rule = f"{self.name}/egress.default"
        if self.opens_by_default:
            return Answer(True, rule)
        reason = f"{method} {to.authority} is on no list of places that agents may go"
        return Answer(False, rule, reason, self.enforced)

    def model(self, name: str) -> Answer:
        if self.models_deny.match(name):
            rule = f"{self.name}/models.deny"
            return Answer(False, rule, f"the model {name} is denied", self.enforced)
        if self.models_allow.match(name):
            return Answer(True, f"{self.name}/models.allow")
        rule = f"{self.name}/models.allow"
        return Answer(False, rule, f"the model {name} is not on the list of models", self.enforced)


class Terms:
    """What all policies that apply to one (org, agent) say; the stricter word wins."""

    def __init__(self, policies: Sequence[CompiledPolicy], permits: InForce | None = None) -> None:
        self.policies = self._policies = tuple(policies)
        self.permits = permits or InForce()
        """What people allow beside them, at this moment."""
        self.rules_tools = any(policy.rules_tools for policy in policies)
        """Some rule may refuse a tool, so answers that ask for tools are read before they pass."""
        self.asks_for_secrets = any(policy.asks_for_secrets for policy in policies)
        self.counts = any(policy.counts for policy in policies)
        """Some rule has a rate, so what it is asked about is counted first."""
        self.policy_ids = tuple(policy.id for policy in policies)
        self.triggers: tuple[tuple[str, Trigger], ...] = tuple(
            (policy.name, trigger) for policy in policies for trigger in policy.triggers
        )
        """With the name of the policy that each stands in."""
        self._budgets: tuple[Budget, ...] = tuple(
            budget for policy in policies for budget in policy.budgets
        )
        self.networks: tuple[Network, ...] = _common_networks(policies)
        enforced = {policy.unknown_price for policy in policies if policy.enforced}
        self.unknown_price: UnknownPricing = "dearest" if enforced == {"dearest"} else "refuse"
        """What becomes of a model without a price; one enforced policy that refuses is enough."""
        said = {policy.answers.client_leaves for policy in policies}
        self.client_leaves: ClientLeaves = next((w for w in _BY_STRICTNESS if w in said), "drain")
        """What becomes of an answer that nobody waits for."""
        self.drain_s = max(
            (each.answers.drain_s for each in policies if each.answers.drain_s), default=_DRAIN_S
        )
        self._limits: dict[tuple[str | None, ...], tuple[BudgetedLimit, ...]] = {}

    def tells_by_message(self, rule: str) -> bool:
        """Whether a model call that this rule refuses is answered with an assistant's message; the
        policy that it stands in says so."""
        name = rule.partition("/")[0]
        return any(each.name == name and each.tells_by_message(rule) for each in self._policies)

    @property
    def is_empty(self) -> bool:
        """No policy applies: everything is refused."""
        return not self._policies

    @property
    def spends_are_limited(self) -> bool:
        """Some budget counts dollars or tokens, so an unknown price cannot pass."""
        return any(budget.usd is not None or budget.tokens is not None for budget in self._budgets)

    @property
    def budgets_ask_people(self) -> bool:
        """Some budget asks a person for more."""
        return any(budget.on_exceed == "hold" for budget in self._budgets)

    @property
    def tool_calls_are_limited(self) -> bool:
        """Some budget counts tool calls, so answers that ask for them are read before they pass."""
        return any(budget.tool_calls is not None for budget in self._budgets)

    def next_rate(self, facts: Facts) -> RateAsked | None:
        """A rate that has to be asked for before these facts can be decided; None when there is none
        left to ask for."""
        if not self.counts:
            return None
        found = (policy.next_rate(facts) for policy in self._policies)
        return next((asked for asked in found if asked is not None), None)

    def rates_on_tools(self, facts: Facts) -> list[RateAsked]:
        """The rates that this caller's tool calls may count against."""
        return [asked for policy in self._policies for asked in policy.rates_on_tools(facts)]

    def egress(self, to: Destination, method: str, path: str, asker: Asker | None = None) -> Answer:
        """May this caller send this request there? `path` without its query. Bypasses hold for whoever
        is named."""
        answers = [policy.egress(to, method, path) for policy in self._policies]
        return _strictest(self._past(answers, asker))

    def model(self, name: str, asker: Asker | None = None) -> Answer:
        """May this caller use this model?"""
        return _strictest(self._past([policy.model(name) for policy in self._policies], asker))

    def _past(self, answers: list[Answer], asker: Asker | None) -> list[Answer]:
        if asker is None or not self.permits.bypasses:
            return answers
        found = [None if it.passes else self.permits.bypass(it.rule, asker) for it in answers]
        return [
            answer if bypass is None else replace(answer, bypass=bypass.id)
            for answer, bypass in zip(answers, found, strict=True)
        ]

    def limits(
        self, identity: Identity, model: str | None, at_ms: int | None = None
    ) -> tuple[BudgetedLimit, ...]:
        """The limits that one call counts against: a budget per model binds only model calls. With
        what is granted on top at that moment, where one is named."""
        who = identity
        return self.limits_for(who.org, who.agent, who.session, who.task, model, at_ms)

    def limits_for(
        self,
        org: str,
        agent: str | None,
        session: str | None,
        task: str | None,
        model: str | None,
        at_ms: int | None = None,
    ) -> tuple[BudgetedLimit, ...]:
        """The same for somebody who names only some dimensions: budgets per another are left out."""
        key = (org, agent, session, task, model)
        known = self._limits.get(key)
        if known is None:
            if len(self._limits) >= _LIMITS_MAX:
                self._limits.clear()  # Sessions come and go; the table must stay small.
            values = dict(zip(_DIMENSIONS, key, strict=True))
            known = self._limits[key] = tuple(
                each for budget in self._budgets for each in _limits(budget, values)
            )
        if at_ms is None or not self.permits.grants_any:
            return known
        return tuple(replace(it, limit=self.permits.raised(it.limit, at_ms)) for it in known)


def _is_on_tools(rule: Rule) -> bool:
    """Could this rule refuse a tool?"""
    kinds = rule.match.kinds
    return rule.decision != "allow" and (kinds is None or "tool" in kinds)


def _limits(budget: Budget, values: dict[str, str | None]) -> list[BudgetedLimit]:
    scope: list[tuple[str, str]] = []
    for dimension in ("org", *(each for each in budget.per if each != "org")):
        value = values[dimension]
        if value is None:
            return []
        scope.append((dimension, value))
    return [
        BudgetedLimit(
            Limit(budget.name, tuple(scope), unit, budget.window, cap),
            budget.on_exceed,
            budget.fit_floor,
        )
        for unit, cap in budget.limits()
    ]


def _strictest(answers: Sequence[Answer]) -> Answer:
    """An enforced refusal before a watched one before a yes; the first of its kind."""
    for answer in answers:
        if not answer.passes:
            return answer
    for answer in answers:
        if not answer.allowed:
            return answer
    if answers:
        return answers[0]
    return Answer(False, "no-policy", "no policy applies to this caller")


def _common_networks(policies: Sequence[CompiledPolicy]) -> tuple[Network, ...]:
    """Networks that every enforced policy names: a private address needs all of them to agree."""
    enforced = [policy.networks for policy in policies if policy.enforced]
    if not enforced:
        return tuple(network for policy in policies for network in policy.networks)
    first, *rest = enforced
    return tuple(network for network in first if all(network in others for others in rest))
