"""What is held, bound to its every byte, and told to a person in words that were parsed (pure)."""

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace

from proxy.actions import Action, action_of, commands_of, noted
from proxy.approvals.approval import Kind, Short, Wanted
from proxy.budgets import Exceeded
from proxy.budgets.refusing import shown as amount
from proxy.mcp.calls import McpRequest
from proxy.money import format_usd
from proxy.slip import Ruled, Slip

LINE_MAX = 200
"""Characters of one line of a summary."""
LINES_MAX = 12
"""Lines of one name in a summary: targets, commands."""

type Line = tuple[str, str]


def of_call(slip: Slip, ruled: Ruled, calls: Sequence[Action] = ()) -> Wanted:
    """The whole call that a slip carries. `calls` are the tools of an MCP request that are held."""
    kind: Kind = "mcp" if slip.mcp is not None else "model" if slip.call is not None else "request"
    return _wanted(slip, ruled, kind, _digest_of(slip), [*_lines_of(slip), *_lines_of_tools(calls)])


def of_tool(slip: Slip, ruled: Ruled, action: Action) -> Wanted:
    """A tool that a model's answer asks for, or that a runtime is about to run: at both doors the same."""
    return _wanted(slip, ruled, "tool", action.digest, _lines_of_tools([action]))


def of_budget(slip: Slip, short: Exceeded) -> Wanted:
    """More of a limit that has no room for a call: one question for all who run into it."""
    limit = short.limit
    ruled = Ruled("hold", f"budget:{limit.name}", "The budget has no room for the call.")
    scope = ", ".join(f"{name} {value}" for name, value in limit.scope)
    lines = [
        ("budget", shown(limit.name)),
        ("of", shown(scope)),
        ("window", limit.window),
        ("limit", amount(limit, limit.cap)),
        ("remaining", amount(limit, short.remaining)),
        ("at most", amount(limit, short.required)),
    ]
    if slip.call is not None:
        lines += [("provider", shown(slip.call.provider)), ("model", shown(slip.call.model))]
    found = _wanted(slip, ruled, "budget", limit.key, lines)
    return replace(
        found,
        key=_sha256([found.org, "budget", limit.key]),
        short=Short(limit, max(1, short.required - short.remaining)),
    )


def shown(text: str, most: int = LINE_MAX) -> str:
    """One line whose every sign is seen: controls, marks of direction and odd blanks are spelled out."""
    said = "".join(each if _is_plain(each) else _spelled(each) for each in text[:most])
    return said if len(text) <= most else f"{said}… ({len(text)} characters)"


def _wanted(slip: Slip, ruled: Ruled, kind: Kind, digest: str, lines: Sequence[Line]) -> Wanted:
    who = slip.identity
    assert who is not None
    policies = slip.terms.policy_ids if slip.terms is not None else ()
    bound = [who.org, who.agent, who.session, ruled.rule, kind, digest, *sorted(policies)]
    return Wanted(
        key=_sha256(bound),
        kind=kind,
        org=who.org,
        agent=who.agent,
        session=who.session,
        task=who.task,
        parent=who.parent,
        rule=ruled.rule,
        reason=shown(ruled.reason, 500),
        policies=policies,
        summary=tuple(lines),
    )


def _digest_of(slip: Slip) -> str:
    """All of the call that can be told from a repetition of it: headers are not in it, nor the ids that
    clients draw anew, and of a model call not whether it streams."""
    assert slip.destination is not None
    path, _, query = slip.path.partition("?")
    to = f"{slip.destination.scheme}://{slip.destination.authority}"
    place: list[str | None] = [slip.method, to, path, _sha256(query)]
    call = slip.call
    if call is not None:
        bound = slip.quote.bound_nanousd if slip.quote is not None else None
        tools = _sha256(call.prompt.tools_text)
        return _sha256([*place[:2], call.provider, call.model, call.digest, tools, str(bound)])
    actions = _actions_of(slip.mcp) if slip.mcp is not None else None
    if actions is not None:
        return _sha256([*place, *actions])
    return _sha256([*place, slip.body_sha256])


def _actions_of(asked: McpRequest) -> list[str] | None:
    """Of a request that calls tools and nothing else: another id makes it no other request."""
    if any(call.tool is None for call in asked.calls):
        return None
    return [action_of(call.tool or "", call.arguments).digest for call in asked.calls]


def _lines_of(slip: Slip) -> list[Line]:
    assert slip.destination is not None
    call, quote = slip.call, slip.quote
    lines = [
        ("method", shown(slip.method)),
        ("host", shown(slip.destination.authority)),
        ("path", shown(slip.path.partition("?")[0])),
    ]
    if slip.call is None:
        lines.append(("body", f"{slip.body_bytes} bytes"))
    if call is not None:
        lines += [("provider", shown(call.provider)), ("model", shown(call.model))]
    if quote is not None:
        lines.append(("at most", format_usd(quote.bound_nanousd)))
    return lines


def _lines_of_tools(actions: Iterable[Action]) -> list[Line]:
    lines: list[Line] = []
    for action in actions:
        lines += [("tool", shown(action.tool)), ("category", action.category)]
        lines += _many("command", commands_of(noted(action)))
        lines += _many("target", action.targets)
        lines += _many("SQL", sorted(action.statements))
        if not action.is_understood:
            lines.append(("note", "a part of it could not be read"))
    return lines[: 4 * LINES_MAX]


def _many(name: str, values: Iterable[str]) -> list[Line]:
    found = [value for value in values if value]
    lines = [(name, shown(value)) for value in found[:LINES_MAX]]
    if len(found) > LINES_MAX:
        lines.append((name, f"… and {len(found) - LINES_MAX} more"))
    return lines


def _is_plain(sign: str) -> bool:
    """Neither a control, nor a mark that is not seen, nor a blank that is no space."""
    kind = unicodedata.category(sign)
    return sign == " " or kind[0] not in "CZ"


def _spelled(sign: str) -> str:
    number = ord(sign)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _sha256(value: str | Sequence[str | None]) -> str:
    # In ASCII, also what is no Unicode text keeps its own spelling, and so its own hash.
    return hashlib.sha256(json.dumps(value, separators=(",", ":")).encode()).hexdigest()
