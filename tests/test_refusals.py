"""A refusal by itself: its code, and the kind that every answer to it follows from."""

from proxy.refusals import KINDS, Code, Refusal


def test_every_code_belongs_to_a_kind() -> None:
    assert set(KINDS) == set(Code)


def test_a_refusal_is_of_its_codes_kind() -> None:
    assert Refusal(Code.BUDGET_EXCEEDED, "no").kind == "budget"
