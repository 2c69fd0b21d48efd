"""States: every one has a name in the other protocols."""

import pytest
from mcp.types import TaskStatus

from proxy.board.states import A2A, ENDED, HELD, LEASED, MCP, STATES


def test_every_state_has_one_name_in_each_protocol():
    assert set(A2A) == set(MCP) == set(STATES)


def test_mcp_knows_every_status_that_it_is_told():
    assert set(MCP.values()) <= set(TaskStatus.__args__)


@pytest.mark.parametrize("state", STATES)
def test_what_has_ended_here_has_ended_there(state):
    ended_elsewhere = {"COMPLETED", "FAILED", "CANCELED", "completed", "failed", "cancelled"}
    assert (A2A[state] in ended_elsewhere) == (state in ENDED)
    assert (MCP[state] in ended_elsewhere) == (state in ENDED)


def test_who_waits_for_an_answer_holds_without_a_lease():
    assert {"input_required"} == HELD - LEASED
    assert not HELD & ENDED
