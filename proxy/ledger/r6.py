"""A record as its R6 body: rules, role, request, reference, resource, result (pure).

The body is the only truth about a record; columns and cost rows are read off it (`rows.py`).
"""

from datetime import UTC, datetime
from functools import lru_cache
from typing import assert_never

from proxy.ledger.canonical import Json
from proxy.ledger.records import (
    Client,
    Decision,
    Event,
    Forecast,
    Hold,
    HoldAmount,
    Outcome,
    Record,
    Usage,
)

VERSION = 1

type Body = dict[str, Json]


def r6(
    record: Record, seq: int, prev: str | None, session_prev: str | None, decided: Body | None
) -> Body:
    """The body of `record` at `seq`, linked to the leaf hashes (hex) before it.

    `decided` is the body of the decision that an outcome belongs to.
    """
    match record:
        case Decision():
            body = _decision(record)
        case Outcome():
            if decided is None:
                raise ValueError(f"the outcome of {record.decision_id} needs its decision's body")
            body = _outcome(record, decided)
        case Event():
            body = _event(record)
        case _:
            assert_never(record)
    reference: Json = body["reference"]
    assert isinstance(reference, dict)
    reference["prev"] = prev
    reference["session_prev"] = session_prev
    body["seq"] = seq
    body["v"] = VERSION
    return body


def rfc3339(ts_ms: int) -> str:
    second, ms = divmod(ts_ms, 1000)
    return f"{_second(second)}.{ms:03d}Z"


def ms_of(ts: str) -> int:
    """The inverse of `rfc3339`."""
    return _second_of(ts[:19]) + int(ts[20:23])


@lru_cache(maxsize=64)
def _second_of(ts: str) -> int:
    moment = datetime.strptime(ts, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1000


@lru_cache(maxsize=64)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _decision(it: Decision) -> Body:
    return {
        "id": it.id,
        "kind": "decision",
        "reference": _reference(it),
        "request": {
            "bytes": it.request_bytes,
            "class": it.action,
            "client": _client(it.client),
            "done_before": it.done_before,
            "format": it.format,
            "host": it.host,
            "method": it.method,
            "model": it.model,
            "over": list(it.over),
            "path": it.path,
            "port": it.port,
            "provider": it.provider,
            "query_sha256": it.query_sha256,
            "repeats": it.repeats,
            "scheme": it.scheme,
            "secrets": list(it.secrets),
            "sha256": it.request_sha256,
            "streaming": it.streaming,
        },
        "resource": {
            "bound": _forecast(it.bound),
            "estimate": _forecast(it.estimate),
            "hold": _hold(it.hold),
            "rates": [_hold(hold) for hold in it.rates],
        },
        "result": {
            "code": it.code,
            "decision": it.decision,
            "reason": it.reason,
            **({"told_by": it.told_by} if it.told_by else {}),
            "stamps": [
                {"name": stamp.name, "note": stamp.note, "took_us": stamp.took_us}
                for stamp in it.stamps
            ],
        },
        "role": {
            "agent": it.agent,
            "identity": {"sources": dict(it.identity_sources), "strength": it.identity_strength},
            "org": it.org,
            "parent": it.parent,
            "session": it.session,
            "task": it.task,
        },
        "rules": {
            "policies": list(it.policies),
            "price_version": it.price_version,
            "rule": it.rule,
        },
        "ts": rfc3339(it.ts_ms),
    }


def _reference(it: Decision) -> dict[str, Json]:
    found: dict[str, Json] = {"decision_id": it.id}
    return found if it.serves is None else found | {"serves": it.serves}


def _client(it: Client | None) -> Json:
    if it is None:
        return None
    return {
        "request_id": it.request_id,
        "retry_count": it.retry_count,
        "user_agent": it.user_agent,
    }


def _forecast(it: Forecast | None) -> Json:
    if it is None:
        return None
    return {
        "dearest": it.dearest,
        "input_tokens": it.input_tokens,
        "nanousd": it.nanousd,
        "output_tokens": it.output_tokens,
    }


def _hold(it: Hold | None) -> Json:
    if it is None:
        return None
    return {
        "amounts": [_amount(held) for held in it.amounts],
        "id": it.id,
        "lease_until_ms": it.lease_until_ms,
        "seq": it.seq,
    }


def _amount(it: HoldAmount) -> Json:
    return {
        "amount": it.amount,
        "scope": it.scope,
        "unit": it.unit,
        "window": it.window,
        "window_start_ms": it.window_start_ms,
    }


def _usage(it: Usage | None) -> Json:
    if it is None:
        return None
    return {
        "cache_read": it.cache_read,
        "cache_write": it.cache_write,
        "input": it.input,
        "output": it.output,
        "reasoning": it.reasoning,
        "source": it.source,
    }


def _outcome(it: Outcome, decided: Body) -> Body:
    request, rules = decided["request"], decided["rules"]
    assert isinstance(request, dict)
    assert isinstance(rules, dict)
    if it.price_version is not None:
        rules = {**rules, "price_version": it.price_version}
    return {
        "id": it.decision_id,
        "kind": "outcome",
        "reference": {
            "decision_id": it.decision_id,
            "decision_seq": decided["seq"],
            "decision_ts": decided["ts"],
            "response_id": it.response_id,
            "upstream_request_id": it.upstream_request_id,
        },
        "request": {
            "class": request["class"],
            "host": request["host"],
            "model": request["model"],
            "provider": request["provider"],
        },
        "resource": {
            "estimated": it.estimated,
            "nanousd": it.cost_nanousd,
            "rates": [_amount(counted) for counted in it.rates],
            "requests": it.requests,
            "tokens": it.tokens,
            "tool_calls": it.tool_calls_passed,
            "usage": _usage(it.usage),
        },
        "result": {
            "duration_us": it.duration_us,
            "finish_reason": it.finish_reason,
            "http_status": it.http_status,
            "model": it.model,
            "note": it.note,
            "response_bytes": it.response_bytes,
            "response_sha256": it.response_sha256,
            "status": it.status,
            "tool_calls": [{"id": call.id, "name": call.name} for call in it.tool_calls],
            "ttfb_us": it.ttfb_us,
        },
        "role": decided["role"],
        "rules": rules,
        "ts": rfc3339(it.ts_ms),
    }


def _event(it: Event) -> Body:
    return {
        "id": it.id,
        "kind": it.kind,
        "reference": {"decision_id": it.decision_id},
        "request": {},
        "resource": {},
        "result": {"facts": dict(it.facts), "status": it.status},
        "role": {"agent": it.agent, "org": it.org, "session": it.session, "task": it.task},
        "rules": {},
        "ts": rfc3339(it.ts_ms),
    }
