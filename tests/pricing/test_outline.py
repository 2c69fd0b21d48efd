"""What a model reads of its tools."""

import json

from hypothesis import given
from hypothesis import strategies as st

from proxy.pricing.outline import NONE, outline

SCHEMA = {
    "type": "object",
    "title": "Unread",
    "additionalProperties": False,
    "properties": {
        "city": {"type": "string", "description": "Which city"},
        "unit": {"type": "string", "enum": ["c", "f"]},
        "name": {"type": "object", "properties": {"first": {"type": "string"}}},
    },
    "required": ["city"],
}
WORDS = ["get_weather", "The weather", "city", "unit", "name", "string", "Which city", "string"]


def test_names_descriptions_types_and_choices_are_read_and_the_rest_is_not() -> None:
    tool = {"name": "get_weather", "description": "The weather", "parameters": SCHEMA}
    for written in (
        [{"type": "function", "function": tool}],
        [{"type": "function", **tool}],
        [{"name": "get_weather", "description": "The weather", "input_schema": SCHEMA}],
        [{"functionDeclarations": [tool]}],
    ):
        found = outline(json.dumps(written))
        assert found.words.split("\n") == [*WORDS, "c", "f", "object", "first", "string"]
        assert (found.tools, found.properties) == (1, 4)


def test_white_space_is_not_counted() -> None:
    assert outline(json.dumps(SCHEMA, indent=8)).compact == outline(json.dumps(SCHEMA)).compact


def test_several_members_stand_one_after_the_other() -> None:
    two = outline('[{"name": "a"}]\n{"name": "b"}')
    assert (two.words, two.tools) == ("a\nb", 2)


def test_no_tools_are_nothing() -> None:
    assert outline("") == NONE


def test_what_cannot_be_read_is_one_tools_words() -> None:
    for text in ("{", "[" * 5000 + "]" * 5000):
        found = outline(text)
        assert (found.words, found.compact, found.tools) == (text, text, 1)


@given(st.recursive(st.none() | st.text() | st.integers(), lambda x: st.lists(x) | st.dictionaries(
    st.sampled_from(["name", "properties", "type", "enum", "description", "$defs", "x"]), x)))  # fmt: skip
def test_no_json_is_fatal(value: object) -> None:
    outline(json.dumps(value))
