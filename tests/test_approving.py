"""Settings of approvals: what is half said is an error, and no error quotes a secret."""

from typing import Any

import pytest
from pydantic import ValidationError

from proxy.approving import ApprovalsSection

SECRET = "whsec_" + "c2VjcmV0" * 4


MAIL = {"smtp_host": "mail.test", "smtp_from": "a@b.test", "smtp_to": ["c@d.test"]}
LOGIN = {"smtp_username": "ann", "smtp_password": "c2VjcmV0"}


@pytest.mark.parametrize(
    "given",
    [
        {"wait_s": 281},
        {"needed": 0},
        {"restart": "ask"},
        {"notify": {"webhook_url": "https://a.test"}},
        {"notify": {"webhook_secret": SECRET}},
        {"notify": {"webhook_url": "a.test", "webhook_secret": SECRET}},
        {"notify": {"webhook_url": "https://a.test", "webhook_secret": "c2VjcmV0"}},
        {"notify": {"slack_url": "hooks.test/secret"}},
        {"notify": {"smtp_host": "mail.test"}},
        {"notify": MAIL | {"smtp_username": "ann"}},
        {"notify": MAIL | {"smtp_username": "ann", "smtp_password": "c2VjcmV0"}},
        {"notify": MAIL | LOGIN | {"smtp_tls": "none"}},
    ],
    ids=str,
)
def test_what_cannot_be_used_is_an_error(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as raised:
        ApprovalsSection(**given)
    told = str(raised.value.errors(include_input=False, include_url=False))
    assert "c2VjcmV0" not in told
    assert "hooks.test/secret" not in told


def test_each_way_may_be_used_alone() -> None:
    for notify in (
        {"webhook_url": "https://a.test/x", "webhook_secret": SECRET},
        {"slack_url": "https://hooks.test/x"},
        MAIL,
        MAIL | LOGIN | {"smtp_tls": "implicit", "smtp_port": 465},
    ):
        ApprovalsSection(notify=notify)  # type: ignore[arg-type]
