"""The issuer, asked over HTTP: what it says is believed when it is said as an issuer says it."""

import json
import time

import pytest

from proxy.console.access.issuer import Issuer, IssuerUnavailable
from proxy.console.access.oidc import NotVouched
from tests.console.access.issuer import StandinIssuer

WELL_KNOWN = "/.well-known/openid-configuration"


@pytest.fixture
async def standin():
    found = StandinIssuer(int(time.time()))
    await found.start()
    yield found
    await found.server.close()


@pytest.fixture
def issuer(standin):
    return Issuer(standin.settings(), lambda: 0)


async def test_nothing_is_asked_before_somebody_logs_in(standin, issuer):
    assert standin.asked == []
    await issuer.discovery()
    await issuer.discovery()
    assert standin.asked == [WELL_KNOWN]


async def test_its_description_is_asked_for_again_after_a_while(standin):
    now = [0]
    issuer = Issuer(standin.settings(), lambda: now[0])
    await issuer.discovery()
    now[0] = 300_000
    await issuer.discovery()
    assert standin.asked == [WELL_KNOWN, WELL_KNOWN]


@pytest.mark.parametrize(
    "discovery",
    [
        {"issuer": "https://another.test"},
        {"token_endpoint": "http://another.test/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": None},
    ],
)
async def test_a_description_that_leads_elsewhere_is_not_believed(standin, issuer, discovery):
    standin.discovery = discovery
    with pytest.raises(IssuerUnavailable):
        await issuer.discovery()


@pytest.mark.parametrize(
    "answer",
    [
        (500, b"{}"),
        (302, b"{}"),
        (200, b"no"),
        (200, b"[]"),
        (200, b"[" * 100_000),
        (200, b" " * (1024 * 1024 + 1)),
    ],
)
async def test_what_is_no_answer_of_an_issuer_is_none(standin, issuer, answer):
    standin.answers[WELL_KNOWN] = answer
    with pytest.raises(IssuerUnavailable):
        await issuer.discovery()


async def test_an_issuer_that_is_not_there_cannot_be_asked(standin, issuer):
    await standin.server.close()
    with pytest.raises(IssuerUnavailable):
        await issuer.discovery()


async def test_a_code_that_it_does_not_know_vouches_for_nobody(issuer):
    with pytest.raises(NotVouched):
        await issuer.id_token("code", "verifier", "https://e.test/back")


async def test_an_issuer_that_takes_the_secret_in_the_body_is_given_it_there(standin, issuer):
    standin.discovery = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    standin.codes["c"] = {
        "redirect_uri": "b",
        "nonce": "n",
        "code_challenge": "iMnq5o6zALKXGivsnlom_0F5_WYda32GHkxlV7mq7hQ",
    }
    assert (await issuer.id_token("c", "verifier", "b")).count(".") == 2


async def test_its_keys_are_what_it_publishes(standin, issuer):
    assert await issuer.keys() == json.loads(json.dumps(standin.keys))
