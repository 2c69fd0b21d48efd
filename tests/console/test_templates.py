"""Templates: what is put in is text."""

import pytest
from jinja2 import UndefinedError

from proxy.console.templates import render

HOSTILE = "<script>alert(1)</script>"


def test_what_is_put_in_is_never_markup():
    info = {"title": HOSTILE, "version": '"><img src=x onerror=alert(1)>'}
    document = {"info": info, "openapi": "3.1.0", "paths": {}, "components": {"schemas": {}}}
    page = render("docs.html", document=document)
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page


def test_a_name_that_is_missing_is_a_bug_and_no_blank():
    with pytest.raises(UndefinedError):
        render("docs.html")
