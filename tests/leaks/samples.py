"""Made-up secrets in valid formats, put together when they are asked for, so that nothing that looks
through this repository for secrets finds one; and what only resembles them."""

import base64
import json
import string
from random import Random

ALNUM = string.ascii_letters + string.digits
URL = ALNUM + "-_"
B64 = ALNUM + "+/"
HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + string.digits
BASE32 = string.ascii_uppercase + "234567"
BEGIN, END = "-----BEG" + "IN ", "-----E" + "ND "
SEED = 20261121


def some(chars: str, size: int, seed: int = SEED) -> str:
    """Characters drawn at random, the same in every run, beginning and ending within a word."""
    drawn = Random(f"{chars}{size}{seed}")
    inner = "".join(drawn.choice(chars) for _ in range(size - 2))
    ends = [each for each in chars if each.isalnum()]
    return drawn.choice(ends) + inner + drawn.choice(ends)


def jwt() -> str:
    head = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    body = base64.urlsafe_b64encode(json.dumps({"sub": "u-77120", "scope": "all"}).encode())
    return ".".join((head.decode().rstrip("="), body.decode().rstrip("="), some(URL, 43)))


def pem(name: str, newline: str = "\n") -> str:
    lines = [some(B64, 64, seed) for seed in range(12)]
    return newline.join([f"{BEGIN}{name}-----", *lines, f"{END}{name}-----"])


def positives() -> list[tuple[str, str, str]]:
    """Kind, a text that holds one secret, and the secret."""
    marker = "T3Blbk" + "FJ"
    alone = [
        ("anthropic-key", "sk-" + "ant-api03-" + some(URL, 93) + "AA"),
        ("anthropic-key", "sk-" + "ant-admin01-" + some(URL, 93)),
        ("anthropic-key", "sk-" + "ant-oat01-" + some(URL, 95)),
        ("openrouter-key", "sk-" + "or-v1-" + some(HEX, 64)),
        ("openai-key", "sk-" + "proj-" + some(URL, 74) + marker + some(URL, 74)),
        ("openai-key", "sk-" + "svcacct-" + some(URL, 74) + marker + some(URL, 74)),
        ("openai-key", "sk-" + "admin-" + some(URL, 58) + marker + some(URL, 58)),
        ("openai-key", "sk-" + some(ALNUM, 20) + marker + some(ALNUM, 20, 1)),
        ("llm-key", "sk-" + some(HEX, 32)),
        ("llm-key", "sk-" + some(ALNUM, 48)),
        ("google-api-key", "AI" + "za" + some(URL, 35)),
        ("google-api-key", "AQ" + ".Ab8" + some(URL, 46)),
        ("google-oauth-token", "ya" + "29." + some(URL, 120)),
        ("google-oauth-token", "1/" + "/0" + some(URL, 60)),
        ("google-client-secret", "GOC" + "SPX-" + some(URL, 28)),
        ("groq-key", "gs" + "k_" + some(ALNUM, 52)),
        ("xai-key", "xa" + "i-" + some(ALNUM, 80)),
        ("perplexity-key", "pp" + "lx-" + some(ALNUM, 48)),
        ("cerebras-key", "cs" + "k-" + some(HEX + "xyz", 48)),
        ("together-key", "tgp" + "_v1_" + some(URL, 43)),
        ("fireworks-key", "f" + "w_" + some(ALNUM, 24)),
        ("nvidia-key", "nv" + "api-" + some(URL, 64)),
        ("voyage-key", "p" + "a-" + some(URL, 43)),
        ("replicate-token", "r" + "8_" + some(ALNUM, 37)),
        ("elevenlabs-key", "s" + "k_" + some(HEX, 48)),
        ("huggingface-token", "h" + "f_" + some(string.ascii_letters, 34)),
        ("aws-access-key", "AK" + "IA" + some(BASE32, 16)),
        ("aws-access-key", "AS" + "IA" + some(BASE32, 16)),
        ("aws-bedrock-key", "AB" + "SK" + some(B64, 128)),
        ("azure-storage-key", "Account" + "Key=" + some(B64, 86) + "=="),
        ("github-token", "gh" + "p_" + some(ALNUM, 36)),
        ("github-token", "gh" + "o_" + some(ALNUM, 36)),
        ("github-token", "gh" + "s_" + some(ALNUM, 36)),
        ("github-token", "github" + "_pat_" + some(ALNUM, 22) + "_" + some(ALNUM, 59)),
        ("gitlab-token", "gl" + "pat-" + some(URL, 20)),
        ("gitlab-token", "gl" + "rt-" + some(URL, 20)),
        ("atlassian-token", "ATA" + "TT3" + some(URL, 180)),
        ("slack-token", "xo" + "xb-" + some("123456789", 12) + "-" + some(ALNUM, 24)),
        ("slack-token", "xo" + "xp-" + some("123456789", 12) + "-" + some(HEX, 32)),
        ("slack-token", "xa" + "pp-1-A" + some(UPPER, 10) + "-" + some(HEX, 64)),
        (
            "slack-webhook",
            "hooks.slack"
            + ".com/services/T"
            + some(UPPER, 9)
            + "/B"
            + some(UPPER, 9)
            + "/"
            + some(ALNUM, 24),
        ),
        (
            "discord-webhook",
            "discord"
            + ".com/api/webhooks/"
            + "9" * 3
            + some("123456789", 16)
            + "/"
            + some(URL, 68),
        ),
        ("stripe-key", "sk" + "_live_" + some(ALNUM, 24)),
        ("stripe-key", "rk" + "_live_" + some(ALNUM, 99)),
        ("stripe-webhook-secret", "wh" + "sec_" + some(ALNUM, 32)),
        ("square-token", "sq0" + "atp-" + some(URL, 22)),
        ("shopify-token", "shp" + "at_" + some(HEX, 32)),
        ("twilio-key", "S" + "K" + some(HEX, 32)),
        ("sendgrid-key", "S" + "G." + some(URL, 22) + "." + some(URL, 43)),
        ("mailgun-key", "ke" + "y-" + some(HEX, 32)),
        ("npm-token", "np" + "m_" + some(ALNUM, 36)),
        ("pypi-token", "py" + "pi-AgEIcHlwaS5vcmc" + some(URL, 120)),
        ("rubygems-token", "ruby" + "gems_" + some(HEX, 48)),
        ("crates-token", "ci" + "o" + some(ALNUM, 32)),
        ("docker-token", "dckr" + "_pat_" + some(URL, 27)),
        ("digitalocean-token", "dop" + "_v1_" + some(HEX, 64)),
        ("databricks-token", "da" + "pi" + some(HEX, 32)),
        ("linear-key", "lin" + "_api_" + some(ALNUM, 40)),
        ("notion-token", "nt" + "n_" + some(ALNUM, 46)),
        ("figma-token", "fig" + "d_" + some(URL, 40)),
        ("airtable-token", "pa" + "t" + some(ALNUM, 14) + "." + some(HEX, 64)),
        ("vault-token", "hv" + "s." + some(URL, 90)),
        ("pulumi-token", "pu" + "l-" + some(HEX, 40)),
        ("doppler-token", "dp" + ".pt." + some(ALNUM, 43)),
        ("grafana-token", "gl" + "sa_" + some(ALNUM, 32) + "_" + some(HEX, 8)),
        ("newrelic-key", "NR" + "AK-" + some(UPPER, 27)),
        ("sentry-token", "sn" + "tryu_" + some(HEX, 64)),
        ("postman-key", "PM" + "AK-" + some(HEX, 24) + "-" + some(HEX, 34)),
        ("supabase-key", "sb" + "p_" + some(HEX, 40)),
        ("planetscale-token", "pscale" + "_tkn_" + some(URL, 43)),
        ("heroku-key", "HR" + "KU-" + "AA" + some(URL, 58)),
        ("tailscale-key", "ts" + "key-auth-" + some(ALNUM, 17) + "-" + some(ALNUM, 32)),
        ("artifactory-key", "AK" + "Cp" + some(ALNUM, 69)),
        ("langsmith-key", "ls" + "v2_pt_" + some(HEX, 32) + "_" + some(HEX, 10)),
        ("onepassword-token", "op" + "s_eyJ" + some(URL, 300)),
        ("age-key", "AGE-SECRET" + "-KEY-1" + some(UPPER, 58)),
        ("telegram-token", some("123456789", 10) + ":A" + "A" + some(URL, 33)),
        ("jwt", jwt()),
        ("private-key", pem("RSA PRIVATE KEY")),
        ("private-key", pem("PRIVATE KEY")),
        ("private-key", pem("OPENSSH PRIVATE KEY", "\\n")),
        ("private-key", pem("EC PRIVATE KEY", "\r\n")),
        ("private-key", pem("PGP PRIVATE KEY BLOCK")),
        ("high-entropy", "wJ7r" + some(B64, 36, 3)),
        ("high-entropy", some(ALNUM, 44, 4)),
    ]
    named = [
        ("aws_secret_access_key = {}", some(ALNUM, 40, 5)),
        ('DB_PASSWORD="{}"', "qT7" + some(ALNUM, 17, 6)),
        ("api_key: {}", some(HEX, 32, 7)),
        ("export MISTRAL_API_KEY={}", some(ALNUM, 32, 8)),
        ("Authorization: Bearer {}", some(URL, 40, 9)),
        ('{{"client_secret": "{}"}}', some(ALNUM, 32, 10)),
        ('{{\\"access_token\\": \\"{}\\"}}', some(ALNUM, 32, 11)),
        ("token => '{}'", some(HEX, 40, 12)),
    ]
    password = "tR7" + some(ALNUM, 11, 13)
    return [
        *((kind, f"here it is: {secret} and on", secret) for kind, secret in alone),
        *(("assigned-secret", text.format(secret), secret) for text, secret in named),
        ("url-password", f"postgres://app:{password}@db.example.org/main", password),
        ("url-password", f"redis://:{password}@cache:6379/0", password),
    ]


def negatives() -> list[str]:
    """Texts without a secret."""
    sha1, sha256 = some(HEX, 40), some(HEX, 64)
    blob = some(B64, 400)
    return [
        "AKIAIOSFODNN7EXAMPLE",
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "sk-" + "x" * 48,
        "sk-ant-api03-" + "your-key-here-" * 4,
        "sk-proj-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "OPENAI_API_KEY=sk-...",
        "export ANTHROPIC_API_KEY=$(cat key)",
        "api_key = os.environ['OPENAI_API_KEY_PRODUCTION_2']",
        "apiKey: process.env.OPENAI_API_KEY_2025",
        'password = "changeme12345"',
        "PASSWORD=${DB_PASSWORD_V2}",
        "password: <your password here 123>",
        "token = get_token_from_request(request, 1)",
        "the secret: never give up on 2 things",
        '{"max_tokens": 4096, "total_tokens": 123456789012345}',
        '{"next_page_token": "' + some(ALNUM, 40) + '"}',
        '{"csrf_token": "' + some(ALNUM, 40) + '"}',
        '{"token_type": "urn:ietf:params:oauth:token-type:jwt1"}',
        '{"password_hash": "' + sha256 + '"}',
        "123e4567-e89b-12d3-a456-426614174000",
        "api_key: 123e4567-e89b-42d3-a456-426614174000",
        f"commit {sha1}",
        f"git checkout {sha1[:12]}",
        f"sha256:{sha256}",
        f"python@sha256:{sha256}",
        f"{sha256}  exeat-0.1.0.tar.gz",
        f"{some(HEX, 128)}  exeat-0.1.0.zip",
        f"md5 = {some(HEX, 32)}",
        f'"integrity": "sha512-{some(B64, 86)}=="',
        f"github.com/a/b v1.2.3 h1:{some(B64, 43)}=",
        f"data:image/png;base64,{blob}",
        f'{{"type": "base64", "media_type": "image/png", "data": "{some(B64, 100)}"}}',
        f'{{"signature": "{some(B64, 120)}"}}',
        f'{{"encrypted_content": "{some(B64, 120)}"}}',
        f'{{"thoughtSignature": "{some(B64, 120)}"}}',
        f'{{"b64_json": "{some(B64, 88)}"}}',
        f'{{"id": "{some(ALNUM, 36)}"}}',
        f'{{"tool_use_id": "toolu_{some(ALNUM, 24)}"}}',
        f"the call toolu_{some(ALNUM, 32)} failed",
        f"chatcmpl-{some(ALNUM, 32)}",
        f"resp_{some(HEX, 48)}",
        f"msg_{some(ALNUM, 32)}",
        f"file-{some(ALNUM, 32)}",
        f'{{"etag": "{some(ALNUM, 40)}"}}',
        f'{{"cursor": "{some(ALNUM, 60)}"}}',
        "src/components/dashboard/widgets/RevenueChart2024/index.test.tsx",
        "https://example.org/a/very/long/path/with-Many-Parts/and/2024/11/21/File.html",
        "com.example.application.configuration.SecurityAutoConfiguration2",
        "AbstractSingletonProxyFactoryBean1AndTransactionAttributeSourceAdvisor2",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        "0123456789abcdef0123456789abcdef",
        "-----BEGIN PUBLIC KEY-----\n" + some(B64, 64) + "\n-----END PUBLIC KEY-----",
        "-----BEGIN CERTIFICATE-----\n" + "\n".join(some(B64, 64, n) for n in range(9)),
        "look for '-----BEGIN " + "RSA PRIVATE KEY-----' and '-----END RSA PRIVATE KEY-----'",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + some(B64, 43) + " me@host",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0."
        "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
        "postgres://user:password@localhost:5432/app",
        "postgres://app:${DB_PASSWORD}@db/app",
        "https://user@example.org/path",
        "see http://localhost:8080/a@b and mailto:a@b.example",
        "a task-oriented, risk-averse desk-bound disk-" + "a" * 12,
        "GHP_is_not_a_token ghp_short npm_config_registry",
        "the npm_package_devDependencies_typescript_version variable",
        "xoxb-your-token-goes-in-this-place",
        "pa-" + "per-and-pencil-and-some-more-words-that-go-on-and-on-and-on",
        "hf_hub_download hf_transfer hf_home",
        "fw_" + "config_for_the_firmware",
        "patch-package patterns.path/to/thing",
        "id='Qwen/Qwen3-Coder-480B-A35B-Instruct'",
        "(nvidia/NVIDIA-Nemotron-3-Super-120B-A12B-NVFP4)",
        "basic_credentials = base64.b64encode(user)",
        "id_Gost28147_89_CryptoPro_A_ParamSet",
        '"old_secret": keep_old_secret_for_24_hours',
        "1K image = 1120 tokens = $0.134/image",
        "SKU 12345678901234567890",
        "10:30:55 2024-11-21T10:30:55.123456789+00:00",
        "1600.0:AAAA",
        "lorem ipsum dolor sit amet " * 20,
        json.dumps(
            {"model": "gpt-4.1", "messages": [{"role": "user", "content": "Hi, ça va? " * 9}]}
        ),
        "%7B%22model%22%3A%22gpt-4.1%22%2C%22input%22%3A%22hello%20there%22%7D",
        base64.b64encode(b"a plain sentence that was encoded, with nothing in it").decode(),
        b"a plain sentence that was encoded, with nothing in it".hex(),
    ]
