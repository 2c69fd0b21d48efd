"""What goes to exeat.internal is read strictly; what comes from there may grow."""

from typing import Any

import pytest
from pydantic import ValidationError

from proxy.hooks.contract import ToolCallCheck, ToolCallReport, ToolCallVerdict

SHA = "0" * 64


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        '{"runtime":"r","tool":"t"}',
        '{"runtime":"r","tool":"","arguments":{}}',
        '{"runtime":"r","tool":"t","arguments":[]}',
        '{"runtime":"r","tool":"t","arguments":{},"extra":1}',
        '{"runtime":"r","tool":7,"arguments":{}}',
    ],
)
def test_a_check_that_is_not_whole_is_not_read(body: str) -> None:
    with pytest.raises(ValidationError):
        ToolCallCheck.model_validate_json(body)


def test_a_check_does_not_show_its_arguments() -> None:
    body = '{"runtime":"r","tool":"t","arguments":{"a":"hidden"}}'
    assert "hidden" not in repr(ToolCallCheck.model_validate_json(body))


def test_a_verdict_may_say_more_than_we_know_but_not_decide_otherwise() -> None:
    said = ToolCallVerdict.model_validate_json('{"decision":"allow","later":{"x":1}}')
    assert said.decision == "allow"
    for odd in ('{"decision":"Allow"}', '{"decision":"redact"}', "{}", "[]", '"allow"'):
        with pytest.raises(ValidationError):
            ToolCallVerdict.model_validate_json(odd)


def report(**more: Any) -> ToolCallReport:
    given: dict[str, Any] = {
        "runtime": "r",
        "status": "ok",
        "output_sha256": SHA,
        "output_bytes": 0,
    }
    return ToolCallReport(**given | more)


def test_a_report_names_its_call_by_record_or_by_id() -> None:
    assert report(record="rec-1").record == "rec-1"
    assert report(call_id="toolu_01").call_id == "toolu_01"
    with pytest.raises(ValidationError):
        report()


@pytest.mark.parametrize(
    "odd",
    [
        {"status": "fine"},
        {"output_sha256": "x"},
        {"output_bytes": -1},
        {"duration_ms": -1},
        {"x": 1},
    ],
)
def test_a_report_that_is_odd_is_not_read(odd: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        report(record="rec-1", **odd)
