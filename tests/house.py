"""A whole Exeat on free loopback ports, with a stand-in provider behind it, for journeys."""

import asyncio
import contextlib
import json
import os
import signal
import ssl
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import trustme
from pydantic import SecretStr

from proxy.cli.env import client_variables
from proxy.config import ConsoleListen, Counters, Limits, Listen, Settings
from proxy.console.access import Access
from proxy.console.access.tokens import TokenRole
from proxy.demo.standin import Script, Standin
from proxy.engine.certificates import certificate_path
from proxy.runtime import Running, running
from proxy.slip import new_id

HOSTS = (
    "api.openai.com",
    "api.anthropic.com",
    "generativelanguage.googleapis.com",
    "pages.test",
    "git.test",
    "packages.test",
)
"""Names that the stand-in serves over TLS; all are at loopback by Exeat's own hosts table."""

AUTHORITY = trustme.CA()
"""Signs for every provider. One for all houses: mitmproxy's options are one per process, so the house
that was opened last says whom all of them trust."""

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients of plain HTTP: httpx would read all of the system's roots for each of them."""

OPEN_POLICY = "policy: open\nversion: 1\negress:\n  default: allow\n"


def policy(*budgets: str, egress: str = "  default: allow", more: str = "") -> str:
    """A policy file's text; each budget is a YAML flow mapping's inside."""
    lines = "\n".join(f"  - {{{budget}}}" for budget in budgets)
    return f"policy: test\nversion: 1\n{more}egress:\n{egress}\n" + (
        f"budgets:\n{lines}\n" if budgets else ""
    )


@dataclass
class House:
    """A running Exeat and its provider. Everything is on loopback and dies with the test."""

    proxy_port: int
    console_port: int
    directory: Path
    plain: Standin
    """The provider without TLS: behind the base-URL routes."""
    tls: Standin
    """The same over TLS: behind every name in HOSTS."""
    token: str
    """An admin's token for the console."""
    process: asyncio.subprocess.Process | None = None
    here: Running | None = None
    """Its parts, when it runs in this process."""
    since: str = ""
    """Records of calls that began before this id are another test's."""
    headers: Mapping[str, str] = field(
        default_factory=lambda: {
            "x-org-id": "acme",
            "x-agent-id": "coder",
            "x-session-id": "s1",
        }
    )

    @property
    def base(self) -> str:
        """Where base-URL clients point."""
        return f"http://127.0.0.1:{self.proxy_port}"

    def proxy_url(self, org: str = "acme", agent: str = "coder", session: str = "s1") -> str:
        """HTTPS_PROXY's value."""
        return f"http://{org}%2F{agent}:{session}@127.0.0.1:{self.proxy_port}"

    def env(self, org: str = "acme", agent: str = "coder", session: str = "s1") -> dict[str, str]:
        """The environment of an unmodified client, as `exeat env` prints it."""
        address = f"127.0.0.1:{self.proxy_port}"
        ours = client_variables(address, org, agent, session, self.directory / "certs")
        return {**os.environ, **ours}

    def says(self, **changes: Any) -> None:
        """Change what the provider answers, on both of its doors."""
        self.plain.says(**changes)
        self.tls.says(**changes)

    @property
    def upstream_calls(self) -> int:
        """Requests that reached the provider."""
        return len(self.plain.seen) + len(self.tls.seen)

    def client(self, **more: Any) -> httpx.AsyncClient:
        """An identified client of the base-URL routes."""
        return httpx.AsyncClient(
            base_url=self.base,
            headers=dict(self.headers),
            verify=NO_TLS,
            trust_env=False,
            timeout=30,
            **more,
        )

    def through(self, proxy_url: str | None = None, **more: Any) -> httpx.AsyncClient:
        """A client that goes by HTTPS_PROXY and trusts Exeat's CA."""
        trust = ssl.create_default_context(cafile=str(certificate_path(self.directory / "certs")))
        return httpx.AsyncClient(
            proxy=proxy_url or self.proxy_url(), verify=trust, trust_env=False, timeout=30, **more
        )

    async def api(self, path: str) -> Any:
        """A GET of the console's API with its token."""
        return json.loads(await self.text(path))

    async def text(self, path: str) -> str:
        """The same of an answer that is no JSON."""
        async with httpx.AsyncClient(verify=NO_TLS, trust_env=False, timeout=30) as client:
            answer = await client.get(
                f"http://127.0.0.1:{self.console_port}{path}",
                headers={"authorization": f"Bearer {self.token}"},
            )
        answer.raise_for_status()
        return answer.text

    async def post(self, path: str, **body: Any) -> Any:
        """A POST to the console's API with its token."""
        async with httpx.AsyncClient(verify=NO_TLS, trust_env=False, timeout=30) as client:
            answer = await client.post(
                f"http://127.0.0.1:{self.console_port}{path}",
                headers={"authorization": f"Bearer {self.token}"},
                json=body,
            )
        answer.raise_for_status()
        return answer.json()

    async def reset(self) -> None:
        """As new for the next test: what was seen and recorded until now is not shown any more."""
        for provider in (self.plain, self.tls):
            provider.script = Script()
            provider.seen.clear()
            provider.disconnects = 0
        await asyncio.sleep(0.002)  # Ids sort by their millisecond.
        self.since = new_id()
        await asyncio.sleep(0.002)

    async def records(self, **wanted: str) -> list[dict[str, Any]]:
        """Ledger records of this test's calls, and events while no test went before; oldest first."""
        query = "&".join(f"{name}={value}" for name, value in {"limit": "1000", **wanted}.items())
        found = (await self.api(f"/api/calls?{query}"))["records"]
        return [each for each in reversed(found) if str(each["id"]) > self.since]

    async def outcomes(self, count: int) -> list[dict[str, Any]]:
        """The outcomes, once there are `count` of them: an outcome follows its answer."""
        return await eventually(
            lambda: self.records(kind="outcome"), lambda found: len(found) >= count
        )

    async def spent(self) -> int:
        """Nano-dollars in the ledger."""
        return sum(row["nanousd"] for row in (await self.api("/api/costs?by=org"))["rows"])

    async def budgets(self, query: str = "org=acme&agent=coder&session=s1") -> list[dict[str, Any]]:
        """Where the budgets stand."""
        found: list[dict[str, Any]] = (await self.api(f"/api/budgets?{query}"))["budgets"]
        return found


async def eventually[T](
    look: Callable[[], Any], enough: Callable[[T], bool], timeout_s: float = 10
) -> T:
    """What `look` finds once it is enough; fails with what it found last."""
    deadline = time.monotonic() + timeout_s
    pause_s = 0.005
    while True:
        found: T = await look()
        if enough(found):
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s; last seen: {found}")
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 0.1)


@contextlib.asynccontextmanager
async def providers(directory: Path) -> AsyncIterator[tuple[Standin, Standin]]:
    """The stand-in without and with TLS; its CA in `upstream.pem`."""
    AUTHORITY.cert_pem.write_to_path(str(directory / "upstream.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    AUTHORITY.issue_cert(*HOSTS).configure_cert(context)
    plain, tls = Standin(), Standin()
    await plain.start()
    await tls.start(context)
    try:
        yield plain, tls
    finally:
        await plain.stop()
        await tls.stop()


def settings_for(
    directory: Path,
    plain: Standin,
    tls: Standin,
    *,
    redis_url: str | None = None,
    counters_timeout_s: float = 0.5,
    **more: Any,
) -> Settings:
    """Settings of an Exeat in `directory` with that provider behind it."""
    return Settings(
        **{
            "proxy": Listen(port=0),
            "console": ConsoleListen(port=0),
            "state_dir": directory / "state",
            "certs_dir": directory / "certs",
            "policies": (directory / "policy.yaml",),
            "upstream_ca_file": directory / "upstream.pem",
            "routes": {
                "openai": f"http://provider.test:{plain.port}",
                "anthropic": f"http://provider.test:{plain.port}",
                **more.pop("routes", {}),
            },
            "hosts": {
                f"provider.test:{plain.port}": f"127.0.0.1:{plain.port}",
                **{f"{host}:443": f"127.0.0.1:{tls.port}" for host in HOSTS},
                **more.pop("more_hosts", {}),
            },
            "counters": Counters(
                redis_url=SecretStr(redis_url) if redis_url else None, timeout_s=counters_timeout_s
            ),
            "limits": Limits(),
            **more,
        }
    )


async def console_token(directory: Path, role: TokenRole = "admin", name: str | None = None) -> str:
    """A token for the console of an Exeat in `directory`, whether it runs or not."""
    state = directory / "state"
    state.mkdir(mode=0o700, exist_ok=True)
    access = Access(state)
    try:
        name = name or f"house-{new_id()}"
        now_ms = time.time_ns() // 1_000_000
        _, secret = await access.make(name, role, "1d", by="house", now_ms=now_ms)
    finally:
        access.close()
    return secret


@contextlib.asynccontextmanager
async def house(
    directory: Path,
    policy_text: str = OPEN_POLICY,
    *,
    redis_url: str | None = None,
    grace_s: float = 1,
    **more: Any,
) -> AsyncIterator[House]:
    """An Exeat in this process."""
    (directory / "policy.yaml").write_text(policy_text)
    async with providers(directory) as (plain, tls):
        settings = settings_for(directory, plain, tls, redis_url=redis_url, **more)
        token = await console_token(directory)
        async with running(settings, grace_s=grace_s) as here:
            yield House(here.proxy_port, here.console_port, directory, plain, tls, token, here=here)


class Process:
    """`exeat up` as a process of its own, to be stopped, killed and started again."""

    def __init__(
        self,
        directory: Path,
        plain: Standin,
        tls: Standin,
        redis_url: str | None,
        *,
        token: str | None = None,
    ) -> None:
        """An admin's token is made before the first start when none is given."""
        self._directory = directory
        self._settings = settings_for(directory, plain, tls, redis_url=redis_url)
        self._redis_url = redis_url
        self._plain, self._tls = plain, tls
        self.stderr = directory / "exeat.stderr"
        self._token = token

    def _write_config(self, proxy_port: int, console_port: int) -> Path:
        """`exeat.toml` with the same settings."""
        settings = self._settings
        lines = [
            'state_dir = "state"',
            'certs_dir = "certs"',
            'policies = ["policy.yaml"]',
            'upstream_ca_file = "upstream.pem"',
            f"proxy = {{ port = {proxy_port} }}",
            f"console = {{ port = {console_port} }}",
            "[routes]",
            *(f'{name} = "{route.to}"' for name, route in settings.routes.items()),
            "[hosts]",
            *(f'"{name}" = "{at}"' for name, at in settings.hosts.items()),
        ]
        if self._redis_url:
            lines += ["[counters]", f'redis_url = "{self._redis_url}"']
        path = self._directory / "exeat.toml"
        path.write_text("\n".join(lines) + "\n")
        return path

    async def start(self) -> House:
        """Start it, on ports that are free now, and wait until it is ready."""
        proxy_port, console_port = free_port(), free_port()
        config = self._write_config(proxy_port, console_port)
        if self._token is None:
            self._token = await console_token(self._directory)
        with self.stderr.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "proxy.cli", "up", "--config", str(config),
                stderr=log, cwd=Path(__file__).parent.parent,
            )  # fmt: skip
        house = House(
            proxy_port, console_port, self._directory, self._plain, self._tls, self._token,
            process=process,
        )  # fmt: skip
        await eventually(lambda: _answers(house), bool, timeout_s=30)
        return house


async def _answers(house: House) -> bool:
    assert house.process is not None
    if house.process.returncode is not None:
        raise AssertionError((house.directory / "exeat.stderr").read_text())
    for port in (house.console_port, house.proxy_port):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
    return True


async def kill(house: House, number: int = signal.SIGKILL) -> int:
    """Send the process a signal and wait for its end; its exit code."""
    assert house.process is not None
    if house.process.returncode is None:
        house.process.send_signal(number)
    return await house.process.wait()


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def chat(model: str = "gpt-4o-mini", **more: Any) -> dict[str, Any]:
    """A small OpenAI chat request."""
    return {
        "model": model,
        "messages": [{"role": "user", "content": "hi"}],
        "max_tokens": 100,
        **more,
    }


def message(model: str = "claude-sonnet-4-5", **more: Any) -> dict[str, Any]:
    """A small Anthropic request."""
    return {
        "model": model,
        "messages": [{"role": "user", "content": "hi"}],
        "max_tokens": 100,
        **more,
    }


def body_of(answer: httpx.Response) -> Any:
    """An answer's JSON."""
    return json.loads(answer.content)
