"""Roles: a later one may do all that an earlier one may."""

import pytest

from proxy.console.access import Viewer


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("metrics", ["anyone", "metrics"], ["viewer", "approver", "admin"]),
        ("viewer", ["anyone", "metrics", "viewer"], ["approver", "admin"]),
        ("approver", ["viewer", "approver"], ["admin"]),
        ("admin", ["viewer", "approver", "admin"], []),
    ],
)
def test_a_role_may_what_the_lower_ones_may_and_no_more(role, may, may_not):
    viewer = Viewer("ann", role)
    assert [viewer.may(each) for each in may] == [True] * len(may)
    assert [viewer.may(each) for each in may_not] == [False] * len(may_not)
