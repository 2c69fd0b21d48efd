"""A slip as it is filed: the decision before the call leaves, the outcome after (pure)."""

import hashlib
import re
import time
from collections.abc import Sequence

from proxy.actions import Action, noted
from proxy.budgets.limits import Limit
from proxy.budgets.results import Held
from proxy.ledger.records import (
    Client,
    Decision,
    Event,
    Forecast,
    Hold,
    HoldAmount,
    Outcome,
    Stamp,
    ToolCall,
    Usage,
)
from proxy.slip import Ruled, Slip, new_id

_STRENGTHS = {1: "token", 2: "listener", 3: "proxy_credentials", 4: "headers"}
_WORD = re.compile(r"[\x21-\x7e]{1,256}")
_PRODUCT = re.compile(r"[\w.+-]{1,64}(/[\w.+-]{1,64})?")


def decision_of(slip: Slip) -> Decision:
    """What was decided on this call, and why; no query, no body, no key."""
    identity, to, call = slip.identity, slip.destination, slip.call
    path, _, query = slip.path.partition("?")
    refusal = slip.refusal
    estimate, bound = _forecasts_of(slip)
    return Decision(
        id=slip.id,
        ts_ms=slip.opened_ms,
        decision="allow" if refusal is None else "fault" if refusal.kind == "fault" else "deny",
        action="internal" if slip.door == "internal" else "llm.call" if call else "egress.http",
        org=identity.org if identity else None,
        agent=identity.agent if identity else None,
        session=identity.session if identity else None,
        task=identity.task if identity else None,
        parent=identity.parent if identity else None,
        identity_sources=tuple(sorted(identity.sources.items())) if identity else (),
        identity_strength=_STRENGTHS[identity.strength] if identity else None,
        method=slip.method,
        scheme=to.scheme if to else None,
        host=to.host if to else None,
        port=to.port if to else None,
        path=path,
        query_sha256=_sha256(query) if query else None,
        request_sha256=slip.body_sha256,
        request_bytes=slip.body_bytes,
        provider=call.provider if call else None,
        format=call.format if call else None,
        model=call.model if call else None,
        streaming=call.streaming if call else False,
        estimate=estimate,
        bound=bound,
        price_version=slip.price_version,
        policies=slip.terms.policy_ids if slip.terms else (),
        code=refusal.code.value if refusal else None,
        reason=refusal.message if refusal else None,
        rule=refusal.rule if refusal else None,
        hold=_hold_of(slip),
        stamps=tuple(Stamp(stamp.name, stamp.took_us, stamp.note) for stamp in slip.stamps),
        client=_client_of(slip),
        repeats=slip.repeats,
        secrets=slip.secrets,
        done_before=slip.done_before,
        over=slip.over,
        rates=_rates_of(slip),
        serves=slip.serves,
    )


def _forecasts_of(slip: Slip) -> tuple[Forecast | None, Forecast | None]:
    """What people see, and what was held."""
    it = slip.quote
    if it is None:
        return None, None
    return (
        Forecast(
            it.input_tokens_estimate,
            it.output_tokens_estimate,
            it.estimate_nanousd,
            it.is_dearest,
        ),
        Forecast(it.input_tokens_bound, it.output_tokens_bound, it.bound_nanousd, it.is_dearest),
    )


def _hold_of(slip: Slip) -> Hold | None:
    """The hold that stands while the call is away; a refused call's was let go."""
    hold = slip.hold
    if hold is None or slip.refusal is not None:
        return None
    amounts = tuple(_amount(held, held.amount) for held in hold.amounts)
    return Hold(hold.id, hold.seq, amounts, hold.lease_until_ms)


def _rates_of(slip: Slip) -> tuple[Hold, ...]:
    """What it holds of rules' rates; of a refused call, what it counted."""
    is_refused = slip.refusal is not None
    return tuple(
        Hold(
            each.hold.id,
            each.hold.seq,
            tuple(
                _amount(held, each.ration.used if is_refused else held.amount)
                for held in each.hold.amounts
            ),
            each.hold.lease_until_ms,
        )
        for each in slip.counted
        if each.ration.used or not is_refused
    )


def _counted_of(slip: Slip) -> tuple[HoldAmount, ...]:
    return tuple(
        _amount(held, each.ration.used)
        for each in slip.counted
        for held in each.hold.amounts
        if each.ration.used
    )


def _amount(held: Held, amount: int) -> HoldAmount:
    limit = held.limit
    return HoldAmount(limit.key, limit.unit, limit.window, held.window_start_ms, amount)


def _client_of(slip: Slip) -> Client:
    """The client's product and ids; never the whole of what it says of itself."""
    product = _PRODUCT.match(slip.user_agent)
    return Client(
        user_agent=product.group() if product else None,
        request_id=slip.client_request_id,
        retry_count=slip.retry_count,
    )


def outcome_of(slip: Slip) -> Outcome:
    """What became of a call that was let through."""
    usage, reader = slip.usage, slip.reader
    now_ns = time.monotonic_ns()
    assert slip.status is not None
    return Outcome(
        decision_id=slip.id,
        ts_ms=slip.opened_ms + (now_ns - slip.opened_ns) // 1_000_000,
        status=slip.status,
        http_status=slip.http_status or None,
        usage=Usage(
            input=usage.input_tokens,
            output=usage.output_tokens,
            cache_read=usage.cache_read_tokens,
            cache_write=usage.cache_write_5m_tokens + usage.cache_write_1h_tokens,
            reasoning=usage.reasoning_tokens,
            source="estimated" if slip.usage_is_estimated else "provider",
        )
        if usage
        else None,
        cost_nanousd=slip.cost_nanousd,
        tokens=slip.tokens,
        requests=1 if slip.left else 0,
        estimated=slip.usage_is_estimated,
        response_sha256=slip.answer_sha256,
        response_bytes=slip.answer_bytes,
        duration_us=(now_ns - slip.opened_ns) // 1000,
        ttfb_us=(slip.first_byte_ns - slip.opened_ns) // 1000 if slip.first_byte_ns else None,
        model=_short(reader.model) if reader else None,
        response_id=_short(reader.response_id) if reader else None,
        finish_reason=_short(slip.finish_reason),
        tool_calls=tuple(ToolCall(call_id, name) for call_id, name in slip.tool_calls),
        tool_calls_passed=slip.tool_calls_passed,
        rates=_counted_of(slip),
        upstream_request_id=_short(slip.upstream_request_id),
        price_version=slip.price_version,
        note=slip.refusal.code.value if slip.refusal else None,
    )


def _short(word: str | None) -> str | None:
    """A provider's name for something, if it is one: a record is no place for whatever it sends."""
    return word if word is not None and _WORD.fullmatch(word) else None


def threshold_of(call_id: str, limit: Limit, percent: int, now_ms: int) -> Event:
    """A limit has reached a part of its cap for the first time, by what this call settled."""
    scope = dict(limit.scope)
    return Event(
        kind="budget_threshold",
        id=new_id(now_ms),
        ts_ms=now_ms,
        org=scope.get("org"),
        agent=scope.get("agent"),
        session=scope.get("session"),
        task=scope.get("task"),
        decision_id=call_id,
        facts={
            "budget": limit.name,
            "cap": limit.cap,
            "limit": limit.key,
            "percent": percent,
            "unit": limit.unit,
            "window": limit.window,
        },
    )


def tool_call_of(
    slip: Slip,
    call_id: str,
    action: Action,
    ruled: Ruled,
    intent: str,
    repeats: int,
    over: Sequence[str] = (),
) -> Event:
    """What was decided about a tool, and what was said to be the reason for it: as a hash, since it is
    the model's own text. Programs, options and targets are named; arguments are hashed."""
    who = slip.identity
    return Event(
        kind="tool_call",
        id=new_id(),
        ts_ms=time.time_ns() // 1_000_000,
        org=who.org if who else None,
        agent=who.agent if who else None,
        session=who.session if who else None,
        task=who.task if who else None,
        decision_id=slip.id,
        status=ruled.decision,
        facts={
            "call_id": call_id[:256],
            **noted(action),
            "strength": _STRENGTHS[who.strength] if who else None,
            "repeats": repeats,
            "over": ",".join(over) or None,
            "intent_sha256": _sha256(intent) if intent else None,
            "intent_bytes": len(intent.encode("utf-8", "surrogatepass")),
            "rule": ruled.rule,
            "enforced": ruled.enforced,
            "would": ruled.watched.rule if ruled.watched else None,
            "bypass": ruled.bypass or None,
        },
    )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
