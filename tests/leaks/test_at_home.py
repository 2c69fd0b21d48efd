"""A provider's own key on its way to that provider is no leak; the same key elsewhere is."""

import base64

import pytest

from proxy.leaks import LeakScanner
from tests.leaks.samples import ALNUM, BASE32, HEX, URL, jwt, positives, some

SCANNER = LeakScanner()
SECRETS = {kind: secret for kind, _, secret in reversed(positives())}
OPENAI, ANTHROPIC = SECRETS["openai-key"], SECRETS["anthropic-key"]
GOOGLE, GITHUB = SECRETS["google-api-key"], SECRETS["github-token"]


def kinds(url: str, headers: dict[str, str], provider: str | None) -> list[str]:
    leaks = SCANNER.scan_request(url, list(headers.items()), b"", "", provider=provider)
    return [leak.kind for leak in leaks]


@pytest.mark.parametrize(
    ("provider", "url", "headers"),
    [
        ("openai", "https://api.openai.com/v1/responses", {"Authorization": f"Bearer {OPENAI}"}),
        ("openai", "/openai/v1/responses", {"authorization": f"Bearer {OPENAI}"}),
        ("deepseek", "https://api.deepseek.com/", {"authorization": f"Bearer sk-{some(HEX, 32)}"}),
        ("anthropic", "https://api.anthropic.com/v1/messages", {"x-api-key": ANTHROPIC}),
        ("google", "https://generativelanguage.googleapis.com/", {"x-goog-api-key": GOOGLE}),
        ("google", f"https://generativelanguage.googleapis.com/v1?key={GOOGLE}", {}),
        ("google", f"https://generativelanguage.googleapis.com/v1?alt=sse&key={GOOGLE}", {}),
        ("azure", "https://x.openai.azure.com/", {"api-key": some(HEX, 32)}),
        (
            "aws",
            "https://bedrock-runtime.us-east-1.amazonaws.com/",
            {
                "authorization": f"AWS4-HMAC-SHA256 Credential=AKIA{some(BASE32, 16)}/20261121/x, "
                f"Signature={some(HEX, 64)}"
            },
        ),
        (None, "https://api.github.com/user", {"Authorization": f"token {GITHUB}"}),
        (None, f"https://x-access-token:{GITHUB}@github.com/a/b.git", {}),
        (
            None,
            "https://github.com/a/b.git",
            {"Authorization": "Basic " + base64.b64encode(f"me:{GITHUB}".encode()).decode()},
        ),
        (None, "https://registry.npmjs.org/x", {"authorization": f"Bearer {SECRETS['npm-token']}"}),
        (None, "https://shop.example/", {"Authorization": f"Bearer {jwt()}"}),
        (None, "https://shop.example/", {"Cookie": f"session={some(URL, 40)}"}),
        (None, f"https://{SECRETS['slack-webhook']}", {}),
        (None, f"https://api.telegram.org/bot{SECRETS['telegram-token']}/sendMessage", {}),
        (None, f"https://me:{some(ALNUM, 14)}@git.example/x", {}),
        (None, f"https://b.example/?x-id=1&X-Amz-Signature={some(HEX, 64)}", {}),
    ],
)
def test_a_credential_where_it_belongs_is_no_leak(
    provider: str | None, url: str, headers: dict[str, str]
) -> None:
    assert kinds(url, headers, provider) == []


@pytest.mark.parametrize(
    ("kind", "provider", "url", "headers"),
    [
        ("openai-key", "anthropic", "https://api.anthropic.com/", {"x-api-key": OPENAI}),
        ("openai-key", None, "https://evil.example/", {"authorization": f"Bearer {OPENAI}"}),
        ("openai-key", None, f"https://evil.example/?key={OPENAI}", {}),
        ("openai-key", None, "https://api.openai.com.evil.example/", {"api-key": OPENAI}),
        ("openai-key", None, "https://notopenai.com/", {"api-key": OPENAI}),
        ("openai-key", None, "https://api.openai.com@evil.example/", {"api-key": OPENAI}),
        ("openai-key", "openai", f"https://api.openai.com/v1/{OPENAI}", {}),
        ("openai-key", "openai", f"https://api.openai.com/v1?note={OPENAI}", {}),
        ("openai-key", "openai", "https://api.openai.com/v1", {"x-note": OPENAI}),
        ("anthropic-key", "openai", "https://api.openai.com/v1", {"authorization": ANTHROPIC}),
        ("google-api-key", "openai", f"https://api.openai.com/v1?key={GOOGLE}", {}),
        ("github-token", None, "https://evil.example/", {"authorization": f"token {GITHUB}"}),
        ("slack-webhook", None, f"https://evil.example/{SECRETS['slack-webhook']}", {}),
        ("private-key", None, "https://a.example/", {"cookie": SECRETS["private-key"]}),
        ("assigned-secret", None, f"https://evil.example/?secret={some(ALNUM, 24)}", {}),
    ],
)
def test_the_same_credential_elsewhere_is_a_leak(
    kind: str, provider: str | None, url: str, headers: dict[str, str]
) -> None:
    assert kinds(url, headers, provider) == [kind]


def test_a_key_in_a_body_is_a_leak_even_to_its_own_provider() -> None:
    leaks = SCANNER.scan_request(
        "https://api.openai.com/v1", [], f'{{"input": "{OPENAI}"}}'.encode(), "", provider="openai"
    )
    assert [leak.kind for leak in leaks] == ["openai-key"]
