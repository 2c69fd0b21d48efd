"""A browser that looks at the console, and fails whatever should not happen while it does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, Playwright, async_playwright

from proxy.console.access.tokens import TokenRole
from tests.house import House, console_token

CHROMIUM = Path("/usr/bin/chromium")
DESK = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 800}
GRAVE = ("serious", "critical")

_ON_VIOLATION = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
"""


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Debian's own."""
    if not CHROMIUM.exists():
        raise AssertionError("chromium is missing: run make test, or .ci/install chromium")
    playwright: Playwright
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        await browser.close()


@dataclass
class Visit:
    """One person's browser, logged in. `page` is the tab they look at."""

    page: Page
    context: BrowserContext
    base: str
    troubles: list[str] = field(default_factory=list)
    """What no page may do: each fails the test."""
    expected: set[int] = field(default_factory=set)
    """Statuses of failures that the test asks for."""

    async def go(self, path: str) -> Page:
        """To a page of the console."""
        await self.page.goto(self.base + path)
        return self.page

    async def grave(self) -> list[str]:
        """What axe finds serious or critical on the page as it is."""
        found: dict[str, Any] = (await Axe().run(self.page)).response
        return [
            f"{each['id']}: {node['target']} {node['html'][:120]}"
            for each in found["violations"]
            if each["impact"] in GRAVE
            for node in each["nodes"][:3]
        ]

    def watch(self, page: Page) -> None:
        """Note whatever goes wrong on this tab."""
        page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        page.on("console", self._hear)
        page.on("dialog", lambda dialog: self.troubles.append(f"dialog: {dialog.message}"))
        page.on("requestfailed", self._fail)
        page.on("response", self._answer)

    def _hear(self, message: Any) -> None:
        is_told_already = message.text.startswith("Failed to load resource")
        if message.type in ("error", "warning") and not is_told_already:
            self.troubles.append(f"console: {message.text}")

    def _fail(self, request: Any) -> None:
        # A feed is cut when its page is left, and a download is no page.
        if "ERR_ABORTED" not in (request.failure or ""):
            self.troubles.append(f"failed: {request.url} {request.failure}")

    def _answer(self, response: Any) -> None:
        if response.status >= 400 and response.status not in self.expected:
            self.troubles.append(f"status {response.status}: {response.url}")


class Cable:
    """A port that leads to another one until it is cut: what is open on it ends, and nothing new comes."""

    def __init__(self, to: int) -> None:
        self._to = to
        self.port = 0
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()

    async def mend(self) -> None:
        """Lead there, on the same port as before."""
        self._server = await asyncio.start_server(self._lead, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """End all that is open."""
        assert self._server is not None
        self._server.close()
        for end in tuple(self._ends):
            end.close()

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._to)
        self._ends |= {writer, back}
        try:
            await asyncio.gather(_pass(reader, back), _pass(there, writer))
        finally:
            self._ends -= {writer, back}


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


@contextlib.asynccontextmanager
async def cable(to: int) -> AsyncIterator[Cable]:
    """Whole at first; cut at the end."""
    line = Cable(to)
    await line.mend()
    yield line
    await line.cut()


@contextlib.asynccontextmanager
async def visiting(
    browser: Browser, house: House, role: TokenRole | None = "admin", **how: Any
) -> AsyncIterator[Visit]:
    """Somebody of this role, logged in; or nobody yet. Fails when anything went wrong meanwhile."""
    context = await browser.new_context(**{"viewport": DESK, **how})
    context.set_default_timeout(10_000)
    await context.add_init_script(_ON_VIOLATION)
    base = f"http://127.0.0.1:{house.console_port}"
    page = await context.new_page()
    visit = Visit(page, context, base)
    visit.watch(page)
    try:
        if role is not None:
            token = house.token if role == "admin" else await console_token(house.directory, role)
            await page.goto(f"{base}/login")
            await page.get_by_label("Token").fill(token)
            await page.get_by_role("button", name="Log in").click()
            await page.wait_for_url(f"{base}/")
        yield visit
        assert visit.troubles == []
    finally:
        await context.close()
