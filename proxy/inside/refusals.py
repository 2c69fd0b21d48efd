"""Why was I refused, and what would be allowed?"""

from collections.abc import Sequence
from typing import Any

from proxy.endpoint import Asked, Endpoint, Model, Nothing, Problem
from proxy.inside.budget import Purse, Remaining, RemainingUsd
from proxy.ledger.store import Ledger
from proxy.policy import Terms
from proxy.policy.schema import Route
from proxy.refusals import Code
from proxy.slip import Identity, Slip


class Places(Model):
    """Where one policy lets its callers go. A call needs the yes of every policy."""

    policy: str
    default: str
    allow: Sequence[Route]
    deny: Sequence[Route]


class ModelNames(Model):
    """Which models one policy lets its callers use; globs, `deny` first."""

    policy: str
    allow: Sequence[str]
    deny: Sequence[str]


class Allowed(Model):
    """What would pass. Null where it has nothing to do with the refusal."""

    places: Sequence[Places] | None = None
    models: Sequence[ModelNames] | None = None
    budgets: Sequence[RemainingUsd | Remaining] | None = None


class Refused(Model):
    """A refusal as it is on file."""

    record: str
    at: str
    code: str
    reason: str | None
    """What was said at the time, with what to do."""
    rule: str | None
    method: str | None = None
    host: str | None = None
    path: str | None = None
    model: str | None = None
    tool: str | None = None
    allowed: Allowed


class Refusals:
    """Looks up the caller's own records; another's are as good as not there."""

    def __init__(self, ledger: Ledger, purse: Purse) -> None:
        self._ledger = ledger
        self._purse = purse

    async def refusal(self, asked: Asked[Slip, Nothing, Nothing]) -> Refused:
        """Why a call or a tool of yours was refused, and what would be allowed instead."""
        record = asked.path["record"]
        who = asked.who.identity
        assert who is not None
        for body in await self._records(record):
            found = _refused(body) if _is_of(body, who) else None
            if found is not None:
                return found.model_copy(update={"allowed": await self._allowed(asked.who, found)})
        raise Problem(
            404,
            "not_found",
            "No refusal of this session has this record. It is in the header x-exeat-record of the "
            "refusal.",
        )

    async def _records(self, which: str) -> list[Any]:
        try:
            return [entry.body for entry in await self._ledger.get(which)]
        except ValueError:
            return []

    async def _allowed(self, slip: Slip, found: Refused) -> Allowed:
        terms = slip.terms
        assert terms is not None
        match found.code:
            case Code.HOST_NOT_ALLOWED:
                return Allowed(places=_places(terms))
            case Code.MODEL_NOT_ALLOWED:
                return Allowed(models=_models(terms))
            case Code.BUDGET_EXCEEDED | Code.RATE_LIMITED:
                return Allowed(budgets=await self._purse.remaining(slip, found.model))
            case _:
                return Allowed()

    def endpoints(self) -> Sequence[Endpoint[Slip]]:
        return [
            Endpoint(
                "GET",
                "/v1/refusals/{record}",
                "agent",
                self.refusal,
                Refused,
                problems=(404,),
                tag="you",
            )
        ]


def _is_of(body: Any, who: Identity) -> bool:
    role = body["role"]
    said = (role.get("org"), role.get("agent"), role.get("session"))
    return said == (who.org, who.agent, who.session)


def _refused(body: Any) -> Refused | None:
    """None for a record that says no no."""
    result, request = body["result"], body["request"]
    common = {"record": body["id"], "at": body["ts"], "allowed": Allowed()}
    match body["kind"]:
        case "decision" if result["decision"] != "allow":
            return Refused.model_validate(
                common
                | {name: request[name] for name in ("method", "host", "path", "model")}
                | {"code": result["code"], "reason": result["reason"]}
                | {"rule": body["rules"]["rule"]}
            )
        case "tool_call" if result["status"] in ("deny", "hold"):
            facts = result["facts"]
            code = Code.APPROVAL_REQUIRED if result["status"] == "hold" else Code.POLICY_DENIED
            return Refused.model_validate(
                common
                | {"code": code.value, "reason": None, "rule": facts["rule"]}
                | {"tool": facts.get("tool")}
            )
        case "delegation" if result["status"] == "refused":
            facts = result["facts"]
            return Refused.model_validate(
                common
                | {"record": body["reference"]["decision_id"], "rule": None}
                | {"code": facts["code"], "reason": facts["reason"], "model": facts["asked"]}
            )
        case _:
            return None


def _places(terms: Terms) -> list[Places]:
    return [
        Places(
            policy=each.id,
            default=each.policy.egress.default,
            allow=each.policy.egress.allow,
            deny=each.policy.egress.deny,
        )
        for each in terms.policies
    ]


def _models(terms: Terms) -> list[ModelNames]:
    return [
        ModelNames(policy=each.id, allow=each.policy.models.allow, deny=each.policy.models.deny)
        for each in terms.policies
    ]
