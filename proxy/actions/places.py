"""Where credentials are kept (pure): any tool that touches one of these does credential access."""

import re
from functools import lru_cache

from proxy.actions.paths import matches_path

NAMED_MAX = 1_024
"""So many letters at the end of a path say what it is."""

FILES = (
    "**/.env", "**/.env.*", "**/*.env", "**/.envrc", "**/.netrc", "**/_netrc", "**/.npmrc",
    "**/.yarnrc.yml", "**/.pypirc", "**/.pgpass", "**/.my.cnf", "**/.mylogin.cnf",
    "**/.git-credentials", "**/.dockercfg", "**/.docker/config.json", "**/.kube/config",
    "**/kubeconfig", "**/.aws/**/*", "**/.azure/**/*", "**/gcloud/**/*.db", "**/gcloud/**/*.json",
    "**/.config/gcloud/**/*", "**/.config/gh/hosts.yml", "**/.config/hub", "**/.ssh/**/*",
    "**/id_rsa", "**/id_dsa", "**/id_ecdsa", "**/id_ed25519", "**/.gnupg/**/*", "**/.gpg/**/*",
    "**/.password-store/**/*", "**/*.kdbx", "**/*.keychain", "**/*.keychain-db", "**/*.p12",
    "**/*.pfx", "**/*.jks", "**/*.keystore", "**/*.key", "**/*.pem", "**/private_key*",
    "**/credentials", "**/credentials.*", "**/*credentials.json", "**/*secret*", "**/token*.json",
    "**/auth*.json", "**/*apikey*", "**/*api_key*", "**/service-account*.json",
    "**/service_account*.json", "**/*firebase-adminsdk*.json", "**/.dev.vars", "**/.vault-token",
    "**/.terraformrc", "**/.terraform.d/*.json", "**/*.tfstate", "**/*.tfstate.backup",
    "**/*.tfvars", "**/.cargo/credentials*", "**/.gem/credentials", "**/.m2/settings.xml",
    "**/.gradle/gradle.properties", "**/.composer/auth.json", "**/.nuget/nuget.config",
    "**/.htpasswd", "**/.pw", "**/.s3cfg", "**/.boto", "**/.codex/auth.json",
    "**/.claude/.credentials.json", "**/.claude.json", "**/github-copilot/hosts.json",
    "**/github-copilot/apps.json", "**/huggingface/token", "**/huggingface/stored_tokens",
    "**/sops/age/keys.txt", "**/.gemini/oauth_creds.json", "**/.config/rclone/rclone.conf",
    "**/.config/op/**", "**/.bash_history", "**/.zsh_history", "**/.psql_history",
    "**/.mysql_history", "**/.python_history", "**/login data", "**/cookies.sqlite", "**/key4.db",
    "**/logins.json", "**/chrome/**/cookies", "**/library/keychains/**", "/etc/shadow",
    "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", "/etc/sudoers", "/etc/sudoers.d/**",
    "/etc/ssh/ssh_host_*", "/etc/krb5.keytab", "/etc/kubernetes/**", "/proc/*/environ",
    "/proc/*/mem", "/run/secrets/**/*", "/var/run/secrets/**/*", "/var/lib/kubelet/**",
    "**/config/sam", "**/windows/ntds/**", "**/microsoft/credentials/**",
)  # fmt: skip

DIRECTORIES = (
    "**/.ssh", "**/.aws", "**/.gnupg", "**/.azure", "**/.config/gcloud", "**/.password-store",
    "**/.kube", "**/.gpg", "/run/secrets", "/var/run/secrets",
)  # fmt: skip
"""Taken as a whole (copied, packed, searched); their names may be listed."""

SOURCES = (
    "py pyi ts tsx mts cts js jsx mjs cjs go rs rb java kt kts cs fs vb c h cc cpp hpp m mm php swift ex"
    " exs erl hs ml clj scala dart lua pl jl r zig sol groovy tf hcl nix bicep md mdx rst adoc html css"
    " scss sass less vue svelte astro sql graphql prisma proto po pot lock snap"
).split()
"""Suffixes of what people write and publish: `secrets.py` is about secrets, and holds none."""
EXAMPLES = "example sample template tmpl dist default defaults schema".split()
TRANSLATED = "locale locales i18n lang translations messages fixtures __fixtures__".split()
"""Folders of texts and of made up data, where `auth.json` is no key."""

_harmless = re.compile(
    rf"\.({'|'.join([*SOURCES, *EXAMPLES])}|pub|baseline|enc)$"
    rf"|\.({'|'.join(EXAMPLES)})\.[^/]*$"
    r"|(^|/)(example|sample|template)\.env$"
    r"|/\.ssh/known_hosts(\.old)?$"
    r"|(^|/)(tsconfig|tokenizer|authors?[.-])[^/]*json$|/design[^/]*/([^/]+/)*[^/]*tokens?[^/]*\.json$"
    rf"|(^|/)({'|'.join(TRANSLATED)})/([^/]+/)*(auth|token)[^/]*\.json$"
    r"|/\.github/workflows/[^/]*$|(^|/)[^/]*secrets?[-_]?(scan|detect)[^/]*$"
    r"|(^|/)[^/]*(sealed|external)-?secret[^/]*$|/templates/[^/]*secret[^/]*\.ya?ml$"
)
_certificate = re.compile(
    r"cert|chain|bundle|pub|csr|dhparam|crl|^ca\b|^ca_|_ca\b|\bca\.pem$"
).search
_private = re.compile(r"key|priv").search
_suspect = re.compile(
    r"env|netrc|npmrc|yarnrc|pypirc|pgpass|\.cnf|git-cred|docker|kube|aws|azure|gcloud|/gh/|hub"
    r"|ssh|id_|gnupg|gpg|passw|kdbx|keychain|\.p12|\.pfx|\.jks|keystore|key|pem|cred|secret|token"
    r"|auth|api_?key|service|vault|terraform|tf(state|vars)|cargo|gem|\.m2|gradle|composer|nuget"
    r"|htpass|\.pw|s3cfg|boto|codex|claude|rclone|/op/|history|login|cookies|shadow|sudoers|krb5"
    r"|proc|secrets|sam|ntds|firebase|\.vars|copilot|huggingface|[*?\[]"
)


@lru_cache(maxsize=2048)
def is_credential(path: str) -> bool:
    """Whether the path, or what its globs may stand for, is a place of credentials. What an address
    names is nowhere here."""
    path = path.lower()
    if "://" in path or _suspect.search(path) is None or is_harmless(path):
        return False
    return any(matches_path(place, path) for place in FILES)


def is_harmless(path: str) -> bool:
    """Whether its name says that it is an example, a public key, a certificate or a source."""
    path = path[-NAMED_MAX:].lower()
    name = path.rpartition("/")[2]
    if name.endswith(".pem") and not _private(name):
        return _certificate(name) is not None or "/certs/" in path
    return _harmless.search(path) is not None


def is_example_of(path: str, other: str) -> bool:
    """Whether `path` is what `other` is made from: `.env.example` for `.env`."""
    name, made = (each.lower().rpartition("/")[2].strip(".") for each in (path, other))
    words = name.split(".")
    rest = [word for word in words if word not in EXAMPLES]
    return 0 < len(rest) < len(words) and made.startswith(".".join(rest))


@lru_cache(maxsize=2048)
def holds_credentials(path: str) -> bool:
    """Whether the path is a directory of nothing but credentials."""
    return any(matches_path(place, path) for place in DIRECTORIES)
