"""Where a request comes from, and where it may lead."""

import pytest

from proxy.console.access.origin import is_cross_site_visit, is_same_origin, local_path

HOSTS = frozenset(["exeat.test:8081"])


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "http://exeat.test:8081"}, False),
        ({"origin": "http://exeat.test:8081"}, True),
        ({"origin": "https://exeat.test:8081"}, True),
        ({"origin": "http://exeat.test"}, False),
        ({"origin": "http://evil.test"}, False),
        ({"origin": "null"}, False),
        ({"origin": ""}, False),
    ],
)
def test_a_page_from_elsewhere_is_told_by_its_browser(headers, is_ours):
    assert is_same_origin(headers, HOSTS) is is_ours


def test_a_link_from_elsewhere_is_a_visit_and_a_script_is_none():
    link = {"sec-fetch-mode": "navigate", "sec-fetch-site": "cross-site"}
    assert is_cross_site_visit(link)
    assert not is_cross_site_visit({**link, "sec-fetch-mode": "cors"})
    assert not is_cross_site_visit({**link, "sec-fetch-site": "same-origin"})


@pytest.mark.parametrize(
    "path", ["/", "/calls?org=acme&since=1h", "/calls/0192f3a0#slip", "/a%0Ab"]
)
def test_a_path_of_ours_is_kept(path):
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "calls",
        "//evil.test",
        "/\\evil.test",
        "/a\\b",
        "https://evil.test/",
        "javascript:alert(1)",
        "/a\nb",
        "/a\tb",
        "/a b",
        "/ü",
        "/" + "x" * 2048,
    ],
)
def test_what_could_lead_elsewhere_is_the_first_page(path):
    assert local_path(path) == "/"
