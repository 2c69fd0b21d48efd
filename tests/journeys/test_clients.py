"""E9: curl, git and pip, unmodified, with nothing but the environment of `exeat env`."""

import asyncio
import base64
import contextlib
import hashlib
import io
import os
import shutil
import ssl
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.house import AUTHORITY, House, house, policy

GIT_HOME = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True).stdout
GIT_BACKEND = Path(GIT_HOME.strip()) / "git-http-backend"
COUNT = 3_000_000


def clean(built: House) -> dict[str, str]:
    """The variables, and no configuration of whoever runs the tests."""
    home = str(built.directory)
    ours = {"HOME": home, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
    return {**built.env(), **ours, "PIP_CONFIG_FILE": os.devnull}


async def run(env: Mapping[str, str], *command: str, input: bytes = b"") -> bytes:  # noqa: A002
    """The output of a command that must succeed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env=dict(env),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(input)
    assert process.returncode == 0, err.decode()
    return out


class TestCurl:
    async def curl(self, built: House, *arguments: str, input: bytes = b"") -> bytes:  # noqa: A002
        return await run(
            clean(built),
            "curl",
            "--silent",
            "--show-error",
            "--max-time",
            "20",
            *arguments,
            input=input,
        )

    @pytest.mark.parametrize("version", ["--http1.1", "--http2"])
    async def test_e9_curl_over_https_gets_the_page(self, open_house: House, version: str) -> None:
        got = await self.curl(
            open_house, version, "-w", "%{http_version}", "https://pages.test/bytes/100000"
        )
        assert got[:100_000] == b"x" * 100_000
        assert got[100_000:] == (b"2" if version == "--http2" else b"1.1")
        (seen,) = open_house.tls.seen
        assert (
            seen.header(
                "user-agent",
            )
            is not None
        )
        assert seen.header("proxy-authorization") is None
        (decision,) = await open_house.records(kind="decision")
        assert decision["role"]["agent"] == "coder"

    async def test_e9_curl_over_plain_http_is_governed_the_same(self, place: Path) -> None:
        async with house(place, policy(egress="  allow: [{host: pages.test}]")) as built:
            got = await self.curl(
                built, "-o", "/dev/null", "-w", "%{http_code}", "http://pages.test/"
            )
        assert got == b"403"  # Port 80 is on no list.

    async def test_e9_curl_by_base_url_needs_only_headers(self, open_house: House) -> None:
        headers = [
            part
            for name, value in open_house.headers.items()
            for part in ("-H", f"{name}: {value}")
        ]
        url = f"{open_house.base}/openai/v1/models"
        got = await self.curl(open_house, "--noproxy", "*", *headers, url)
        assert got == b'{"object": "list", "data": []}'

    @pytest.mark.parametrize("version", ["--http1.1", "--http2"])
    async def test_e9_curl_uploads_with_and_without_a_length(
        self, open_house: House, version: str
    ) -> None:
        data = bytes(range(256)) * (COUNT // 256)
        url = "https://pages.test/up"
        await self.curl(open_house, version, "-T", "-", url, input=data)
        await self.curl(open_house, version, "--data-binary", "@-", url, input=data)
        assert [seen.body == data for seen in open_house.tls.seen] == [True, True]

    async def test_e9_curl_heads_and_gets_nothing_where_there_is_nothing(
        self, open_house: House
    ) -> None:
        both = await self.curl(
            open_house, "-I", "https://pages.test/bytes/1000", "https://pages.test/bytes/10"
        )
        assert both.count(b"HTTP/2 200") == 2
        assert b"content-length: 1000" in both.lower()
        got = await self.curl(
            open_house, "-i", "--suppress-connect-headers", "https://pages.test/status/204"
        )
        assert b" 204" in got.splitlines()[0]
        assert got.endswith(b"\r\n\r\n")

    async def test_e9_curl_is_told_why_it_is_refused(self, place: Path) -> None:
        async with house(place, policy(egress="  default: deny")) as built:
            got = await self.curl(built, "https://pages.test/")
            assert b'"code":"host_not_allowed"' in got
            head = await self.curl(built, "-I", "https://pages.test/", "https://pages.test/again")
            assert head.lower().count(b"x-exeat-decision: host_not_allowed") == 2


def wheel() -> tuple[str, bytes]:
    """The name and bytes of the smallest wheel there can be."""
    name, info = "leaves-1.0-py3-none-any.whl", "leaves-1.0.dist-info"
    files = {
        "leaves.py": "word = 'unseen'\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: leaves\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: by hand\n"
        "Root-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = []
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
        rows.append(f"{path},sha256={digest.decode()},{len(text)}\n")
    files[f"{info}/RECORD"] = "".join(rows) + f"{info}/RECORD,,\n"
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return name, data.getvalue()


class Village:
    """A git server and a package index."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.transfer: list[str] = []
        """Transfer codings in which requests to git came."""
        self.app = web.Application(client_max_size=1 << 30)
        self.app.router.add_route("*", "/{repo}.git/{rest:.*}", self._git)
        self.app.router.add_get("/{rest:.*}", self._page)

    async def _git(self, request: web.Request) -> web.StreamResponse:
        """git's own CGI program."""
        env = {
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": request.path,
            "QUERY_STRING": request.query_string,
            "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": request.headers.get("content-type", ""),
            "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
            "HTTP_GIT_PROTOCOL": request.headers.get("git-protocol", ""),
            "REMOTE_USER": "tester",
            "PATH": os.environ["PATH"],
        }
        self.transfer.append(request.headers.get("transfer-encoding", ""))
        body = await request.read()
        if body and "content-length" in request.headers:
            env["CONTENT_LENGTH"] = str(len(body))
        process = await asyncio.create_subprocess_exec(
            GIT_BACKEND, env=env, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate(body)
        head, _, rest = out.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        status = int(headers.pop("Status", "200 OK").split()[0])
        return web.Response(status=status, headers=headers, body=rest)

    async def _page(self, request: web.Request) -> web.Response:
        """A simple index with one package."""
        name, data = wheel()
        if request.path.endswith(".whl"):
            return web.Response(body=data, content_type="application/zip")
        if request.path.startswith("/simple/leaves"):
            digest = hashlib.sha256(data).hexdigest()
            text = f'<!DOCTYPE html><a href="/files/{name}#sha256={digest}">{name}</a>'
            return web.Response(text=text, content_type="text/html")
        raise web.HTTPNotFound


@contextlib.asynccontextmanager
async def village(place: Path) -> AsyncIterator[tuple[House, Village]]:
    """A house, and beyond it a git server and a package index with TLS of their own."""
    beyond = Village(place / "repositories")
    beyond.root.mkdir()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("git.test", "packages.test").configure_cert(context)
    runner = web.AppRunner(beyond.app, access_log=None, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    port = runner.addresses[0][1]
    more: dict[str, Any] = {
        "hosts": {f"{name}:443": f"127.0.0.1:{port}" for name in ("git.test", "packages.test")},
    }
    try:
        async with house(place, **more) as built:
            yield built, beyond
    finally:
        await runner.cleanup()


def made(root: Path) -> None:
    """A repository with one commit, that may be pushed to."""
    bare = root / "work.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", bare], check=True)
    subprocess.run(["git", "-C", bare, "config", "http.receivepack", "true"], check=True)


async def test_e9_git_pushes_and_clones_with_only_the_environment(place: Path) -> None:
    async with village(place) as (built, beyond):
        await asyncio.to_thread(made, beyond.root)
        env = {
            **clean(built),
            **{
                f"GIT_{who}_{what}": value
                for who in ("AUTHOR", "COMMITTER")
                for what, value in (("NAME", "a"), ("EMAIL", "a@b.test"))
            },
        }
        work = place / "work"
        await run(env, "git", "clone", "-q", "https://git.test/work.git", str(work))
        (work / "large").write_bytes(os.urandom(COUNT))  # Past http.postBuffer: sent in chunks.
        await run(env, "git", "-C", str(work), "checkout", "-q", "-b", "main")
        await run(env, "git", "-C", str(work), "add", "large")
        await run(env, "git", "-C", str(work), "commit", "-q", "-m", "large")
        await run(env, "git", "-C", str(work), "push", "-q", "origin", "main")
        assert "chunked" in beyond.transfer
        again = place / "again"
        await run(env, "git", "clone", "-q", "https://git.test/work.git", str(again))
        assert (again / "large").read_bytes() == (work / "large").read_bytes()
        decisions = await built.records(kind="decision")
        assert {each["result"]["decision"] for each in decisions} == {"allow"}
        assert {each["role"]["session"] for each in decisions} == {"s1"}


async def test_e9_git_is_told_when_it_may_not_go_there(place: Path) -> None:
    async with house(place, policy(egress="  default: deny")) as built:
        process = await asyncio.create_subprocess_exec(
            "git", "clone", "-q", "https://git.test/work.git", str(place / "x"),
            env=clean(built), stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, said = await process.communicate()
        assert process.returncode == 128
        assert b"403" in said
        assert built.upstream_calls == 0


def pip() -> list[str]:
    """A pip that is not this project's own."""
    for python in ("/usr/bin/python3", sys.executable):
        found = subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False)
        if found.returncode == 0:
            return [python, "-m", "pip"]
    path = shutil.which("pip")
    return [path] if path else []


async def test_e9_pip_installs_with_only_the_environment(place: Path) -> None:
    command = pip()
    assert command, "no pip is installed"
    async with village(place) as (built, _):
        target = place / "site"
        await run(
            clean(built), *command, "install", "-q", "--disable-pip-version-check", "--no-cache-dir",
            "--index-url", "https://packages.test/simple", "--target", str(target), "leaves",
        )  # fmt: skip
        assert (target / "leaves.py").read_text() == "word = 'unseen'\n"
        decisions = await built.records(kind="decision")
        assert {each["request"]["host"] for each in decisions} == {"packages.test"}
