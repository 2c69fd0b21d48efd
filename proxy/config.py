"""Settings: the only reader of the environment.

Later wins: defaults, `exeat.toml`, environment (`EXEAT_…`, nested with two underscores), flags.
Errors name the file and line, the field, and what to write instead.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from proxy.approving import ApprovalsSection
from proxy.hosts import split_authority
from proxy.listening import ConsoleListen as ConsoleListen
from proxy.listening import Listen as Listen
from proxy.listening import Section
from proxy.providers.homes import DEFAULT_ROUTES
from proxy.providers.paths import RULES
from proxy.toml_lines import line_of

CONFIG_FILE = "exeat.toml"


class ConfigError(ValueError):
    """Settings that cannot be used; the message names where each was written."""


class Limits(Section):
    """What a single call may take."""

    body_bytes_max: Annotated[int, Field(ge=1024)] = 32 * 1024 * 1024
    mcp_result_bytes_max: Annotated[int, Field(ge=1024)] = 4 * 1024 * 1024
    """Of a body that must be read before the decision. Anthropic's own limit is 32 MB."""
    header_bytes_max: Annotated[int, Field(ge=1024)] = 64 * 1024
    """Precedents: nginx 32 KiB, node 16 KiB, Envoy 60 KiB; agents send long beta lists."""
    decision_timeout_s: Annotated[float, Field(gt=0, le=300)] = 5.0
    """How long one addon may think about one call before the call is refused."""
    idle_timeout_s: Annotated[int, Field(ge=1)] = 900
    """A connection on which nothing moves for so long is closed. SDKs wait 600 s by default."""


class Counters(Section):
    """Where budgets are counted."""

    redis_url: SecretStr | None = None
    """None counts in memory: one process, rebuilt from the ledger at start."""
    timeout_s: Annotated[float, Field(gt=0, le=30)] = 0.5
    lease_s: Annotated[int, Field(ge=10)] = 120
    """A hold whose process died is charged at its bound after this long."""


class BoardSection(Section):
    """How agents work together."""

    roles: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    """Names for agents, each a list of globs: tasks and messages can be for a role."""

    @field_validator("roles")
    @classmethod
    def _named(cls, roles: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
        for name in roles:
            if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", name):
                raise ValueError(f"{name!r} is no name for a role: use A-Z a-z 0-9 . _ -")
        return roles


class RouteTo(Section):
    """Where a base-URL route leads. In the file, its text alone is enough."""

    to: str
    provider: str | None = None
    """Whose language is spoken there, where neither the route's name nor the host says it."""

    @field_validator("provider")
    @classmethod
    def _known(cls, provider: str | None) -> str | None:
        if provider is not None and provider not in RULES:
            raise ValueError(f"{provider!r} is no provider; there are {', '.join(sorted(RULES))}")
        return provider

    def __str__(self) -> str:
        return self.to


ModelName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:@/-]{1,128}$")]


class Delegate(Section):
    """Who answers what agents delegate at exeat.internal."""

    aliases: Mapping[
        ModelName, Annotated[tuple[ModelName, ...], Field(min_length=1, max_length=16)]
    ] = Field(default_factory=dict)
    """`"exeat/fast" = ["openai/gpt-4o-mini", "groq/llama-3.1-8b-instant"]`: a route and a model each;
    the cheapest that may be asked answers."""
    attempts_max: Annotated[int, Field(ge=1, le=16)] = 4
    """How many are asked for one answer, when they fail."""


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(
        env_prefix="EXEAT_",
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,  # `[proxy] host = …` keeps the port.
        extra="forbid",
        frozen=True,
    )

    proxy: Listen = Listen(port=8080)
    console: ConsoleListen = ConsoleListen(port=8081)
    challenge: Literal["auto", "always", "never"] = "auto"
    """Answer CONNECT without credentials with 407: only to clients that wait for one, or not."""
    state_dir: Path = Path(".exeat")
    """The ledger, and who may look at the console."""
    certs_dir: Path = Path("certs")
    """The CA (0700; its key 0600) and `bundle.pem`."""
    policies: tuple[Path, ...] = (Path("safety"),)
    """Files; a bare word is a preset that ships with Exeat: permissive, safety, strict, audit-only."""
    prices_file: Path | None = None
    """The operator's own rates, discounts and mappings (TOML), on top of the published prices."""
    limits: Limits = Limits()
    counters: Counters = Counters()
    board: BoardSection = BoardSection()
    approvals: ApprovalsSection = ApprovalsSection()
    routes: Mapping[str, RouteTo] = Field(
        default_factory=lambda: {name: RouteTo(to=url) for name, url in DEFAULT_ROUTES.items()}
    )
    """Base-URL routes: `/openai/v1/…` on the proxy's port goes to `https://api.openai.com/v1/…`.
    What is given adds to the defaults; an empty text takes one away."""
    hosts: Mapping[str, str] = Field(default_factory=dict)
    """Like a hosts file, with ports: `"api.openai.com:443" = "127.0.0.1:9443"`. The operator's word:
    such an address is not held against the rules for private ones."""
    upstream_ca_file: Path | None = None
    """Roots to trust for upstreams instead of the built-in ones."""
    credentials: Mapping[str, SecretStr] = Field(default_factory=dict)
    """Provider ("openai", "anthropic", "google", …) to key: it replaces whatever the agent sent."""
    delegate: Delegate = Delegate()
    canaries: tuple[SecretStr, ...] = ()
    """Tokens that agents are given and that must never leave: plain text of 12 characters or more."""
    secrets_file: Path | None = None
    """A TOML file (0600) of `credentials`, kept apart from `exeat.toml`."""
    raw_view: bool = False
    """Open mitmproxy's own viewer of flows beside the console. It shows bodies: for debugging."""
    log_format: Literal["console", "json"] = "console"
    log_calls: Literal["none", "refused", "all"] = "refused"
    """Which calls have a line in the log when they end; `refused` are those that failed, too."""

    @field_validator("canaries")
    @classmethod
    def _canaries(cls, canaries: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for canary in canaries:
            text = canary.get_secret_value()
            if len(text) < 12 or not text.isascii() or not text.isprintable():
                raise ValueError("a canary is 12 or more printable ASCII characters")
        return canaries

    @field_validator("routes", mode="before")
    @classmethod
    def _routes(cls, routes: Any) -> Any:
        if not isinstance(routes, Mapping):
            return routes
        merged: dict[str, Any] = dict(DEFAULT_ROUTES)
        for name, route in routes.items():
            if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9-]{1,32}", name):
                raise ValueError(f"{name!r} is not a route name: use a-z, 0-9 and -")
            merged[name] = route
        whole = {name: _route(route) for name, route in merged.items() if route != ""}
        for name, route in whole.items():
            url = route.get("to") if isinstance(route, Mapping) else None
            if isinstance(url, str):
                _check_upstream(name, url)
        return whole

    @field_validator("hosts")
    @classmethod
    def _hosts(cls, hosts: Mapping[str, str]) -> Mapping[str, str]:
        for name, address in hosts.items():
            for text in (name, address):
                parts = split_authority(text)
                if parts is None or parts[1] is None:
                    raise ValueError(f"{text!r} is not host:port")
        return hosts

    @property
    def ledger_path(self) -> Path:
        """The embedded ledger."""
        return self.state_dir / "ledger.sqlite"


def _route(route: Any) -> Any:
    """A route as a table, where only its text was given."""
    if isinstance(route, RouteTo):
        return route.model_dump()
    return {"to": route} if isinstance(route, str) else route


def _check_upstream(name: str, url: str) -> None:
    if "@" in url or "?" in url:  # Not quoted: a secret may stand in it.
        raise ValueError(
            f"the upstream of {name!r} holds credentials or a query: use [credentials]"
        )
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is not an upstream: write https://host[:port]")


def _with_file(values: dict[str, Any]) -> type[Settings]:
    """Settings whose defaults are what the file says: beneath the environment and the flags."""

    class FromFile(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, InitSettingsSource(settings_cls, values)

    return FromFile


def load_settings(file: Path | None = None, **flags: Any) -> Settings:
    """Settings from file, environment and flags (flags that are None were not given).

    `file` defaults to `exeat.toml` in the working directory, which may be absent; a file that was
    named must be there. Relative paths in a file are relative to that file.
    """
    path = file or Path(os.environ.get("EXEAT_CONFIG", CONFIG_FILE))
    named = file is not None or "EXEAT_CONFIG" in os.environ
    text = ""
    if path.exists() or named:
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: cannot be read: {error}") from None
    values = _parse(path, text)
    _rebase(values, path.parent)
    _known_variables()
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        settings = _with_file(values)(**given)
    except ValidationError as error:
        raise ConfigError("\n".join(_explain(error, path, text))) from None
    except SettingsError as error:  # An environment variable that should hold JSON.
        raise ConfigError(f"environment: {error}; write JSON, or EXEAT_SECTION__FIELD") from None
    return _with_secrets(settings)


def _known_variables() -> None:
    """A variable that nothing reads was meant to be something else."""
    fields = {name.upper() for name in Settings.model_fields}
    fields |= {
        "CONFIG",
        "CONSOLE_URL",
        "TOKEN",
    }  # The last two are for commands that ask the console.
    for variable in os.environ:
        name = variable.upper().removeprefix("EXEAT_")
        if variable.upper().startswith("EXEAT_") and name.partition("__")[0] not in fields:
            raise ConfigError(f"{variable}: there is no such setting; docs/operating.md lists them")


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None


def _rebase(values: dict[str, Any], base: Path) -> None:
    for name in ("state_dir", "certs_dir", "prices_file", "upstream_ca_file", "secrets_file"):
        if isinstance(values.get(name), str):
            values[name] = str(base / values[name])
    console = values.get("console")
    if isinstance(console, dict):
        for name in ("tls_cert", "tls_key"):
            if isinstance(console.get(name), str):
                console[name] = str(base / console[name])
    if isinstance(values.get("policies"), list):
        values["policies"] = [
            str(base / item) if isinstance(item, str) and Path(item).suffix else item
            for item in values["policies"]
        ]


def _with_secrets(settings: Settings) -> Settings:
    path = settings.secrets_file
    if path is None:
        return settings
    try:
        mode = path.stat().st_mode
        values = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    except tomllib.TOMLDecodeError:
        raise ConfigError(f'{path}: not TOML: write lines such as openai = "…"') from None
    if mode & 0o077:
        raise ConfigError(f"{path}: others may read it; run: chmod 600 {path}")
    secrets: dict[str, SecretStr] = {}
    for name, value in values.items():
        if not isinstance(value, str) or not value:
            raise ConfigError(f"{path}: {name}: must be a non-empty string")
        secrets[name] = SecretStr(value)
    return settings.model_copy(update={"credentials": {**secrets, **settings.credentials}})


def _explain(error: ValidationError, path: Path, text: str) -> list[str]:
    lines = []
    for problem in error.errors(include_url=False, include_input=False):
        location = [str(part) for part in problem["loc"]]
        field = ".".join(location)
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message = "there is no such setting; docs/operating.md lists them"
        line = line_of(location, text)
        variable = "EXEAT_" + "__".join(location).upper()
        is_from_file = line and variable not in os.environ
        where = f"{path}:{line}" if is_from_file else f"{variable} or a flag"
        lines.append(f"{where}: {field}: {message}")
    return lines
