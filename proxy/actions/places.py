"""Where credentials are kept (pure): any tool that touches one of these does credential access."""

import re
from functools import lru_cache

from proxy.actions.paths import matches_path

FILES = (
    "**/.env", "**/.env.*", "**/*.env", "**/.envrc", "**/.netrc", "**/_netrc", "**/.npmrc",
    "**/.yarnrc.yml", "**/.pypirc", "**/.pgpass", "**/.my.cnf", "**/.mylogin.cnf",
    "**/.git-credentials", "**/.dockercfg", "**/.docker/config.json", "**/.kube/config",
    "**/kubeconfig", "**/.aws/**/*", "**/.azure/**/*", "**/gcloud/**/*.db", "**/gcloud/**/*.json",
    "**/.config/gcloud/**/*", "**/.config/gh/hosts.yml", "**/.config/hub", "**/.ssh/**/*",
    "**/id_rsa", "**/id_dsa", "**/id_ecdsa", "**/id_ed25519", "**/.gnupg/**/*", "**/.gpg/**/*",
    "**/.password-store/**/*", "**/*.kdbx", "**/*.keychain", "**/*.keychain-db", "**/*.p12",
    "**/*.pfx", "**/*.jks", "**/*.keystore", "**/*-key.pem", "**/*.key", "**/key.pem",
    "**/privkey.pem", "**/private.pem", "**/private_key*", "**/credentials", "**/credentials.*",
    "**/*credentials.json", "**/secrets", "**/secrets.*", "**/secret.*", "**/*-secret.y*ml",
    "**/token*.json", "**/auth*.json", "**/*apikey*", "**/*api_key*", "**/service-account*.json",
    "**/service_account*.json", "**/.vault-token", "**/.terraformrc", "**/.terraform.d/*.json",
    "**/*.tfstate", "**/*.tfvars", "**/.cargo/credentials*", "**/.gem/credentials",
    "**/.m2/settings.xml", "**/.gradle/gradle.properties", "**/.composer/auth.json",
    "**/.nuget/nuget.config", "**/.htpasswd", "**/.pw", "**/.s3cfg", "**/.boto",
    "**/.codex/auth.json", "**/.claude/.credentials.json", "**/.gemini/oauth_creds.json",
    "**/.config/rclone/rclone.conf", "**/.config/op/**", "**/.bash_history", "**/.zsh_history",
    "**/.psql_history", "**/.mysql_history", "**/.python_history", "**/login data",
    "**/cookies.sqlite", "**/key4.db", "**/logins.json", "**/chrome/**/cookies",
    "**/library/keychains/**", "/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/etc/sudoers.d/**",
    "/etc/ssh/ssh_host_*", "/etc/krb5.keytab", "/etc/kubernetes/**", "/proc/*/environ",
    "/proc/*/mem", "/run/secrets/**/*", "/var/run/secrets/**/*", "/var/lib/kubelet/**",
    "**/config/sam", "**/windows/ntds/**", "**/microsoft/credentials/**",
)  # fmt: skip

DIRECTORIES = (
    "**/.ssh", "**/.aws", "**/.gnupg", "**/.azure", "**/.config/gcloud", "**/.password-store",
    "**/.kube", "/run/secrets", "/var/run/secrets",
)  # fmt: skip
"""Taken as a whole (copied, packed, searched); their names may be listed."""

_harmless = re.compile(
    r"\.(example|sample|template|tmpl|dist|defaults?|schema|pub|py|pyi|ts|tsx|js|jsx|mjs|go|rs|rb"
    r"|java|kt|cs|c|h|cpp|hpp|php|swift|ex|exs|md|rst|html|css|vue|svelte|sql|proto|lock|snap)$"
    r"|/\.ssh/known_hosts(\.old)?$|(^|/)(tsconfig|author)[^/]*\.json$"
)
_suspect = re.compile(
    r"env|netrc|npmrc|yarnrc|pypirc|pgpass|\.cnf|git-cred|docker|kube|aws|azure|gcloud|/gh/|hub"
    r"|ssh|id_|gnupg|gpg|passw|kdbx|keychain|\.p12|\.pfx|\.jks|keystore|key|pem|cred|secret|token"
    r"|auth|api_?key|service|vault|terraform|tf(state|vars)|cargo|gem|\.m2|gradle|composer|nuget"
    r"|htpass|\.pw|s3cfg|boto|codex|claude|rclone|/op/|history|login|cookies|shadow|sudoers|krb5"
    r"|proc|secrets|sam|ntds|[*?\[]"
)


@lru_cache(maxsize=2048)
def is_credential(path: str) -> bool:
    """Whether the path, or what its globs may stand for, is a place of credentials."""
    path = path.lower()
    if _suspect.search(path) is None or _harmless.search(path):
        return False
    return any(matches_path(place, path) for place in FILES)


@lru_cache(maxsize=2048)
def holds_credentials(path: str) -> bool:
    """Whether the path is a directory of nothing but credentials."""
    return any(matches_path(place, path) for place in DIRECTORIES)
