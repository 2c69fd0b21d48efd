"""Links: a path, and a query of what is there."""

from proxy.console.links import url


def test_a_query_has_what_is_not_none() -> None:
    assert url("/calls") == "/calls"
    assert url("/calls", {"agent": "a/b&c", "org": None}) == "/calls?agent=a%2Fb%26c"
    assert url("/calls", {"agent": "a", "before": 9}, agent=None, since="1h") == (
        "/calls?before=9&since=1h"
    )
