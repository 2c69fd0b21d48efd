"""What is asked of the budgets for each kind of call, in tool calls; the other units are Budget's tests."""

import json
from dataclasses import replace
from typing import Any

import pytest

from proxy.budgets import TOOL_CALLS_AHEAD
from proxy.mcp.calls import read_request
from proxy.reserving import asks_uncounted, limits_of, mcp_tool_calls, reservation
from proxy.slip import Slip
from tests.addons.slips import ELSEWHERE, chat, model_slip, slip

RULES = """egress: {default: allow}
budgets:
  - {name: calls, per: [agent], window: day, tool_calls: 100, requests: 5}
"""
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
CHECK = {"door": "internal", "method": "POST", "path": "/v1/tool-calls/check"}


def mcp(*methods: str) -> Slip:
    batch = [
        {"jsonrpc": "2.0", "id": n, "method": method, "params": {"name": "t", "arguments": {}}}
        for n, method in enumerate(methods)
    ]
    asked = read_request(json.dumps(batch).encode(), is_declared=True)
    return slip(ELSEWHERE, RULES, mcp=asked)


CASES: dict[str, tuple[Slip, tuple[int, int] | None]] = {
    "a model call that offers tools takes what there is, up to a ration": (
        model_slip(chat(tools=TOOLS), RULES),
        (0, TOOL_CALLS_AHEAD),
    ),
    "a model call without tools takes none": (model_slip(chat(), RULES), (0, 0)),
    "a request to anywhere takes none": (slip(ELSEWHERE, RULES), (0, 0)),
    "MCP takes each tool that it calls": (mcp("tools/call", "tools/list", "tools/call"), (2, 0)),
    "a hook's check takes one, if there is one": (slip(None, RULES, **CHECK), (0, 1)),
    "another question to Exeat takes nothing": (slip(None, RULES, door="internal"), None),
    "a check is a POST": (slip(None, RULES, **CHECK | {"method": "GET"}), None),
}


@pytest.mark.parametrize("case", CASES)
def test_tool_calls_are_held_as_they_may_come(case: str) -> None:
    it, expected = CASES[case]
    asked = reservation(it, limits_of(it, 0), 60_000, can_be_lowered=False)
    found = [
        (charge.fixed, charge.up_to)
        for charge in asked.charges
        if charge.limit.unit == "tool_calls"
    ]
    assert found == ([] if expected is None else [expected])


def test_a_check_counts_against_no_other_unit() -> None:
    units = {each.limit.unit for each in limits_of(slip(None, RULES, **CHECK), 0)}
    assert units == {"tool_calls"}


def batch() -> Slip:
    it = model_slip(chat(tools=TOOLS), RULES)
    call: Any = it.call
    it.call = replace(call, format="openai.batch")
    return it


def test_c4_tools_whose_calls_come_elsewhere_are_not_counted_and_so_not_let_out() -> None:
    assert asks_uncounted(batch())
    assert not asks_uncounted(model_slip(chat(tools=TOOLS), RULES))
    unlimited = batch()
    unlimited.terms = slip(ELSEWHERE).terms
    assert not asks_uncounted(unlimited)


def test_a_call_that_is_no_mcp_calls_no_tool() -> None:
    assert mcp_tool_calls(slip(ELSEWHERE, RULES)) == 0
    assert mcp_tool_calls(mcp("tools/call")) == 1
