"""Explain: what the policies in force, or a draft, say of one call, rule by rule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from proxy.console.api.drafts import ExplainAsked, described, recorded
from proxy.console.pages.page import Page, frame, page
from proxy.console.ports import Ports
from proxy.endpoint import Problem
from proxy.policy.explain import Explanation, explain

PATH = "/policies/explain"
FIELDS = (
    ("record", "a call on file, by its id"),
    ("org", "acme"),
    ("agent", "coder"),
    ("session", "s1"),
    ("method", "POST"),
    ("host", "api.openai.com"),
    ("path", "/v1/chat/completions"),
    ("model", "gpt-4o"),
    ("tool", "Bash"),
    ("arguments", '{"command": "rm -rf build"}'),
)
"""Of the form, with examples of what may stand there."""


@dataclass(frozen=True, slots=True)
class ExplainView:
    """The form, and what it came to."""

    fields: Sequence[tuple[str, str, str]]
    """Name, example, value."""
    explanation: Explanation | None
    problem: str | None


def asked_of(query: Mapping[str, str]) -> ExplainAsked | None:
    """What the form asks; None while it is empty. Raises Problem 400."""
    names = [name for name, _ in FIELDS]
    given: dict[str, Any] = {name: query[name] for name in names if query.get(name)}
    if not given.keys() & {"record", "host", "model", "tool"}:
        return None
    try:
        return ExplainAsked(**given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Problem(400, "bad_query", f"{first['loc'][0]}: {first['msg']}") from None


def pages(ports: Ports) -> list[Page]:
    """The form; its URL is the answer's."""

    async def show(request: web.Request) -> web.Response:
        explanation, problem = None, None
        try:
            asked = asked_of(request.query)
            if asked is not None:
                facts = (
                    await recorded(ports.ledger, asked.record)
                    if asked.record
                    else described(asked, ports.now_ms())
                )
                explanation = explain(ports.policies.policies, facts, ports.policies.permits)
        except Problem as error:
            problem = error.message
        fields = [(name, hint, request.query.get(name, "")) for name, hint in FIELDS]
        view = ExplainView(fields, explanation, problem)
        return page("explain.html", frame(ports, request, "Explain a call", "policies"), view)

    return [Page("GET", PATH, "viewer", show)]
