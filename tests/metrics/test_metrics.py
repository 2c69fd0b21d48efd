"""What is measured, as Prometheus reads it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from proxy.metrics import Metrics
from proxy.pricing.quote import Quote
from proxy.slip import Slip, Stamped
from tests.addons.slips import slip
from tests.metrics.calls import NO, Waited, answered, hold, refused


@dataclass
class Filing:
    waiting: int = 3
    sync_s: float = 0.002
    problem: str | None = None


ASKED = {"tool": 0, "budget": 1}


def metrics(*live: Slip, filing: Filing | None = None, asked: Mapping[str, int] = ASKED) -> Metrics:
    calls = {each.id: each for each in live}
    return Metrics(calls, filing or Filing(), lambda: 2, lambda: 1, lambda: asked)


def samples(of: Metrics) -> dict[str, float]:
    """`name{label="value"}` to its value."""
    found = {}
    for family in text_string_to_metric_families(of.text()):
        for each in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in each.labels.items())
            found[f"{each.name}{{{labels}}}" if labels else each.name] = each.value
    return found


def ended(*calls: Slip) -> dict[str, float]:
    it = metrics()
    for call in calls:
        it.ended(call)
    return samples(it)


def test_a_model_call_is_counted_with_its_tokens_its_cost_and_its_times():
    found = ended(answered(), answered())

    assert found['exeat_calls_total{kind="llm",status="answered"}'] == 2
    assert found['exeat_cost_nanousd_total{provider="openai"}'] == 24_690
    tokens = {"input": 200, "output": 40, "cache_read": 10, "cache_write": 14, "reasoning": 14}
    for kind, count in tokens.items():
        assert found[f'exeat_tokens_total{{kind="{kind}",provider="openai"}}'] == count
    assert found['exeat_added_seconds_sum{kind="llm"}'] == pytest.approx(0.001)
    assert found['exeat_added_seconds_bucket{kind="llm",le="0.0005"}'] == 2
    assert found['exeat_addon_seconds_sum{addon="gate"}'] == pytest.approx(0.0008)
    assert found['exeat_first_byte_seconds_sum{kind="llm"}'] == pytest.approx(0.04)
    assert found["exeat_estimated_calls_total"] == 0
    assert not [name for name in found if name.startswith("exeat_refusals_total")]


def test_what_a_person_took_is_measured_apart_from_what_exeat_took():
    stamps = [Stamped("approval", 8_500_300, "", 8_500_000), Stamped("gate", 400, "")]
    found = ended(
        answered(stamps=stamps, bells=Waited(8_500_000), first_byte_ns=1_000 + 8_520_000_000),
        answered(),
    )

    assert found['exeat_approval_wait_seconds_sum{kind="llm"}'] == pytest.approx(8.5)
    assert found['exeat_approval_wait_seconds_count{kind="llm"}'] == 1, "the other waited for none"
    assert found['exeat_added_seconds_sum{kind="llm"}'] == pytest.approx(0.0007 + 0.0005)
    assert found['exeat_addon_seconds_sum{addon="approval"}'] == pytest.approx(0.0003)
    assert found['exeat_first_byte_seconds_sum{kind="llm"}'] == pytest.approx(0.04)


def test_a_call_that_was_refused_after_a_wait_has_waited_too():
    found = ended(refused(bells=Waited(2_000_000)))
    assert found['exeat_approval_wait_seconds_sum{kind="http"}'] == pytest.approx(2)


def test_what_people_are_asked_is_counted_by_its_kind():
    counts = {"request": 0, "tool": 2, "budget": 1}
    found = samples(metrics(asked=counts))
    assert {kind: found[f'exeat_approvals_waiting{{kind="{kind}"}}'] for kind in counts} == counts


def test_a_refusal_is_counted_by_its_code_and_costs_nothing():
    found = ended(refused())

    assert found['exeat_calls_total{kind="http",status="refused"}'] == 1
    assert found['exeat_refusals_total{code="model_not_allowed"}'] == 1
    assert not [name for name in found if name.startswith("exeat_cost_nanousd_total{")]


KINDS = {
    "a model call": (answered(), "llm"),
    "other traffic": (slip(status="answered"), "http"),
    "a call to Exeat itself": (slip(status="answered", door="internal"), "internal"),
}


@pytest.mark.parametrize("case", KINDS)
def test_every_call_is_of_one_kind(case):
    call, kind = KINDS[case]
    assert ended(call)[f'exeat_calls_total{{kind="{kind}",status="answered"}}'] == 1


def test_an_upper_bound_is_told_from_a_figure_of_the_provider():
    assert ended(answered(usage_is_estimated=True))["exeat_estimated_calls_total"] == 1


OUTCOMES: dict[str, tuple[Slip, str]] = {
    "answered": (answered(serves="c"), "answered"),
    "a provider's 500": (answered(serves="c", http_status=500), "failed"),
    "a provider's 429": (answered(serves="c", http_status=429), "failed"),
    "a connection that broke": (answered(serves="c", status="errored"), "failed"),
    "refused": (refused(serves="c"), "refused"),
}


@pytest.mark.parametrize("case", OUTCOMES)
def test_attempts_at_what_was_delegated_are_counted_by_how_they_ended(case):
    call, outcome = OUTCOMES[case]
    assert ended(call)[f'exeat_attempts_total{{outcome="{outcome}"}}'] == 1


def test_what_is_no_attempt_is_none():
    assert not [name for name in ended(answered()) if name.startswith("exeat_attempts_total{")]


def test_no_label_has_a_value_that_a_caller_could_choose():
    it = metrics()
    for number in range(500):
        call = answered()
        strange = f"made-up-{number}"
        call.call = type(call.call)(**{
            **{name: getattr(call.call, name) for name in call.call.__slots__},
            "provider": f"{strange}.test:443",
            "model": strange,
        })  # fmt: skip
        it.ended(call)
    text = it.text()

    assert "made-up" not in text
    assert 'exeat_cost_nanousd_total{provider="other"}' in text
    for word in ("acme", "coder", "s1", "gpt-4o-mini"):
        assert f'"{word}"' not in text


QUOTE = Quote(1, 1, 1, 1, 1, 0, 900, 900, 900, "v")
HELD: dict[str, Any] = {"id": "a", "hold": hold(), "quote": QUOTE}


def test_how_things_stand_is_looked_at_when_it_is_asked():
    found = samples(metrics(slip(**HELD), slip(id="b"), slip(id="c")))

    assert {name: found[f"exeat_{name}"] for name in STANDING} == STANDING
    assert found['exeat_info{version="0.1.0"}'] == 1


STANDING = {
    "calls_in_flight": 3,
    "holds": 1,
    "held_nanousd": 900,
    'approvals_waiting{kind="budget"}': 1,
    "ledger_waiting": 3,
    "ledger_sync_seconds": 0.002,
    "ledger_up": 1,
    "policies": 2,
    "stops": 1,
}


def test_a_ledger_that_cannot_be_written_is_down():
    assert samples(metrics(filing=Filing(problem="disk full")))["exeat_ledger_up"] == 0


def test_two_houses_in_one_process_count_apart():
    one, other = metrics(), metrics()
    one.ended(refused())
    assert 'code="model_not_allowed"' in one.text()
    assert 'code="model_not_allowed"' not in other.text()


def test_rule_8_no_reason_and_no_rule_is_in_a_metric():
    it = metrics()
    it.ended(refused())
    assert NO.message not in it.text()
    assert "models.allow" not in it.text()
    assert json.dumps(it.text())  # It is text, and no bytes.
    assert re.search(r"^# TYPE exeat_calls_total counter$", it.text(), re.MULTILINE)
