"""The faster header look-ups mean what mitmproxy's own mean, whatever is done to the headers."""

import importlib.util
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy import http
from mitmproxy.flow import Flow

from proxy.engine.tuning import tune


def _untuned() -> ModuleType:
    """mitmproxy's module once more, as it was written: `tune` changes classes for good."""
    spec = importlib.util.spec_from_file_location("untuned_http", http.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    Flow._Flow__types["http"] = http.HTTPFlow  # type: ignore[attr-defined]  # As it registered itself.
    return module


ORIGINAL = _untuned()
tune()

NAMES = st.sampled_from(
    [b"Host", b"host", b"HOST", b"Set-Cookie", b"set-cookie", b"x-\xff", b"X", b""]
)
VALUES = st.sampled_from([b"", b"a", b"b, c", b"\xff\xfe", "é".encode(), b" d "])
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=6).map(tuple)
ASKED = st.sampled_from(
    ["host", "Host", "SET-cookie", "x", "", "none", b"hOST", b"none", "x-\udcff", "é"]
)


def looked_up(headers, name):
    """Every answer that a look-up gives."""
    try:
        item = headers[name]
    except KeyError as error:
        item = ("KeyError", error.args)
    return (
        headers.get_all(name),
        name in headers,
        item,
        headers.get(name),
        headers.get(name, "fallback"),
        len(headers),
        list(headers),
        bytes(headers),
    )


@given(FIELDS, ASKED)
def test_a_look_up_answers_as_the_original_does(fields, name):
    assert looked_up(http.Headers(fields), name) == looked_up(ORIGINAL.Headers(fields), name)


CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.sampled_from(["host", "Set-Cookie", "new"]), st.just("v")),
        st.tuples(st.just("add"), st.sampled_from(["host", "Set-Cookie", "new"]), st.just("w")),
        st.tuples(st.just("delete"), st.sampled_from(["host", "Set-Cookie", "new"]), st.none()),
        st.tuples(st.just("pop"), st.sampled_from(["host", "Set-Cookie", "new"]), st.none()),
        st.tuples(st.just("insert"), st.sampled_from(["host", "new"]), st.just("i")),
        st.tuples(st.just("set_all"), st.sampled_from(["host", "Set-Cookie"]), st.none()),
        st.tuples(st.just("fields"), st.none(), FIELDS),
        st.tuples(st.just("setdefault"), st.sampled_from(["host", "new"]), st.just("d")),
        st.tuples(st.just("clear"), st.none(), st.none()),
    ),
    max_size=5,
)


def changed(headers, change):
    how, name, value = change
    try:
        match how:
            case "set":
                headers[name] = value
            case "add":
                headers.add(name, value)
            case "delete":
                del headers[name]
            case "pop":
                return headers.pop(name, None)
            case "insert":
                headers.insert(0, name, value)
            case "set_all":
                headers.set_all(name, ["one", "two"])
            case "fields":
                headers.fields = value
            case "setdefault":
                return headers.setdefault(name, value)
            case "clear":
                headers.clear()
    except KeyError:
        return "KeyError"
    return None


@given(FIELDS, CHANGES, ASKED)
def test_look_ups_see_every_change_at_once(fields, changes, name):
    ours, theirs = http.Headers(fields), ORIGINAL.Headers(fields)

    for change in changes:
        assert looked_up(ours, name) == looked_up(theirs, name)
        assert changed(ours, change) == changed(theirs, change)
    assert looked_up(ours, name) == looked_up(theirs, name)
    assert ours.fields == theirs.fields


@given(FIELDS, ASKED)
def test_a_copy_has_look_ups_of_its_own(fields, name):
    first = http.Headers(fields)
    looked_up(first, name)
    second = first.copy()
    second["host"] = "copy"

    assert looked_up(first, name) == looked_up(ORIGINAL.Headers(fields), name)
    assert second["host"] == "copy"


def test_a_copy_of_a_message_does_not_share_its_headers():
    request = http.Request.make("GET", "http://a.test/", b"", {"x": "1"})
    assert request.headers["x"] == "1"
    twin = request.copy()
    twin.headers["x"] = "2"

    assert (request.headers["x"], twin.headers["x"]) == ("1", "2")


def test_headers_that_were_looked_at_are_still_equal():
    one, two = http.Headers([(b"a", b"b")]), http.Headers([(b"a", b"b")])
    assert one["a"] == "b"

    assert one == two


def test_names_of_another_type_are_in_no_headers():
    assert 5 not in http.Headers([(b"5", b"x")])


def test_tuning_twice_changes_nothing():
    before = http.Headers.__dict__["get_all"]
    tune()

    assert http.Headers.__dict__["get_all"] is before


def test_a_request_can_be_made_as_before():
    request = http.Request.make("POST", "https://a.test:8443/x?y=1", b"body", {"content-type": "z"})

    assert (request.host, request.port, request.path) == ("a.test", 8443, "/x?y=1")
    assert request.headers["content-length"] == "4"
    with pytest.raises(KeyError):
        request.headers["nope"]
