"""Records of the ledger as the facts they were decided on, and what was decided (pure)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast, get_args

from proxy.actions import CommandPattern, action_of_note, keeps
from proxy.policy.facts import Facts
from proxy.policy.loader import LoadedPolicy
from proxy.slip import Ruled, Ruling

type Body = Mapping[str, Any]

_STRENGTHS = {"token": 1, "listener": 2, "proxy_credentials": 3}
_WEAKEST = 4
_CODES: Mapping[str, Ruling] = {
    "policy_denied": "deny",
    "policy_missing": "deny",
    "host_not_allowed": "deny",
    "model_not_allowed": "deny",
    "approval_required": "hold",
    "approval_pending": "hold",
    "approval_denied": "hold",
    "approval_expired": "hold",
}
"""Refusals that are a policy's word on the call."""
_NOT_ENFORCED = ", not enforced"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a decision came to: what a policy that only watches says is not in force."""

    decision: Ruling
    rule: str
    reason: str = ""

    @property
    def passes(self) -> bool:
        """It may leave."""
        return self.decision not in ("deny", "hold")


def verdict_of(ruled: Ruled) -> Verdict:
    """A decision, as far as it is enforced."""
    return Verdict(ruled.decision if ruled.enforced else "allow", ruled.rule, ruled.reason)


def facts_of_record(body: Body) -> Facts | None:
    """What was decided on; None for a record of no decision, of nobody, or without enough in it."""
    role, kind = body["role"], body["kind"]
    if kind not in ("decision", "tool_call") or not (
        role["org"] and role["agent"] and role["session"]
    ):
        return None
    who = (role["org"], role["agent"], role["session"], datetime.fromisoformat(body["ts"]))
    if kind == "tool_call":
        told = body["result"]["facts"]
        action = action_of_note(told)
        if action is None:
            return None
        return Facts(
            "tool",
            *who,
            strength=_STRENGTHS.get(told.get("strength"), _WEAKEST),
            action=action,
            repeats=told.get("repeats") or 0,
            rates=dict.fromkeys(filter(None, (told.get("over") or "").split(",")), True),
        )
    request, bound = body["request"], body["resource"]["bound"]
    if request["class"] not in ("llm.call", "egress.http"):
        return None
    return Facts(
        "llm" if request["class"] == "llm.call" else "http",
        *who,
        strength=_STRENGTHS.get(role["identity"]["strength"], _WEAKEST),
        host=request["host"],
        port=request["port"],
        method=request["method"],
        path=request["path"],
        provider=request["provider"],
        model=request["model"],
        bound_nanousd=bound["nanousd"] if bound else None,
        secrets=frozenset(request.get("secrets") or ()),
        repeats=request.get("done_before") or 0,
        rates=dict.fromkeys(request.get("over") or (), True),
    )


def verdict_of_record(body: Body) -> Verdict | None:
    """What policies said of it then; None when something else refused it before they were asked."""
    result = body["result"]
    if body["kind"] == "tool_call":
        told = result["facts"]
        if result["status"] not in get_args(Ruling) or not isinstance(told.get("rule"), str):
            return None
        if "/" not in told["rule"] and told["rule"] != "no-policy":
            return None  # No policy said so: a tool that is not what it was.
        decision = cast(Ruling, result["status"]) if told.get("enforced", True) else "allow"
        return Verdict(decision, told["rule"])
    said = next((each["note"] for each in result["stamps"] if each["name"] == "policy"), None)
    if said is not None:
        return _of_note(said)
    if result["code"] in _CODES:
        reason = result["reason"] or ""
        return Verdict(_CODES[result["code"]], body["rules"]["rule"] or "", reason)
    return None


def _of_note(note: str) -> Verdict:
    """A policy's stamp: `rule`, or `warn by rule`; and what policies that watch would have said."""
    said = note.partition("; ")[0]
    word, by, rule = said.partition(" by ")
    if not by:
        return Verdict("allow", said.removesuffix(_NOT_ENFORCED))
    if word not in get_args(Ruling) or said.endswith(_NOT_ENFORCED):
        return Verdict("allow", rule.removesuffix(_NOT_ENFORCED))
    return Verdict(cast(Ruling, word), rule)


def is_seen_in_part(body: Body) -> bool:
    """Its record was too small for all that the tool call would do."""
    return body["kind"] == "tool_call" and body["result"]["facts"].get("is_whole") is not True


def _asks_for_words(pattern: CommandPattern) -> bool:
    kept = not pattern.words or keeps(pattern.program, pattern.words)
    return not kept or bool(pattern.operands or pattern.writes)


def unseen(policies: Iterable[LoadedPolicy]) -> dict[str, str]:
    """Rules that ask for what no record keeps, with what that is. A replay cannot apply them."""
    found = {}
    for loaded in policies:
        for rule in loaded.policy.rules:
            match = rule.match
            commands = [CommandPattern.parse(text) for text in match.commands or ()]
            what = None
            if match.text is not None:
                what = "text"
            elif any(map(_asks_for_words, commands)):
                what = "commands"
            if what is not None:
                found[f"{loaded.policy.policy}/rules.{rule.id}"] = what
    return found
