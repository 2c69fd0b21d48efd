"""What the preset `safety` says of files, devices and addresses: to nobody's secrets, and to all the rest
that a coding agent works with."""

from typing import Any

import pytest

from proxy.policy.loader import load
from tests.policy.test_known_defects import PRESETS, ruled


@pytest.fixture(scope="module")
def safety() -> Any:
    return load(PRESETS / "safety.yaml")


def command(text: str) -> tuple[str, dict[str, Any]]:
    return "Bash", {"command": text}


def reading(path: str) -> tuple[str, dict[str, Any]]:
    return "Read", {"file_path": path}


LETS_THROUGH: list[tuple[str, dict[str, Any]]] = [
    # Globs that no secret is meant by
    *map(command, [
        "ls **/*.ts", 'prettier --write "src/**/*.ts"', 'git add "src/**/*.ts"', "wc -l **/*.py",
        "ls **/*.json", "cat src/**/*.json", "wc -l **/*.md", "cat *.json", "eslint '**/*.{ts,tsx}'",
        "grep -l x */*.yml", "cat package*.json",
    ]),
    ("read_many_files", {"paths": ["**/*.ts"]}),
    ("read_many_files", {"paths": ["src/**/*.py", "docs/**/*.md"]}),
    ("read_many_files", {"include": ["**/*"], "paths": ["src"]}),
    ("search_file_content", {"pattern": "x", "include": "**/*.ts"}),
    ("search_file_content", {"pattern": "x", "include": "*.{ts,tsx}"}),
    ("Grep", {"pattern": "x", "glob": "*.ts", "path": "src"}),
    ("Grep", {"pattern": "x", "glob": "**/*.{ts,json}"}),
    ("Grep", {"pattern": "x", "glob": "!.env*"}),
    ("Glob", {"pattern": "**/*.ts"}),
    # Names of what holds no secret
    *map(reading, [
        ".env.example", "/app/.env.sample", ".env.d.ts", "src/secrets.py", "tests/test_secrets.py",
        "credentials.ts", "apikey.service.ts", "src/auth.ts", "authors.json", "tokenizer.json",
        "tokenizer_config.json", "design/tokens.json", "id_ed25519.pub", ".secrets.baseline",
        "secret-scan.yml", ".github/workflows/secret-scan.yml", "docs/secrets.md", "tsconfig.json",
        "fullchain.pem", "/etc/ssl/certs/ISRG_Root_X1.pem", "ca.pem", "src/environment.ts",
    ]),
    *map(command, [
        "cat .env.example", "touch .env.example", "docker run --env-file .env.example x",
        "pytest tests/test_secrets.py", "git add src/secret_store.py", "git add .env.example",
        "curl https://api.example/auth.json",
    ]),
    ("WebFetch", {"url": "https://docs.example/auth.json", "prompt": "x"}),
    ("WebFetch", {"url": "https://docs.example/secrets", "prompt": "x"}),
    # No read at all
    *map(command, [
        "git rm --cached .env", "git check-ignore .env", "git check-ignore -v .env", "ls .env",
        "ls -la my-secret.txt", "stat .env", "touch .env", "cp .env.example .env",
        "cp .env.sample .env.local", "cp config/secrets.yml.example config/secrets.yml",
        "openssl req -new -keyout key.pem -out csr.pem", "openssl genrsa -out server.key 2048",
        "terraform plan -var-file=dev.tfvars", "ls ~/.ssh ~/.gnupg", "[ -f .env ] && echo yes",
        "ls ~/.aws/credentials", "git ls-files .env",
    ]),
]  # fmt: skip

DENIES: list[tuple[str, dict[str, Any]]] = [
    *map(reading, [
        "my-secret.txt", "secrets.json", "secret.yaml", "token.json", "auth.json",
        "credentials.json", ".env.production", ".env", "config/auth-prod.json", "/x/apikey.txt",
        "~/.ssh/config", "k8s/db-secret.yaml",
    ]),
    *map(command, [
        "cat .env*", "cat **/.env", "cat .e*", "cat ~/.ssh/*", "cp .env /tmp/x", "git add .env",
        "cp .env .env.example", "cp ~/.env.example ~/.ssh/config", "cp x.example ~/.aws/credentials",
        "ls .env | xargs cat", "git show HEAD:.env", "git rm --cached x && cat .env",
        "openssl rsa -in server.key", "openssl enc -in .env -out x", "terraform show x.tfstate",
        "openssl rand -out /etc/shadow 4", "docker run --env-file .env x", "find . -name .env -exec cat {} +",
        "cat my-secret.txt > x.ts", "touch x.ts; cat secrets.json",
    ]),
    ("read_many_files", {"paths": ["src/**/*.py", ".env"]}),
    ("read_many_files", {"paths": ["**/.env*"]}),
    ("search_file_content", {"pattern": "x", "include": ".env*"}),
    ("Glob", {"pattern": "**/.env"}),
]  # fmt: skip


@pytest.mark.parametrize(("tool", "arguments"), LETS_THROUGH)
def test_who_works_is_let_through(safety: Any, tool: str, arguments: dict[str, Any]) -> None:
    found = ruled(safety, tool, arguments)
    assert found.passes, found.rule


@pytest.mark.parametrize(("tool", "arguments"), DENIES)
def test_who_goes_for_what_is_secret_is_denied(
    safety: Any, tool: str, arguments: dict[str, Any]
) -> None:
    assert ruled(safety, tool, arguments).decision == "deny"
