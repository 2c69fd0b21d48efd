"""Where a rule stands in the text of its policy."""

import pytest

from proxy.policy.lines import line_of, rule_lines, split

TEXT = """\
policy: demo
version: 1
egress:
  default: deny
  allow:
    - host: a.test

    - host: b.test
models:
  deny: [x, y]
rules:
  # A comment.
  - id: no-secrets
    decision: deny
  - {id: second, decision: warn}
budgets:
  - name: day
    usd: 1
"""


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        ("demo/egress.default", 4),
        ("demo/egress.allow[0]", 6),
        ("demo/egress.allow[1]", 8),
        ("demo/egress.allow[7]", 5),
        ("demo/models.deny", 10),
        ("demo/models.deny[0]", 10),
        ("demo/rules.no-secrets", 13),
        ("demo/rules.second", 15),
        ("demo/budgets.day", 17),
        ("demo/rules.default", None),
        ("demo/tools.default", None),
        ("no-policy", None),
    ],
)
def test_a_rule_is_found_by_the_name_that_records_have_for_it(rule: str, line: int | None) -> None:
    assert line_of(rule, rule_lines(TEXT)) == line


@pytest.mark.parametrize("text", ["", "- a\n- b", "{", "a: [", "rules: 3", "rules: [1, {x: 2}]"])
def test_what_is_no_policy_has_no_lines(text: str) -> None:
    assert rule_lines(text) == {}


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    assert split("a\nb\n") == ["a", "b"]
    assert split("a\n\n") == ["a", ""]
    assert split("") == [""]
