"""Settings: which word wins, and what an error says."""

import re
from pathlib import Path

import pytest

from proxy.config import ConfigError, Settings, load_settings


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch) -> Path:
    """An empty working directory, and an environment without our variables."""
    import os

    for name in list(os.environ):
        if name.startswith("EXEAT_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(text: str, name: str = "exeat.toml") -> Path:
    path = Path.cwd() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def error_of(text: str = "", **flags) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings(written(text), **flags)
    return str(caught.value)


def test_without_a_file_the_defaults_hold():
    settings = load_settings()

    assert settings.model_dump() == Settings().model_dump()
    assert (settings.proxy.host, settings.proxy.port) == ("127.0.0.1", 8080)
    assert (settings.console.host, settings.console.port) == ("127.0.0.1", 8081)
    assert settings.ledger_path == Path(".exeat/ledger.sqlite")
    assert settings.policies == (Path("safety"),)
    assert settings.credentials == {}
    assert settings.counters.redis_url is None


@pytest.mark.parametrize(
    ("file", "env", "flag", "found"),
    [
        (None, None, None, "auto"),
        ("never", None, None, "never"),
        (None, "always", None, "always"),
        ("never", "always", None, "always"),
        (None, None, "never", "never"),
        ("never", "always", "auto", "auto"),
        ("never", None, "auto", "auto"),
    ],
)
def test_flags_go_before_environment_before_file_before_defaults(
    file, env, flag, found, monkeypatch
):
    path = written(f'challenge = "{file}"\n' if file else "")
    if env:
        monkeypatch.setenv("EXEAT_CHALLENGE", env)

    assert load_settings(path, challenge=flag).challenge == found


def test_a_section_keeps_what_a_stronger_word_does_not_name(monkeypatch):
    path = written('[proxy]\nhost = "10.0.0.1"\nport = 1\n')
    monkeypatch.setenv("EXEAT_PROXY__PORT", "2")

    settings = load_settings(path)
    assert (settings.proxy.host, settings.proxy.port) == ("10.0.0.1", 2)


def test_a_section_that_names_only_the_host_keeps_its_own_port(monkeypatch):
    monkeypatch.setenv("EXEAT_CONSOLE__HOST", "127.0.0.2")

    settings = load_settings(written('[proxy]\nhost = "0.0.0.0"\n'))
    assert (settings.proxy.port, settings.console.port) == (8080, 8081)


def test_every_section_can_be_set_from_the_environment(monkeypatch):
    for name, value in {
        "EXEAT_LIMITS__BODY_BYTES_MAX": "2048",
        "EXEAT_COUNTERS__REDIS_URL": "redis://:hunter2@h/0",
        "EXEAT_CREDENTIALS__OPENAI": "sk-1",
        "EXEAT_POLICIES": '["a.yaml", "strict"]',
        "EXEAT_HOSTS": '{"a.test:443": "127.0.0.1:9443"}',
    }.items():
        monkeypatch.setenv(name, value)

    settings = load_settings(written('[credentials]\nanthropic = "sk-2"\n'))
    assert settings.limits.body_bytes_max == 2048
    assert settings.policies == (Path("a.yaml"), Path("strict"))
    assert settings.hosts == {"a.test:443": "127.0.0.1:9443"}
    assert settings.credentials["openai"].get_secret_value() == "sk-1"
    assert settings.credentials["anthropic"].get_secret_value() == "sk-2"


def test_the_file_can_be_named_by_the_environment(monkeypatch):
    monkeypatch.setenv("EXEAT_CONFIG", str(written('challenge = "never"\n', "other.toml")))

    assert load_settings().challenge == "never"


@pytest.mark.parametrize("by", ["argument", "variable"])
def test_a_file_that_is_named_must_be_there(by, monkeypatch):
    if by == "variable":
        monkeypatch.setenv("EXEAT_CONFIG", "gone.toml")

    with pytest.raises(ConfigError, match=r"gone\.toml: cannot be read"):
        load_settings(Path("gone.toml") if by == "argument" else None)


def test_relative_paths_in_a_file_are_relative_to_it():
    path = written(
        'state_dir = "s"\ncerts_dir = "c"\nupstream_ca_file = "u.pem"\n'
        'policies = ["p.yaml", "/abs/q.yaml", "strict"]\n'
        '[console]\ntls_cert = "c.pem"\ntls_key = "/abs/k.pem"\n',
        "deep/exeat.toml",
    )

    settings = load_settings(path)
    base = path.parent
    assert (settings.state_dir, settings.certs_dir) == (base / "s", base / "c")
    assert settings.upstream_ca_file == base / "u.pem"
    assert settings.console.tls_cert == base / "c.pem"
    assert settings.console.tls_key == Path("/abs/k.pem")
    assert settings.policies == (base / "p.yaml", Path("/abs/q.yaml"), Path("strict"))


def test_relative_paths_in_flags_are_relative_to_the_working_directory():
    settings = load_settings(written("", "deep/exeat.toml"), state_dir=Path("s"))

    assert settings.state_dir == Path("s")


@pytest.mark.parametrize(
    ("text", "line", "field", "says"),
    [
        ("nope = 1\n", 1, "nope", "there is no such setting"),
        ("\n[proxy]\nport = 1\nnope = 1\n", 4, "proxy.nope", "there is no such setting"),
        ("[proxy]\nport = 65536\n", 2, "proxy.port", "less than or equal to 65535"),
        ('[proxy]\nport = "a"\n', 2, "proxy.port", "valid integer"),
        ("proxy.port = -1\n", 1, "proxy.port", "greater than or equal to 0"),
        ("proxy = { port = -1 }\n", 1, "proxy.port", "greater than or equal to 0"),
        ("[limits]\n\n# small\nbody_bytes_max = 1\n", 4, "limits.body_bytes_max", "1024"),
        ("[limits]\ndecision_timeout_s = 0\n", 2, "limits.decision_timeout_s", "greater than 0"),
        ('challenge = "maybe"\n', 1, "challenge", "'auto', 'always' or 'never'"),
        ("[counters]\nlease_s = 1\n", 2, "counters.lease_s", "greater than or equal to 10"),
        ("[counters]\nredis_url = 5\n", 2, "counters.redis_url", "valid string"),
        ("\n[credentials]\nopenai = 5\n", 3, "credentials.openai", "valid string"),
        ('[routes]\n"A B" = "https://a.test"\n', 1, "routes", "'A B' is not a route name"),
        ('[routes]\na = "a.test"\n', 1, "routes", "write https://host[:port]"),
        ('[routes]\na = "ftp://a.test"\n', 1, "routes", "write https://host[:port]"),
        ('[routes]\na = "https://"\n', 1, "routes", "write https://host[:port]"),
        (
            '[routes]\na = {to = "https://a.test", provider = "x"}\n',
            2,
            "routes.a.provider",
            "'x' is no",
        ),
        (
            '[routes]\na = {to = "https://a.test", via = "x"}\n',
            2,
            "routes.a.via",
            "no such setting",
        ),
        ('[hosts]\n"a.test" = "127.0.0.1:1"\n', 1, "hosts", "'a.test' is not host:port"),
        ('[hosts]\n"a.test:1" = "127.0.0.1"\n', 1, "hosts", "'127.0.0.1' is not host:port"),
        ('[hosts]\n"a b:1" = "127.0.0.1:1"\n', 1, "hosts", "'a b:1' is not host:port"),
        ('[hosts]\n"a:1" = "127.0.0.1:70000"\n', 1, "hosts", "is not host:port"),
        ("[delegate]\nattempts_max = 0\n", 2, "delegate.attempts_max", "greater than or equal"),
        ("[delegate.aliases]\nfast = []\n", 2, "delegate.aliases.fast", "at least 1 item"),
        ('[delegate.aliases]\nfast = ["a b"]\n', 2, "delegate.aliases.fast.0", "match pattern"),
        ('policies = ["a.yaml", 5]\n', 1, "policies.1", "path"),
        ('log_format = "xml"\n', 1, "log_format", "'console' or 'json'"),
        ('[console]\nhost = "0.0.0.0"\n', 1, "console", "set tls_cert and tls_key, or insecure"),
    ],
)
def test_an_error_names_the_file_the_line_the_field_and_what_to_write(text, line, field, says):
    message = error_of(text)

    assert message.startswith(f"{Path.cwd() / 'exeat.toml'}:{line}: {field}: "), message
    assert says in message


def test_every_error_is_named_at_once():
    assert (
        len(error_of("nope = 1\nchallenge = 2\n[limits]\nidle_timeout_s = 0\n").splitlines()) == 3
    )


@pytest.mark.parametrize(
    "text",
    ["", "[limits]\ndecision_timeout_s = 3\n", "[limits]\nbody_bytes_max = 2048\n"],
)
def test_an_error_in_the_environment_names_its_variable_whatever_the_file_says(text, monkeypatch):
    monkeypatch.setenv("EXEAT_LIMITS__BODY_BYTES_MAX", "many")

    assert error_of(text).startswith(
        "EXEAT_LIMITS__BODY_BYTES_MAX or a flag: limits.body_bytes_max: "
    )


@pytest.mark.parametrize(
    "name", ["EXEAT_POLICIES", "EXEAT_PROXY", "EXEAT_ROUTES", "EXEAT_CREDENTIALS"]
)
def test_a_variable_that_should_hold_json_and_does_not_is_one_line(name, monkeypatch):
    monkeypatch.setenv(name, "hunter2")

    message = error_of()
    assert name.removeprefix("EXEAT_").lower() in message
    assert "JSON" in message
    assert "hunter2" not in message


def test_a_flag_that_cannot_be_is_named_as_one():
    assert error_of(challenge="maybe").startswith("EXEAT_CHALLENGE or a flag: challenge: ")


@pytest.mark.parametrize("text", ["port = = 1\n", "[proxy\n", "a = 1\na = 2\n"])
def test_what_is_not_toml_is_an_error_with_its_line(text):
    assert re.search(r"exeat\.toml: not TOML: .*\(at line \d+, column \d+\)", error_of(text))


def test_a_file_that_is_not_utf_8_is_an_error(place):
    (place / "exeat.toml").write_bytes(b"\xff")

    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings()


SECRET = "sk-hunter2"


def secrets_file(text: str, mode: int = 0o600) -> Path:
    path = written(text, "secrets.toml")
    path.chmod(mode)
    return path


def test_keys_come_from_a_secrets_file_that_only_we_may_read():
    secrets_file(f'openai = "{SECRET}"\n')

    settings = load_settings(written('secrets_file = "secrets.toml"\n'))
    assert settings.credentials["openai"].get_secret_value() == SECRET


def test_a_key_in_the_settings_goes_before_the_secrets_file(monkeypatch):
    secrets_file(f'openai = "{SECRET}"\nanthropic = "sk-3"\n')
    monkeypatch.setenv("EXEAT_CREDENTIALS__OPENAI", "sk-env")

    settings = load_settings(written('secrets_file = "secrets.toml"\n'))
    assert settings.credentials["openai"].get_secret_value() == "sk-env"
    assert settings.credentials["anthropic"].get_secret_value() == "sk-3"


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o644, 0o601])
def test_a_secrets_file_that_others_may_touch_is_refused_with_the_command_that_mends_it(mode):
    path = secrets_file(f'openai = "{SECRET}"\n', mode)

    message = error_of('secrets_file = "secrets.toml"\n')
    assert f"chmod 600 {path}" in message
    assert SECRET not in message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"openai = {SECRET}\n", "not TOML"),
        (f"{SECRET}\n", "not TOML"),
        ("openai = 5\n", "openai: must be a non-empty string"),
        ('openai = ""\n', "openai: must be a non-empty string"),
        (f'[openai]\nkey = "{SECRET}"\n', "openai: must be a non-empty string"),
    ],
)
def test_a_secrets_file_that_cannot_be_read_is_an_error_without_its_secret(text, says):
    secrets_file(text)

    message = error_of('secrets_file = "secrets.toml"\n')
    assert says in message
    assert SECRET not in message


def test_a_secrets_file_that_is_not_there_is_an_error():
    assert "gone.toml: cannot be read" in error_of('secrets_file = "gone.toml"\n')


def test_rule_8_secrets_are_in_no_repr_and_no_dump():
    settings = load_settings(
        written(
            f'[credentials]\nopenai = "{SECRET}"\n[counters]\nredis_url = "redis://:{SECRET}@h/0"\n'
        )
    )

    for text in (
        repr(settings),
        str(settings),
        str(settings.model_dump()),
        settings.model_dump_json(),
    ):
        assert SECRET not in text


@pytest.mark.parametrize(
    "text",
    [
        f'[credentials]\nopenai = ["{SECRET}"]\n',
        f'credentials = "{SECRET}"\n',
        f'[counters]\nredis_url = ["{SECRET}"]\n',
        f'[routes]\na = "https://u:{SECRET}@a.test"\n',
        f'[routes]\na = "ftp://u:{SECRET}@a.test"\n',
        f'[routes]\na = "https://a.test/?key={SECRET}"\n',
        f"[credentials]\nopenai = {SECRET}\n",
    ],
)
def test_rule_8_no_error_quotes_a_secret(text):
    assert SECRET not in error_of(text)


def test_settings_do_not_change_after_they_were_read():
    with pytest.raises(ValueError, match="frozen"):
        Settings().state_dir = Path("x")


def test_a_route_that_is_given_adds_to_the_defaults():
    settings = load_settings(written('[routes]\nazure = "https://acme.openai.azure.com"\n'))
    assert settings.routes["azure"].to == "https://acme.openai.azure.com"
    assert settings.routes["openai"].to == "https://api.openai.com"
    assert settings.routes["gemini"].to == "https://generativelanguage.googleapis.com"


def test_a_default_route_can_be_led_elsewhere_or_taken_away(monkeypatch):
    monkeypatch.setenv("EXEAT_ROUTES__GROQ", "")
    settings = load_settings(written('[routes]\nopenai = "https://gateway.test/openai"\n'))
    assert settings.routes["openai"].to == "https://gateway.test/openai"
    assert "groq" not in settings.routes
    assert "mistral" in settings.routes


def test_a_route_may_say_whose_language_it_speaks():
    text = '[routes]\nteam = {to = "https://gateway.test", provider = "aws"}\n'
    assert load_settings(written(text)).routes["team"].provider == "aws"
