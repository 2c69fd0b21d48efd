"""What an issuer's token must say, and what the groups in it give."""

import pytest

from proxy.console.access.oidc import (
    NotVouched,
    Pending,
    PendingLogins,
    authorization_url,
    verified,
    viewer_of,
)
from proxy.listening import Oidc

SETTINGS = Oidc(
    issuer="https://i.test/",
    client_id="exeat",
    client_secret="s",  # type: ignore[arg-type]
    roles={"everybody": "viewer", "ops": "approver", "root": "admin"},
    name_claim="email",
)


def pending(state: str, until_ms: int = 1000) -> Pending:
    return Pending(state, "nonce", "verifier", "/", until_ms)


def test_a_login_comes_back_once_and_in_time():
    logins = PendingLogins()
    logins.add(pending("a"))
    logins.add(pending("b"))
    assert logins.take("a", 999) == pending("a")
    assert logins.take("a", 999) is None
    assert logins.take("b", 1000) is None
    assert logins.take("b", 0) is None, "what came too late is used up"
    assert logins.take("c", 0) is None


def test_logins_that_never_come_back_are_forgotten():
    logins = PendingLogins()
    for number in range(2000):
        logins.add(pending(str(number)))
    assert len(logins._by_state) == 1000
    assert logins.take("1999", 0) is not None


def test_where_a_browser_is_sent_says_no_secret():
    url = authorization_url(
        "https://i.test/auth?x=1", SETTINGS, "https://e.test/back", pending("s")
    )
    assert url.startswith("https://i.test/auth?x=1&response_type=code&client_id=exeat&")
    # The challenge of RFC 7636, made of this verifier.
    assert "code_challenge=iMnq5o6zALKXGivsnlom_0F5_WYda32GHkxlV7mq7hQ&" in url
    assert "verifier" not in url


@pytest.mark.parametrize("keys", [{}, {"keys": []}, {"keys": 1}, {"keys": ["x"]}, {"keys": [{}]}])
def test_keys_that_are_none_vouch_for_nobody(keys):
    with pytest.raises(NotVouched):
        verified("a.b.c", keys, SETTINGS, "n", 0)


@pytest.mark.parametrize("token", ["", "x", "a.b", "a.b.c", "....", "ä"])
def test_a_text_that_is_no_token_vouches_for_nobody(token):
    from tests.console.access.issuer import KEY, KeySet

    with pytest.raises(NotVouched):
        verified(token, KeySet([KEY]).as_dict(), SETTINGS, "n", 0)


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["everybody"], "viewer"),
        (["everybody", "root", "ops"], "admin"),
        (["others", "ops"], "approver"),
        ("ops", "approver"),
    ],
)
def test_the_most_that_ones_groups_give(groups, role):
    viewer, told = viewer_of({"email": "ann@acme.test", "groups": groups}, SETTINGS)
    assert (viewer.name, viewer.role, told) == ("oidc:ann@acme.test", role, role)


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "ann@acme.test"},
        {"email": "ann@acme.test", "groups": []},
        {"email": "ann@acme.test", "groups": ["others"]},
        {"email": "ann@acme.test", "groups": {"ops": True}},
        {"email": "ann@acme.test", "groups": [["ops"], 1, None]},
        {"email": "ann@acme.test", "groups": None},
        {"email": "", "groups": ["ops"]},
        {"email": "ann bob", "groups": ["ops"]},
        {"email": "<b>", "groups": ["ops"]},
        {"email": "ann@acme.test", "email_verified": False, "groups": ["ops"]},
        {"email": 5, "groups": ["ops"]},
        {"sub": "u-1", "groups": ["ops"]},
    ],
)
def test_who_has_no_group_or_no_name_is_not_let_in(claims):
    with pytest.raises(NotVouched):
        viewer_of(claims, SETTINGS)
