"""The secrets that can be told by their format, and where each is at home (pure).

A row begins with words that are written so in every such secret. They are what one pass over a text
looks for; the rest of the row is looked at only there.
"""

from dataclasses import dataclass

_WORD = "[A-Za-z0-9]"
_URL = "[A-Za-z0-9_-]"
_B64 = "[A-Za-z0-9+/]"
_HEX = "[0-9a-f]"
_UPPER = "[A-Z0-9]"
_HOSTED = "anthropic-google"  # Claude on Google's hosts is paid as Google's.


@dataclass(frozen=True, slots=True)
class Rule:
    """One format of one kind."""

    kind: str
    starts: tuple[str, ...]
    """Words that it begins with, at least three characters each."""
    chars: str
    """The class of what follows at once."""
    least: int
    """How many of them at least."""
    rest: str = ""
    """An expression for all that follows the start, where a class is not enough to say it."""
    providers: frozenset[str] = frozenset()
    """Model providers whose own key this is."""
    hosts: tuple[str, ...] = ()
    """Domains that it opens: sent to them as a credential it is at home."""
    is_address: bool = False
    """The address itself carries it, so anywhere in a URL of its host it is at home."""

    @property
    def tail(self) -> str:
        return self.rest or f"{self.chars}{{{self.least},}}"


def _rule(
    kind: str,
    starts: str,
    chars: str,
    least: int,
    *,
    rest: str = "",
    providers: str = "",
    hosts: str = "",
    is_address: bool = False,
) -> Rule:
    return Rule(
        kind,
        tuple(starts.split()),
        chars,
        least,
        rest,
        frozenset(providers.split()),
        tuple(hosts.split()),
        is_address,
    )


_GITHUB = "github.com githubusercontent.com ghcr.io githubcopilot.com"
_GOOGLE = "googleapis.com google.com"
_SENTRY = "sentry.io"
_SLACK = "slack.com"

FORMATS: tuple[Rule, ...] = (
    _rule(
        "anthropic-key",
        "sk-ant-",
        _URL,
        24,
        providers="anthropic anthropic-aws",
        hosts="anthropic.com claude.ai claude.com",
    ),
    _rule("openrouter-key", "sk-or-v1-", _HEX, 64, providers="openrouter"),
    _rule(
        "openai-key",
        "sk-proj- sk-svcacct- sk-admin- sk-service- sk-None-",
        _URL,
        32,
        providers="openai openai-other",
        hosts="openai.com",
    ),
    # Before the next row: what OpenAI signs is its own, what it does not may be anybody's.
    _rule(
        "openai-key",
        "sk-",
        _WORD,
        20,
        rest=f"{_WORD}{{20}}T3BlbkFJ{_WORD}{{20,}}",
        providers="openai openai-other",
        hosts="openai.com",
    ),
    _rule(
        "llm-key",
        "sk-",
        _WORD,
        32,
        providers="openai openai-other deepseek moonshotai dashscope opencode vercel",
    ),
    _rule("google-api-key", "AIza", _URL, 35, providers="google", hosts=_GOOGLE),
    _rule("google-api-key", "AQ.Ab8", _URL, 40, providers="google", hosts=_GOOGLE),
    _rule(
        "google-oauth-token",
        "ya29. 1//0",
        _URL,
        24,
        providers=f"google {_HOSTED}",
        hosts=_GOOGLE,
    ),
    _rule("google-client-secret", "GOCSPX-", _URL, 24, hosts=_GOOGLE),
    _rule("groq-key", "gsk_", _WORD, 40, providers="groq"),
    _rule("xai-key", "xai-", _WORD, 60, providers="x-ai"),
    _rule("perplexity-key", "pplx-", _WORD, 40, providers="perplexity"),
    _rule("cerebras-key", "csk-", _WORD, 40, providers="cerebras"),
    _rule("together-key", "tgp_v1_", _URL, 40, providers="together"),
    _rule("fireworks-key", "fw_", _WORD, 22, providers="fireworks"),
    _rule("nvidia-key", "nvapi-", _URL, 60, providers="nvidia", hosts="nvidia.com"),
    _rule("voyage-key", "pa-", _URL, 43, providers="voyageai"),
    _rule("replicate-token", "r8_", _WORD, 37, providers="replicate", hosts="replicate.com"),
    _rule("elevenlabs-key", "sk_", _HEX, 48, providers="elevenlabs", hosts="elevenlabs.io"),
    _rule(
        "huggingface-token",
        "hf_ api_org_",
        "[A-Za-z]",
        34,
        providers="huggingface",
        hosts="huggingface.co hf.co",
    ),
    _rule(
        "aws-access-key",
        "AKIA ASIA ABIA ACCA",
        "[A-Z2-7]",
        16,
        rest="[A-Z2-7]{16}",
        providers="aws anthropic-aws",
        hosts="amazonaws.com amazonaws.com.cn aws.dev api.aws",
    ),
    _rule(
        "aws-bedrock-key",
        "ABSK bedrock-api-key-",
        _B64,
        100,
        rest=f"{_B64}{{100,}}={{0,2}}",
        providers="aws anthropic-aws",
    ),
    _rule("azure-storage-key", "AccountKey=", _B64, 86, rest=f"{_B64}{{86}}=="),
    _rule("github-token", "ghp_ gho_ ghu_ ghs_ ghr_", _WORD, 36, hosts=_GITHUB),
    _rule("github-token", "github_pat_", "[A-Za-z0-9_]", 60, hosts=_GITHUB),
    _rule(
        "gitlab-token",
        "glpat- gldt- glrt- glptt- glcbt- glagent- gloas- glsoat-",
        "[A-Za-z0-9_.-]",
        20,
        hosts="gitlab.com",
    ),
    _rule(
        "atlassian-token",
        "ATATT3 ATCTT3 ATBB",
        "[A-Za-z0-9_=-]",
        28,
        hosts="atlassian.net atlassian.com bitbucket.org",
    ),
    _rule(
        "slack-token",
        "xoxa- xoxb- xoxe- xoxp- xoxo- xoxr- xoxs- xoxc- xoxd-",
        "[A-Za-z0-9%-]",
        20,
        hosts=_SLACK,
    ),
    _rule("slack-token", "xapp-", "[A-Za-z0-9-]", 30, hosts=_SLACK),
    _rule(
        "slack-webhook",
        "hooks.slack.com/services/",
        _UPPER,
        8,
        rest=f"{_UPPER}{{8,}}/{_UPPER}{{8,}}/{_WORD}{{20,}}",
        hosts="hooks.slack.com",
        is_address=True,
    ),
    _rule(
        "discord-webhook",
        "discord.com/api/webhooks/ discordapp.com/api/webhooks/",
        "[0-9]",
        16,
        rest=f"[0-9]{{16,20}}/{_URL}{{60,}}",
        hosts="discord.com discordapp.com",
        is_address=True,
    ),
    _rule("stripe-key", "sk_live_ rk_live_ sk_test_ rk_test_", _WORD, 16, hosts="stripe.com"),
    _rule("stripe-webhook-secret", "whsec_", _B64, 32),
    _rule("square-token", "sq0atp- sq0csp-", _URL, 22, hosts="squareup.com"),
    _rule(
        "shopify-token",
        "shpat_ shpca_ shppa_ shpss_",
        "[0-9a-fA-F]",
        32,
        hosts="myshopify.com shopify.com",
    ),
    _rule(
        "twilio-key",
        "SK0 SK1 SK2 SK3 SK4 SK5 SK6 SK7 SK8 SK9 SKa SKb SKc SKd SKe SKf",
        _HEX,
        31,
        rest=f"{_HEX}{{31}}",
        hosts="twilio.com",
    ),
    _rule(
        "sendgrid-key", "SG.", _URL, 22, rest=f"{_URL}{{22}}\\.{_URL}{{43}}", hosts="sendgrid.com"
    ),
    _rule("mailgun-key", "key-", _HEX, 32, rest=f"{_HEX}{{32}}", hosts="mailgun.net"),
    _rule("npm-token", "npm_", _WORD, 36, hosts="npmjs.org npmjs.com npm.pkg.github.com"),
    _rule("pypi-token", "pypi-AgEI", _URL, 50, hosts="pypi.org"),
    _rule("rubygems-token", "rubygems_", _HEX, 48, hosts="rubygems.org"),
    _rule("crates-token", "cio", _WORD, 32, rest=f"{_WORD}{{32}}", hosts="crates.io"),
    _rule("docker-token", "dckr_pat_ dckr_oat_", _URL, 24, hosts="docker.com docker.io"),
    _rule("digitalocean-token", "dop_v1_ doo_v1_ dor_v1_", _HEX, 64, hosts="digitalocean.com"),
    _rule(
        "databricks-token",
        "dapi",
        _HEX,
        32,
        providers="databricks",
        hosts="databricks.com azuredatabricks.net",
    ),
    _rule("linear-key", "lin_api_", _WORD, 40, hosts="linear.app"),
    _rule("notion-token", "ntn_ secret_", _WORD, 43, hosts="notion.com notion.so"),
    _rule("figma-token", "figd_", _URL, 40, hosts="figma.com"),
    _rule(
        "airtable-token",
        "pat",
        _WORD,
        14,
        rest=f"{_WORD}{{14}}\\.{_HEX}{{64}}",
        hosts="airtable.com",
    ),
    _rule("vault-token", "hvs. hvb. hvr.", _URL, 24),
    _rule("pulumi-token", "pul-", _HEX, 40, hosts="pulumi.com"),
    _rule("doppler-token", "dp.pt. dp.st. dp.ct. dp.sa.", "[A-Za-z0-9_.]", 40, hosts="doppler.com"),
    _rule("grafana-token", "glsa_ glc_", "[A-Za-z0-9_+/=]", 36, hosts="grafana.net grafana.com"),
    _rule("newrelic-key", "NRAK-", _UPPER, 27, hosts="newrelic.com"),
    _rule("sentry-token", "sntrys_ sntryu_", "[A-Za-z0-9_+/=]", 60, hosts=_SENTRY),
    _rule(
        "postman-key",
        "PMAK-",
        _HEX,
        24,
        rest=f"{_HEX}{{24}}-{_HEX}{{34}}",
        hosts="getpostman.com postman.com",
    ),
    _rule("supabase-key", "sbp_ sb_secret_", "[A-Za-z0-9_-]", 31, hosts="supabase.com supabase.co"),
    _rule(
        "planetscale-token",
        "pscale_tkn_ pscale_pw_ pscale_oauth_",
        "[A-Za-z0-9_.=-]",
        32,
        hosts="planetscale.com psdb.cloud",
    ),
    _rule("heroku-key", "HRKU-", _URL, 58, hosts="heroku.com"),
    _rule(
        "tailscale-key",
        "tskey-auth- tskey-api- tskey-client-",
        "[A-Za-z0-9-]",
        28,
        hosts="tailscale.com",
    ),
    _rule("artifactory-key", "AKCp", _WORD, 60, hosts="jfrog.io"),
    _rule("langsmith-key", "lsv2_pt_ lsv2_sk_", "[0-9a-f_]", 40, hosts="langchain.com"),
    _rule("onepassword-token", "ops_eyJ", _URL, 100, hosts="1password.com"),
    _rule("age-key", "AGE-SECRET-KEY-1", _UPPER, 58),
    _rule("jwt", "eyJ", _URL, 10, rest=f"{_URL}{{10,}}\\.eyJ{_URL}{{10,}}\\.{_URL}{{20,}}"),
    _rule(
        "private-key",
        "-----BEGIN",
        "[A-Z0-9 -]",
        12,
        # A key ends where it says so; one that was cut off ends with its last line. Its lines may
        # be escaped, or be members of an array.
        rest=r"(?: [A-Z0-9]+)* PRIVATE KEY(?: BLOCK)?-----(?:[A-Za-z0-9+/=\s\\\"',:.()-]*?-----END"
        r"[A-Z0-9 ]{0,40}-----|[A-Za-z0-9+/=\s\\]{64,})",
    ),
)
"""Where two begin alike, the earlier row wins."""

OWN_KEY = "own-key"
CANARY = "canary"
ASSIGNED = "assigned-secret"
URL_PASSWORD = "url-password"  # noqa: S105 # An id, no password.
TELEGRAM = "telegram-token"
HIGH_ENTROPY = "high-entropy"

KINDS: tuple[str, ...] = (
    CANARY,
    OWN_KEY,
    *dict.fromkeys(rule.kind for rule in FORMATS),
    TELEGRAM,
    URL_PASSWORD,
    ASSIGNED,
    HIGH_ENTROPY,
)
"""Every kind there is, surest first."""
