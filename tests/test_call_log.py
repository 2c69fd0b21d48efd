"""The log's line for a call that has ended."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from proxy.call_log import CallLog, Logged
from proxy.slip import Slip
from tests.addons.slips import slip
from tests.metrics.calls import answered, refused


def lines(logged: Logged, *calls: Slip) -> list[Any]:
    with capture_logs() as found:
        for call in calls:
            CallLog(logged).ended(call)
    return found


@pytest.mark.parametrize(("logged", "statuses"), [
    ("none", []),
    ("refused", ["refused", "errored"]),
    ("all", ["answered", "refused", "errored"]),
])  # fmt: skip
def test_who_has_a_line(logged, statuses):
    found = lines(logged, answered(), refused(), answered(status="errored"))
    assert [line["status"] for line in found] == statuses


def test_a_line_names_its_record_and_why():
    (line,) = lines("refused", refused(id="r1"))
    assert line == {
        "event": "call ended",
        "log_level": "warning",
        "record": "r1",
        "status": "refused",
        "code": "model_not_allowed",
        "rule": "p/models.allow",
        "org": "acme",
        "agent": "coder",
        "session": "s1",
        "method": "GET",
        "host": "a.test",
        "http_status": 403,
    }


def test_rule_8_no_path_and_no_query_is_in_it():
    (line,) = lines("all", slip(status="answered", path="/secret?token=sk-1"))
    assert "secret" not in str(line)
    assert "sk-1" not in str(line)
