"""C1: no billable path of any provider goes round the meter, on the running system.

Every row of the table of billable paths is called with a budget of dollars in force: it is metered (its
hold is on file, its cost follows), or it is refused in its provider's own error shape and the provider
never hears of it.
"""

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proxy.providers.hosts import _EXACT, provider_of
from proxy.providers.language import language_of
from proxy.providers.paths import RULES
from tests.house import policy
from tests.providers.test_recognise import AWS, BILLABLE, PROJECT, VERTEX
from tests.replay.exchanges import Exchange, exchanges_in
from tests.replay.judge import judge
from tests.replay.running import Passed, Record, drive

OWN = Path(__file__).parent.parent / "replay" / "exchanges"
BUDGET = policy('name: cap, usd: "1000.00"')
ROWS = [
    tuple(line.split())
    for line in BILLABLE.format(VERTEX=VERTEX, AWS=AWS, PROJECT=PROJECT).splitlines()
    if line
]
UNKNOWN = [
    (host, "/v9/new/thing", f"no:{'path' if _EXACT[host] in RULES else 'provider'}_unsupported")
    for host in sorted(_EXACT)
]
"""What a provider's host may sell next year."""

MODELS = {
    "openai.chat": "gpt-4o",
    "openai.completions": "gpt-3.5-turbo-instruct",
    "openai.embeddings": "text-embedding-3-small",
    "openai.responses": "gpt-5",
    "anthropic.messages": "claude-sonnet-4-5",
    "api.deepseek.com": "deepseek-chat",
    "api.cerebras.ai": "gpt-oss-120b",
    "api.fireworks.ai": "accounts/fireworks/models/gpt-oss-120b",
    "api.groq.com": "llama-3.3-70b-versatile",
    "api.mistral.ai": "mistral-large-latest",
    "api.moonshot.ai": "kimi-k2-0905-preview",
    "api.perplexity.ai": "sonar",
    "api.together.xyz": "meta-llama/Llama-3.3-70B-Instruct-Turbo",
    "api.x.ai": "grok-4",
    "api.z.ai": "glm-4.6",
    "bedrock-mantle.us-east-1.api.aws": "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "codestral.mistral.ai": "codestral-latest",
    "generativelanguage.googleapis.com": "gemini-2.5-flash",
    "openrouter.ai": "openai/gpt-4o",
    VERTEX: "gemini-2.5-flash",
}
"""What is asked for, by host or by format: a model that its seller has a price for."""

REFUSED = {
    "api.githubcopilot.com": "price_unknown",  # Sold by the seat.
    "api.perplexity.ai": "format_unsupported",  # It searches, as often as it likes.
    "api.voyageai.com": "price_unknown",
    "dashscope-intl.aliyuncs.com": "price_unknown",
    "integrate.api.nvidia.com": "price_unknown",
    "ollama.com": "price_unknown",
    "res.openai.azure.com": "price_unknown",  # No mapping says which model a deployment is.
    "res.services.ai.azure.com": "price_unknown",
    "router.huggingface.co": "price_unknown",  # It may be any seller's.
    "/v2/rerank": "price_unknown",
    "/models/text-embedding-005:predict": "price_unknown",
}
"""Understood, and refused while a budget applies: their worst case cannot be put in dollars."""


def _samples() -> dict[str, list[Exchange]]:
    """Our own exchanges by format: a request that can be read and an answer that says its usage."""
    found: dict[str, list[Exchange]] = {}
    for exchange in exchanges_in(OWN):
        verdict = judge(exchange)
        if exchange.status == 200 and (verdict.has_usage or "count" in verdict.wire):
            found.setdefault(verdict.wire, []).append(exchange)
    return found


SAMPLES = _samples()
MESSAGES = SAMPLES["anthropic.messages"][0]
SAMPLES["anthropic.count_tokens"] = [
    replace(MESSAGES, path="/v1/messages/count_tokens", answer=b'{"input_tokens":9}', streams=False)
]
"""Counting is free, so none of ours says a usage."""


def _exchange(row: tuple[str, ...]) -> Exchange:
    """The call that this row is about, and what the provider would answer."""
    host, path, expected = row
    found = SAMPLES.get(expected)
    if found is None:
        blank = SAMPLES["openai.chat"][0]
        return replace(blank, host=host, path=path, where=f"{host}{path}")
    verb = re.search(r"[:/]([\w-]+)$", path)
    same = [each for each in found if verb and each.path.partition("?")[0].endswith(verb[1])]
    sample = (same or found)[0]
    body: dict[str, Any] = json.loads(sample.request)
    if "model" in body:
        body["model"] = MODELS.get(host) or MODELS.get(expected) or body["model"]
    target = re.sub(r"/models/(g|g-1\.5):", "/models/gemini-2.5-flash:", path)
    if "mbed" in target:
        target = target.replace("/gemini-2.5-flash:", "/gemini-embedding-001:")
    target = target.replace("claude-x@1", "claude-sonnet-4-5@20250929")
    if named := re.search(r"/model/([^/]+)/", sample.path):
        target = target.replace("/model/m/", f"/model/{named[1]}/")
    return replace(
        sample,
        where=f"{host}{path}",
        host=host,
        port=443,
        is_plain=False,
        path=target,
        request=json.dumps(body).encode(),
    )


@pytest.fixture(scope="module")
def driven(
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[tuple[str, ...], tuple[Passed, dict[str, Record]]]:
    """Every row through one Exeat with a budget, once."""
    rows = [*ROWS, *UNKNOWN]
    exchanges = [_exchange(row) for row in rows]
    directory = tmp_path_factory.mktemp("billable")
    return dict(zip(rows, asyncio.run(drive(exchanges, directory, BUDGET)), strict=True))


@pytest.mark.parametrize("row", [*ROWS, *UNKNOWN], ids=lambda row: f"{row[0]}{row[1]}")
def test_c1_a_billable_path_is_metered_or_refused_in_its_providers_shape(
    row: tuple[str, ...], driven: dict[tuple[str, ...], tuple[Passed, dict[str, Record]]]
) -> None:
    host, path, expected = row
    passed, records = driven[row]
    assert not passed.problem
    if expected.startswith("no:"):
        provider = provider_of(host, 443, path) or ""
        reason = expected.removeprefix("no:")
        _is_refused(passed, records, "format_unsupported", language_of(provider, path), reason)
    elif (code := _why_refused(host, path)) is not None:
        _is_refused(passed, records, code, expected)
    elif expected.startswith("free:"):
        _is_free(passed, records)
    else:
        _is_metered(passed, records, expected)


def _why_refused(host: str, path: str) -> str | None:
    if host in REFUSED:
        return REFUSED[host]
    return next((code for end, code in REFUSED.items() if path.endswith(end)), None)


def _is_metered(passed: Passed, records: dict[str, Record], wire: str) -> None:
    decided = records["decision"]
    assert decided["result"]["decision"] == "allow", decided["result"]["reason"]
    assert decided["request"]["format"] == wire
    held = decided["resource"]["hold"]["amounts"]
    outcome = records["outcome"]["resource"]
    bound = decided["resource"]["bound"]["nanousd"]
    assert [each["unit"] for each in held] == ["usd"]
    assert held[0]["amount"] == bound
    assert len(passed.seen) == 1
    if wire.endswith("count_tokens"):
        assert (bound, outcome["nanousd"], outcome["estimated"]) == (0, 0, False)
        return
    assert 0 < outcome["nanousd"] <= bound
    assert outcome["usage"]["source"] == "provider"
    assert not outcome["estimated"]


def _is_free(passed: Passed, records: dict[str, Record]) -> None:
    assert records["decision"]["result"]["decision"] == "allow"
    assert records["outcome"]["resource"]["nanousd"] == 0
    assert len(passed.seen) == 1


def _is_refused(
    passed: Passed, records: dict[str, Record], code: str, wire: str, reason: str | None = None
) -> None:
    result = records["decision"]["result"]
    assert (result["decision"], result["code"]) == ("deny", code), result
    assert "outcome" not in records
    assert passed.seen == ()
    assert passed.connections == 0
    answer = passed.answer
    assert answer is not None
    assert answer.get(b"x-exeat-decision") == code.encode()
    assert answer.get(b"x-should-retry") == b"false"
    body: Any = json.loads(answer.body)
    machine = _machine_part(body, wire.partition(".")[0])
    assert machine["code"] == code
    if reason is not None:
        assert machine["reason"] == reason


def _machine_part(body: Any, family: str) -> Any:
    """Where each provider's clients look for an error, and in it our own facts."""
    match family:
        case "openai":
            assert {"message", "type", "code", "param"} <= set(body["error"])
            return body["error"]["exeat"]
        case "anthropic":
            assert body["type"] == "error"
            assert {"type", "message"} <= set(body["error"])
            return body["error"]["exeat"]
        case "gemini":
            assert {"code", "message", "status"} <= set(body["error"])
            return body["error"]["exeat"]
        case "bedrock" | "cohere":
            assert isinstance(body["message"], str)
        case "ollama":
            assert isinstance(body["error"], str)
        case _:
            assert {"type", "title", "status", "detail"} <= set(body)
    return body["exeat"]
