"""Conditions that hold for every row on their face: `true`, `1 = 1`, `2 > 1`, `x OR true` (pure)."""

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import exp

DEPTH_MAX = 32
NODES_MAX = 512

_COMPARED: dict[str, Callable[[float, float], bool]] = {
    "eq": operator.eq, "neq": operator.ne, "gt": operator.gt, "gte": operator.ge,
    "lt": operator.lt, "lte": operator.le,
}  # fmt: skip


def is_always(condition: "exp.Expr", depth: int = 0) -> bool:
    """Whether it spares no row. Without a column it is the same for all of them, and what is not false
    on its face counts as true."""
    from sqlglot import exp

    if depth > DEPTH_MAX:
        return True
    match condition:
        case exp.Paren():
            return is_always(condition.this, depth + 1)
        case exp.Or():
            sides = (condition.left, condition.right)
            return any(is_always(side, depth + 1) for side in sides)
        case exp.And():
            sides = (condition.left, condition.right)
            return all(is_always(side, depth + 1) for side in sides)
        case exp.EQ() | exp.GTE() | exp.LTE() if condition.left == condition.right:
            return True
        case exp.Like() | exp.ILike() if str(condition.expression.this) == "%":
            return True
    return depends_on_nothing(condition) and not _is_false(condition, depth)


def depends_on_nothing(condition: "exp.Expr") -> bool:
    """Whether it has no column, and nothing that is given elsewhere."""
    from sqlglot import exp

    elsewhere = (
        exp.Column,
        exp.Placeholder,
        exp.Parameter,
        exp.SessionParameter,
        exp.From,
        exp.Star,
    )
    for number, node in enumerate(condition.walk()):
        if number > NODES_MAX or isinstance(node, (*elsewhere, exp.Command)):
            return False
    return True


def _is_false(condition: "exp.Expr", depth: int) -> bool:
    """Whether a condition without columns holds for none on its face."""
    from sqlglot import exp

    match condition:
        case exp.Paren():
            return _is_false(condition.this, depth + 1)
        case exp.Not():
            return is_always(condition.this, depth + 1)
        case exp.And():
            return _is_false(condition.left, depth + 1) or _is_false(condition.right, depth + 1)
        case exp.Or():
            return _is_false(condition.left, depth + 1) and _is_false(condition.right, depth + 1)
        case exp.Boolean():
            return not condition.this
        case exp.Null():
            return True
        case exp.Literal():
            return str(condition.this) in ("0", "")
        case exp.In():
            held = condition.expressions
            are_plain = all(isinstance(each, exp.Literal) for each in (condition.this, *held))
            return bool(held) and are_plain and condition.this not in held
        case exp.EQ() | exp.NEQ() | exp.GT() | exp.GTE() | exp.LT() | exp.LTE():
            return _differs(type(condition).__name__.lower(), condition.left, condition.right)
    return False


def _differs(name: str, left: "exp.Expr", right: "exp.Expr") -> bool:
    from sqlglot import exp

    if not (isinstance(left, exp.Literal) and isinstance(right, exp.Literal)):
        return False
    try:
        return not _COMPARED[name](float(str(left.this)), float(str(right.this)))
    except ValueError:
        return name in ("neq", "gt", "lt") if left == right else name == "eq"
