"""Tokens: their secrets, names and expiry."""

import pytest

from proxy.console.access.tokens import Token, bearer, checked_name, digest, expiry_ms, new_secret

DAY_MS = 86_400_000
NOW_MS = 1_795_000_000_000


def test_a_secret_is_256_bits_and_known_for_what_it_is():
    secret = new_secret()
    assert secret.startswith("exeat_")
    assert len(secret) == len("exeat_") + 43
    assert new_secret() != secret


def test_what_is_kept_of_a_secret_does_not_tell_it():
    assert digest("a") == digest("a") != digest("b")
    assert "secret" not in digest("secret")


@pytest.mark.parametrize(
    ("header", "secret"),
    [
        ("Bearer secret", "secret"),
        ("bearer secret", "secret"),
        ("BEARER  secret ", "secret"),
        ("", None),
        ("Bearer", None),
        ("Bearer ", None),
        ("secret", None),
        ("Basic secret", None),
    ],
)
def test_the_secret_of_a_header(header, secret):
    assert bearer(header) == secret


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("30d", NOW_MS + 30 * DAY_MS),
        ("12h", NOW_MS + DAY_MS // 2),
        ("never", None),
        ("2026-12-01", 1_796_083_200_000),
    ],
)
def test_an_expiry_is_a_span_a_date_or_never(text, ms):
    assert expiry_ms(text, NOW_MS) == ms


@pytest.mark.parametrize("text", ["0d", "2026-01-01", "soon", "", "-3d"])
def test_an_expiry_that_has_passed_or_means_nothing_is_refused(text):
    with pytest.raises(ValueError):
        expiry_ms(text, NOW_MS)


@pytest.mark.parametrize("name", ["", "-x", "a b", "a\n", "<b>", "ü", "x" * 65])
def test_a_name_can_be_told_from_others_wherever_it_is_shown(name):
    with pytest.raises(ValueError, match="is no name"):
        checked_name(name)


def test_a_token_is_good_until_it_expires_or_is_revoked():
    token = Token("1", "ann", "viewer", 0, 100)
    assert token.is_good(99)
    assert not token.is_good(100)
    assert not Token("1", "ann", "viewer", 0, None, revoked_ms=5).is_good(6)
    assert Token("1", "ann", "viewer", 0, None).is_good(10**15)
