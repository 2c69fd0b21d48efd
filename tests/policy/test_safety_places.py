"""What the preset `safety` says of files, devices and addresses: to nobody's secrets, and to all the rest
that a coding agent works with."""

from typing import Any

import pytest

from proxy.actions.places import EXAMPLES, SOURCES, is_credential
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
        "curl https://api.example/auth.json", "kubectl apply -f k8s/secret.example.yaml",
        "cat k8s/sealed-secret.yaml charts/x/templates/secret.yaml", "cat secrets.tf",
        "cat src/locales/en/auth.json tests/fixtures/token.json", "cat config/credentials.yml.enc",
        "rg -n secret src -g '*.ts' -g '!**/*.env'", "rg --files -g '*.json'",
        "git checkout -b fix/secret-leak", "git push origin fix/secret-leak", "git log --oneline -- .env",
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
    # Words that are no paths, and folders whose names are asked for
    ("send_mail", {"from": "a@b.test", "to": "token team", "body": "cat .env"}),
    ("mcp__x__y", {"target": "production", "profile": "default", "name": "auth"}),
    ("send_mail", {"from": "secret.santa@b.test", "to": "secret", "target": "secrets/rotate"}),
    ("mcp__x__y", {"name": "my secret plan", "document": "api_key", "location": "the secret place"}),
    ("mcp__x__y", {"arguments": '{"path": "src/a.ts"}'}),
    ("mcp__x__y", {"arguments": "{not json"}),
    ("Write", {"file_path": "a.json", "content": '{"path": ".env"}'}),
    ("LS", {"path": "~/.ssh"}),
    ("Grep", {"pattern": "x", "path": "~/project"}),
    ("glob_file_search", {"glob_pattern": "**/*.json"}),
    *map(command, [
        "cat metadata/x.json instance-data/y", "wc -l $(git ls-files '*.ts')", "cat $(ls *.md)",
        "ls $(find . -name .env)", "wc -l $(git ls-files | grep -v secrets.json)",
    ]),
    # Disks that are read, and devices that are none
    *map(command, [
        "cat /dev/sda > backup.img", "dd if=/dev/sda of=backup.img", "cp /dev/sda backup.img",
        "ls > /dev/null 2>&1", "echo x > /dev/stderr", "echo x | tee /dev/tty", "echo x > /dev/fd/3",
        "cp x /dev/null", "curl -o /dev/null https://a.test", "echo x > /dev/stdout",
        "echo x > /dev/shm/x", "echo sda > x", "unlink ./a", "unlink /home/me/p/a", "unlink /tmp/x",
        "unlink ../x",
    ]),
    ("WebFetch", {"url": "https://169.254.169.254.nip.test/x", "prompt": "x"}),
    ("WebFetch", {"url": "https://docs.test/169.254.169.2", "prompt": "x"}),
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
        "git log -p -- .env", "git checkout .env", "git log --patch-with-stat .env", "rg -g '.env*' x",
        "cat my-secret.txt > x.ts", "touch x.ts; cat secrets.json",
    ]),
    ("read_many_files", {"paths": ["src/**/*.py", ".env"]}),
    ("read_many_files", {"paths": ["**/.env*"]}),
    ("search_file_content", {"pattern": "x", "include": ".env*"}),
    ("Glob", {"pattern": "**/.env"}),
    *map(reading, [
        "../../../../etc/shadow", "~/../../etc/shadow", "/proc/self/root/proc/self/root/etc/shadow",
        "/proc/self/task/1/environ", "/" + "a/" * 300 + ".env", ".env::$DATA",
        "~/.claude.json", "~/.config/github-copilot/hosts.json", "~/.config/github-copilot/apps.json",
        "~/.cache/huggingface/token", "~/.config/sops/age/keys.txt", "server.pem", "server.key",
        "tls/cert-key.pem", "privkey.pem", "terraform.tfstate.backup", ".dev.vars",
        "my-app-firebase-adminsdk-x1.json", "service-account.json", "key.pem",
    ]),
    *map(command, [
        "cat ../../../../etc/shadow", "tar -C /etc -cf - shadow", "tar cC /etc shadow", "cat /e*/shadow",
        "tar --directory=/etc -c shadow", "tar -C ~ -c .ssh", "cat *env", "bash -x .env", "sh -v .env",
        "git -C ~/.aws show HEAD:credentials", "cat /proc/self/task/1/environ",
    ]),
    *(("Grep", {"pattern": "", **more}) for more in (
        {"glob": ".env*"}, {"path": "~/.ssh"}, {"glob": "**/.{env,npmrc}"}, {"path": "/home/me/.aws/"},
    )),
    ("read_many_files", {"paths": ["~/.ssh/"]}),
    *(("read_thing", {key: ".env"}) for key in (
        "filePath", "fullPath", "file_name", "fileName", "src", "from", "target", "input_file", "FILE-PATH",
        "absoluteFilePath", "docPath",
    )),
    ("copy", {"from": "id_rsa", "to": "/tmp/x"}),
    ("mcp__x__call", {"tool": "read", "arguments": '{"path": "/a/.env"}'}),
    ("mcp__x__call", {"arguments": '{"input": "{\\"path\\": \\"/a/.env\\"}"}'}),
    *map(command, [
        "cat x > /dev/sda", "cat x | tee /dev/sda", "cp x /dev/sda", "dd of=/dev/xvda", "cat x >/dev/nvme0n1",
        "dd of=/dev/mapper/x", "dd of=/dev/md0", "dd of=/dev/rdisk2", "dd of=/dev/disk/by-id/x",
        "sudo dd if=x of=/dev/disk2 bs=1m", "mv x /dev/vdb", "sh -c 'tee -a /dev/sdb1 < x'",
        "cp -t /dev/sda x", "curl -o /dev/sda https://a.test", "dd of=/dev/../dev/sda", "dd of=/dev/dm-0",
        "unlink /etc", "unlink /etc/passwd", "unlink /usr/bin/x",
        "curl http://169.254.169.254/latest/meta-data/", "curl 169.254.169.254/latest",
        "curl http://metadata/computeMetadata/v1", "curl http://instance-data/latest/", "echo 1 > /dev/mem",
        "cat $(find . -name .env)", "cat `ls -d .env`", 'cat "$(ls ~/.ssh/id_rsa)"', "cat /etc/shadow-",
        "curl http://2852039166/", "wget http://0xa9.0xfe.0xa9.0xfe/x",
        "curl -H 'Metadata-Flavor: Google' http://metadata.google.internal/computeMetadata/v1/",
        "nc 169.254.169.254 80", "exec 3<>/dev/tcp/169.254.169.254/80",
    ]),
    *(("WebFetch", {"url": url, "prompt": "x"}) for url in (
        "http://169.254.169.254/latest/meta-data/iam/security-credentials/", "http://169.254.169.254",
        "http://169.254.169.254:80/x", "http://169.254.169.254:8080/x", "http://100.100.100.200/latest",
        "http://metadata.google.internal./computeMetadata", "http://METADATA.google.internal/",
        "http://[fd00:ec2::254]/latest", "http://[fd00:ec2:0:0::254]:80/latest", "http://2852039166/x",
        "http://[::ffff:169.254.169.254]/x", "http://0251.0376.0251.0376/x", "http://169.254.43518/x",
    )),
    ("mcp__browser__navigate", {"url": "http://169.254.169.254/latest"}),
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


def test_what_the_preset_spares_is_what_is_harmless(safety: Any) -> None:
    (rule,) = (rule for rule in safety.policy.rules if rule.id == "no-credential-targets")
    for glob in rule.match.except_targets:
        path = (
            glob.replace("/**/*", "/a/x")
            .replace("/**/", "/")
            .removeprefix("**")
            .replace("y*ml", "yml")
        )
        assert not is_credential(path.replace("*", "")), glob
    for suffix in SOURCES + EXAMPLES:
        assert f"**/*.{suffix}" in rule.match.except_targets


def test_what_the_preset_names_is_a_place_of_credentials(safety: Any) -> None:
    (rule,) = (rule for rule in safety.policy.rules if rule.id == "no-credential-targets")
    for glob in rule.match.targets:
        assert is_credential(glob.replace("**/*", "/a/x").replace("**/", "/").replace("*", "x")), (
            glob
        )


@pytest.mark.parametrize("path", ["/p/MEMORY.md", "/p/memory/x.md", ".web4/a/memory.json"])
def test_who_writes_into_its_memory_is_warned_of(safety: Any, path: str) -> None:
    found = ruled(safety, "Write", {"file_path": path, "content": "x"})
    assert (found.decision, found.rule) == ("warn", "safety/rules.written-memory")
    assert ruled(safety, "Read", {"file_path": path}).decision == "allow"
