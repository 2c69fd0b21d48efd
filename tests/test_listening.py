"""Where Exeat listens: the console stays on this machine unless it is safe, or somebody says so."""

import pytest
from pydantic import ValidationError

from proxy.listening import ConsoleListen, is_confidential, is_loopback

TLS = {"tls_cert": "c.pem", "tls_key": "k.pem"}
OIDC = {"issuer": "https://i.test", "client_id": "c", "client_secret": "s", "roles": {"g": "admin"}}
URL = {"public_url": "https://exeat.test"}

SAFE = [
    {},
    {"host": "::1"},
    {"host": "127.0.0.9"},
    {"host": "localhost"},
    {"host": "0.0.0.0", "insecure": True},
    {"host": "0.0.0.0", **TLS},
    {"public_url": "http://exeat.test:8081/"},
    {"oidc": OIDC, **URL},
    {"oidc": {**OIDC, "issuer": "http://127.0.0.1:9/realm"}, **URL},
]
UNSAFE = [
    ({"host": "0.0.0.0"}, "beyond this machine"),
    ({"host": "::"}, "beyond this machine"),
    ({"host": "exeat.test"}, "insecure = true"),
    ({"host": "127.0.0.1.evil.test"}, "beyond this machine"),
    ({"tls_cert": "c.pem"}, "go together"),
    ({"host": "0.0.0.0", "tls_key": "k.pem"}, "go together"),
    ({"public_url": "exeat.test"}, "is no address of a console"),
    ({"public_url": "https://exeat.test/console"}, "is no address of a console"),
    ({"public_url": "https://user:pass@exeat.test"}, "is no address of a console"),
    ({"oidc": OIDC}, "oidc needs public_url"),
    ({"oidc": {**OIDC, "issuer": "http://i.test"}, **URL}, "is no issuer"),
    ({"oidc": {**OIDC, "issuer": "i.test"}, **URL}, "is no issuer"),
    ({"oidc": {**OIDC, "scopes": "profile"}, **URL}, "openid must be among"),
    ({"oidc": {**OIDC, "roles": {"g": "root"}}, **URL}, "roles"),
]


@pytest.mark.parametrize("given", SAFE)
def test_what_nobody_else_can_reach_or_read_is_taken(given):
    assert ConsoleListen(port=1, **given)


@pytest.mark.parametrize(("given", "says"), UNSAFE)
def test_what_is_not_safe_says_what_to_write(given, says):
    with pytest.raises(ValidationError, match=says):
        ConsoleListen(port=1, **given)


def test_an_error_quotes_no_secret():
    with pytest.raises(ValidationError) as told:
        ConsoleListen(port=1, public_url="https://user:hunter2@exeat.test")
    assert "hunter2" not in str(told.value.errors(include_input=False)[0]["msg"])


@pytest.mark.parametrize(
    ("given", "is_secure"),
    [({}, False), (TLS, True), (URL, True), ({"public_url": "http://exeat.test"}, False)],
)
def test_people_come_by_https_when_it_or_something_in_front_has_tls(given, is_secure):
    assert ConsoleListen(port=1, **given).is_secure is is_secure


def test_a_loopback_is_a_loopback_by_what_it_is_and_not_by_its_name():
    assert [is_loopback(it) for it in ("LOCALHOST", "::1", "localhost.evil.test", "")] == [
        *(True, True, False, False)
    ]


@pytest.mark.parametrize(
    ("url", "is_so"),
    [
        ("https://a.test/x", True),
        ("http://[::1]:9/x", True),
        ("http://a.test/x", False),
        ("https://user@a.test/x", False),
        ("https:///x", False),
        ("ftp://127.0.0.1/x", False),
    ],
)
def test_nobody_reads_along_by_https_or_at_loopback(url, is_so):
    assert is_confidential(url) is is_so
