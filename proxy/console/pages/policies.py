"""Policies: which are in force, read with line numbers, and what is wrong with the files."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from proxy.console.pages.page import Page, frame, page
from proxy.console.ports import Ports
from proxy.endpoint import Problem
from proxy.policy import LoadedPolicy, PolicyBook
from proxy.policy.lines import line_of, rule_lines, split

PATH = "/policies"
_key = re.compile(r"(\s*(?:- )?)([\w.-]+:)(.*)").fullmatch
_PART = "#"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a policy's text, in the parts that are drawn apart."""

    number: int
    indent: str
    key: str
    rest: str
    comment: str
    is_meant: bool
    """The line that the page was opened for."""


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """A policy in force, in short."""

    name: str
    version: int
    digest: str
    path: Path
    description: str
    is_enforced: bool
    orgs: Sequence[str]
    agents: Sequence[str]
    places: int
    rules: int
    budgets: int
    opens_by_default: bool


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule, in short."""

    id: str
    line: int | None
    decision: str
    priority: int
    reason: str


@dataclass(frozen=True, slots=True)
class PoliciesView:
    """All of them."""

    rows: Sequence[PolicyRow]


@dataclass(frozen=True, slots=True)
class PolicyView:
    """One of them, to read."""

    row: PolicyRow
    lines: Sequence[Line]
    rules: Sequence[RuleRow]
    is_changed: bool
    """The file says something else by now."""


def policy_row(loaded: LoadedPolicy) -> PolicyRow:
    """A policy, in short."""
    policy = loaded.policy
    return PolicyRow(
        name=policy.policy,
        version=policy.version,
        digest=loaded.id.rpartition(":")[2],
        path=loaded.path,
        description=policy.description,
        is_enforced=policy.enforce,
        orgs=policy.applies_to.orgs or (),
        agents=policy.applies_to.agents or (),
        places=len(policy.egress.allow),
        rules=len(policy.rules),
        budgets=len(policy.budgets),
        opens_by_default=policy.egress.default == "allow",
    )


def lines_of(text: str, meant: int | None = None) -> Iterator[Line]:
    """A text, line by line. The comment is told apart where it is certain to be one."""
    for number, line in enumerate(split(text), 1):
        body, comment = line, ""
        if line.lstrip().startswith(_PART):
            body, comment = "", line
        elif f" {_PART}" in line and '"' not in line and "'" not in line:
            at = line.index(f" {_PART}")
            body, comment = line[:at], line[at:]
        found = _key(body)
        parts = (found[1], found[2], found[3]) if found else ("", "", body)
        yield Line(number, *parts, comment, number == meant)


def policy_view(loaded: LoadedPolicy, on_disk: str | None, rule: str | None) -> PolicyView:
    """A policy to read, at the rule that is meant."""
    lines = rule_lines(loaded.text)
    meant = line_of(rule, lines) if rule else None
    return PolicyView(
        row=policy_row(loaded),
        lines=list(lines_of(loaded.text, meant)),
        rules=[
            RuleRow(
                each.id, lines.get(f"rules.{each.id}"), each.decision, each.priority, each.reason
            )
            for each in sorted(loaded.policy.rules, key=lambda each: each.priority)
        ],
        is_changed=on_disk is not None and on_disk != loaded.text,
    )


def named(policies: PolicyBook, name: str) -> LoadedPolicy:
    """The policy of that name. Raises Problem 404."""
    for loaded in policies.policies:
        if loaded.policy.policy == name:
            return loaded
    raise Problem(404, "not_found", "No policy of this name is in force.")


def on_disk(path: Path) -> str | None:
    """What the file says; None when it cannot be read."""
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return None


def pages(ports: Ports) -> list[Page]:
    """All policies; one."""

    async def every(request: web.Request) -> web.Response:
        view = PoliciesView([policy_row(each) for each in ports.policies.policies])
        return page("policies.html", frame(ports, request, "Policies", "policies"), view)

    async def one(request: web.Request) -> web.Response:
        loaded = named(ports.policies, request.query.get("name", ""))
        view = policy_view(loaded, on_disk(loaded.path), request.query.get("rule"))
        around = frame(ports, request, f"Policy {view.row.name}", "policies")
        return page("policy.html", around, view)

    return [Page("GET", PATH, "viewer", every), Page("GET", "/policy", "viewer", one)]
