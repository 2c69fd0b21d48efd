"""A value of a TOML file is found on its line."""

import pytest

from proxy.toml_lines import line_of

TEXT = """\
plain = 1
dotted.key = 2  # a remark
[section]
  name = "x"
[rates."llm.corp:8000"."*"]  # dots inside quotes part nothing
free = true
[[mappings]]
name = "a"
[[ mappings ]]
name = "b"
inline = { model = "c" }
"""


@pytest.mark.parametrize(
    ("location", "line"),
    [
        (["plain"], 1),
        (["dotted", "key"], 2),
        (["section"], 3),
        (["section", "name"], 4),
        (["section", "missing"], 3),
        (["rates", "llm.corp:8000", "*", "free"], 6),
        (["rates", "llm.corp:8000", "*", "input"], 5),
        (["rates", "other"], None),
        (["mappings", "0", "name"], 8),
        (["mappings", "1", "name"], 10),
        (["mappings", "1", "inline", "model"], 11),
        (["mappings", "2"], None),
    ],
)
def test_an_error_names_the_innermost_line_there_is(location: list[str], line: int | None) -> None:
    assert line_of(location, TEXT) == line
