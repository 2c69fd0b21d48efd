"""Watching and steering: live traffic, a slip to its end, a stop, a policy replayed and saved."""

import asyncio
import contextlib
import re
from dataclasses import replace

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.console import scene
from tests.house import House, chat, eventually, house, message
from tests.journeys.conftest import _moved_in
from tests.journeys.console.browser import cable, visiting

ANTHROPIC = "https://api.anthropic.com/v1/messages"
OPENAI = "https://api.openai.com/v1/chat/completions"


@pytest_asyncio.fixture(loop_scope="session")
async def quiet(tmp_path, authority):
    """A house where nothing has happened yet, under the same policy."""
    async with house(_moved_in(tmp_path, authority), scene.POLICY) as built:
        yield built


@pytest.fixture
def come(browser):
    """Somebody who looks at a house."""
    return lambda built, role="admin", **how: visiting(browser, built, role, **how)


async def ask(built: House, session: str = "s1") -> None:
    async with built.through(built.proxy_url(session=session)) as client:
        assert (await client.post(OPENAI, json=chat())).status_code == 200


@contextlib.asynccontextmanager
async def streaming(built: House, session: str):
    """A call that streams for as long as it is let."""
    built.says(words=2_000, pause_s=0.05)

    async def read() -> int:
        async with (
            built.through(built.proxy_url(session=session)) as client,
            client.stream("POST", ANTHROPIC, json=message(stream=True, max_tokens=2000)) as answer,
        ):
            return sum([len(chunk) async for chunk in answer.aiter_bytes()])

    task = asyncio.create_task(read())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def text_of(page, selector: str) -> str:
    return " ".join((await page.locator(selector).inner_text()).split())


async def test_the_first_call_is_asked_for_and_then_shown(quiet, come):
    async with come(quiet) as seen:
        page = await seen.go("/calls")
        assert "No call has come yet." in await text_of(page, "main")
        assert await seen.grave() == []
        await ask(quiet)
        await page.locator("tbody tr").first.wait_for()
        assert "gpt-4o-mini" in await text_of(page, "tbody tr")


_NOTE = """
() => {
  window.arrived = {};
  new MutationObserver((changes) => {
    for (const row of changes.flatMap((change) => [...change.addedNodes])) {
      if (row.id) window.arrived[row.id] ??= Date.now();
    }
  }).observe(document.querySelector("[data-rows]"), { childList: true });
}
"""


async def test_a_call_appears_within_a_second_and_opens_as_its_slip(quiet, come):
    await ask(quiet)
    async with come(quiet) as seen:
        page = await seen.go("/calls")
        await page.locator("[data-live][data-state=live]").wait_for()
        await page.evaluate(_NOTE)
        took = []
        for number in range(3):  # One of them may meet a busy machine.
            await ask(quiet, session=f"watched-{number}")
            record = (await quiet.records(kind="decision", session=f"watched-{number}"))[0]
            await page.locator(f"[id='call-{record['id']}']").wait_for()
            arrived = await page.evaluate(f"window.arrived['call-{record['id']}']")
            began = await page.evaluate(f"Date.parse('{record['ts']}')")
            took.append(arrived - began)
        assert min(took) < 1000

        row = page.locator("tbody tr").first
        await row.locator(".state.answered").wait_for()
        await row.locator("a[data-open]").click()
        await page.wait_for_url("**/calls/*")
        assert await page.locator(".stamps > li.stamped").count() == 12
        assert await page.locator(".stamps > li.refused").count() == 0
        assert "It came back." in await text_of(page, ".stub")
        assert await seen.grave() == []


async def test_rows_wait_while_they_are_read_and_say_how_many(quiet, come):
    await ask(quiet, "first")
    async with come(quiet) as seen:
        page = await seen.go("/calls")
        await page.locator("[data-live][data-state=live]").wait_for()
        await page.locator("tbody tr").first.hover()
        for number in range(3):
            await ask(quiet, f"later-{number}")
        waiting = page.locator("[data-waiting]")
        await expect(waiting).to_have_text(re.compile("^3 waiting"))
        assert await page.locator("tbody tr").count() == 1, "nothing moved beneath the pointer"
        await waiting.click()
        await expect(page.locator("tbody tr")).to_have_count(4)
        await expect(waiting).to_be_hidden()


async def test_who_was_away_is_shown_what_came_meanwhile(quiet, come):
    await ask(quiet, "before")
    async with (
        cable(quiet.console_port) as line,
        come(replace(quiet, console_port=line.port)) as seen,
    ):
        page = await seen.go("/calls")
        live = page.locator("[data-live][data-state=live]")
        await live.wait_for()
        await line.cut()
        await page.locator("[data-live][data-state=away]").wait_for()
        await ask(quiet, "meanwhile")
        await line.mend()
        await live.wait_for()
        await expect(page.locator("tbody tr")).to_have_count(2)
        seen.troubles = [each for each in seen.troubles if "/feed?" not in each]


async def test_a_call_in_flight_is_seen_followed_and_stopped(quiet, come):
    async with come(quiet, "approver") as seen, streaming(quiet, "astray") as stream:
        page = await seen.go("/")
        await page.locator("#now-live .state.open", has_text="answering").wait_for()
        assert await text_of(page, "#now-figures b >> nth=0") == "1"
        await page.locator("#now-live a[data-open]").click()
        await page.wait_for_url("**/calls/*")
        assert "It is under way." in await text_of(page, ".stub")

        other = await seen.context.new_page()
        seen.watch(other)
        await other.goto(f"{seen.base}/session?org=acme&agent=coder&session=astray")
        await other.locator(".steer > summary").click()
        assert await seen.grave() == []
        await other.get_by_label("Why?").fill("It went astray <b>.")
        await other.get_by_role("button", name="Kill", exact=True).click()
        await other.locator(".notice.no", has_text="Killed").wait_for()
        assert "It went astray <b>." in await text_of(other, ".notice.no")

        with contextlib.suppress(Exception):
            await asyncio.wait_for(stream, 5)
        assert stream.done()
        await page.locator(".head .state").wait_for()
        await page.locator(".stub", has_text=re.compile("ended|left")).wait_for()
        async with quiet.through(quiet.proxy_url(session="astray")) as client:
            assert (await client.post(OPENAI, json=chat())).status_code == 403


async def test_a_draft_is_replayed_then_saved_and_is_in_force(quiet, come):
    await ask(quiet)
    async with come(quiet) as seen:
        page = await seen.go("/policy/draft?name=acme-baseline")
        seen.expected.add(422)
        text = page.get_by_label("Text")
        await text.fill(scene.POLICY + "nonsense: 1\n")
        await page.get_by_role("button", name="Check").click()
        assert "no such field" in await text_of(page, ".notice.wait")
        await text.fill(
            scene.POLICY.replace("version: 7", "version: 8").replace("o1-pro*", "gpt-4o*")
        )
        await page.get_by_role("button", name="Replay over what happened").click()
        assert "1 calls that passed would be refused" in await text_of(page, "[aria-label=Replay]")
        assert await page.locator(".diff .in").count() == 2
        assert await seen.grave() == []
        await page.get_by_role("button", name="Save").click()
        await page.wait_for_url("**/policy?name=acme-baseline*")

        async def version() -> str:
            await page.reload()
            return await text_of(page, ".head")

        await eventually(version, lambda shown: "version 8" in shown)
    async with quiet.through() as client:
        answer = await client.post(OPENAI, json=chat())
    assert answer.status_code == 403
    saved = (await quiet.records(kind="policy_save"))[0]
    assert saved["result"]["status"] == "saved"
    assert saved["result"]["facts"]["by"].startswith("house-")


async def test_a_form_from_elsewhere_changes_nothing(quiet, come):
    async with come(quiet) as seen:
        seen.expected.add(403)
        for headers in ({}, {"origin": "https://evil.test"}):
            answer = await seen.context.request.post(
                f"{seen.base}/kill",
                form={"org": "acme", "agent": "coder", "reason": "x", "level": "kill"},
                headers=headers,
            )
            assert answer.status == 403
        assert (await quiet.api("/api/kills"))["stops"] == []
