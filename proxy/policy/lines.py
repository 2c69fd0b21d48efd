"""On which line of a policy's text a rule stands, by the name that records have for it (pure)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

_numbered = re.compile(r"(\w+)\[(\d{1,6})\]").fullmatch


def rule_lines(text: str) -> Mapping[str, int]:
    """Line (from 1) by rule, without the policy's name: `rules.no-secrets`, `egress.allow[0]`,
    `egress.default`, `models.deny`, `budgets.day`, `tools.default`. Empty for what is no YAML."""
    try:
        tree = YAML(typ="rt", pure=True).load(text)
    except (YAMLError, RecursionError):
        return {}
    found: dict[str, int] = {}
    if isinstance(tree, CommentedMap):
        for section, inside in tree.items():
            if isinstance(inside, CommentedMap):
                found |= _of_map(str(section), inside)
            elif isinstance(inside, CommentedSeq):
                found |= _of_named(str(section), inside)
    return found


def line_of(rule: str, lines: Mapping[str, int]) -> int | None:
    """Of a rule as records name it (`safety/rules.no-circles`); None when it is not in the text."""
    name = rule.partition("/")[2]
    if name in lines:
        return lines[name]
    section, _, part = name.partition(".")
    numbered = _numbered(part)
    return lines.get(f"{section}.{numbered[1]}") if numbered else None


def _of_map(section: str, inside: CommentedMap) -> dict[str, int]:
    found: dict[str, int] = {}
    for key, value in inside.items():
        found[f"{section}.{key}"] = inside.lc.key(key)[0] + 1
        if isinstance(value, CommentedSeq):
            found |= {f"{section}.{key}[{n}]": _item(value, n) for n in range(len(value))}
    return found


def _of_named(section: str, inside: CommentedSeq) -> dict[str, int]:
    """A list of things with an id or a name."""
    found = {}
    for number, each in enumerate(inside):
        name: Any = each.get("id", each.get("name")) if isinstance(each, CommentedMap) else None
        if name is not None:
            found[f"{section}.{name}"] = _item(inside, number)
    return found


def _item(inside: CommentedSeq, number: int) -> int:
    return int(inside.lc.item(number)[0]) + 1


def split(text: str) -> Sequence[str]:
    """The lines of a text, as its line numbers count them."""
    return text.split("\n") if not text.endswith("\n") else text[:-1].split("\n")
