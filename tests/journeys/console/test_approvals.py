"""A held call in a browser: it is seen within a second, approved, and the SDK's call succeeds; or denied."""

import asyncio

import openai
import pytest
from playwright.async_api import expect

from tests.house import house
from tests.journeys.conftest import _moved_in
from tests.journeys.console.browser import PHONE, visiting
from tests.journeys.test_approvals import HELD, call, sdk


@pytest.mark.parametrize(
    "how", [{}, {"viewport": PHONE, "color_scheme": "dark"}], ids=["desk", "phone, dark"]
)
async def test_a_held_call_is_approved_and_another_denied(browser, tmp_path, authority, how):
    async with (
        house(_moved_in(tmp_path, authority), HELD) as built,
        sdk(built) as client,
        visiting(browser, built, **how) as seen,
    ):
        page = await seen.go("/approvals")
        await expect(page.get_by_text("Nothing waits for you.")).to_be_visible()
        assert await seen.grave() == []

        waiting = asyncio.create_task(call(client, "approve this"))
        row = page.locator("tbody tr", has=page.locator(".state.waiting"))
        await row.wait_for(timeout=1500)
        assert await seen.grave() == []
        await seen.go("/")
        await expect(page.get_by_text("1 waits for a person.")).to_be_visible()
        await page.locator("#now-waiting a.mono").click()
        await page.wait_for_url("**/approvals/A-*")
        assert await seen.grave() == []
        wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wider <= 0
        assert "approve this" not in await page.content(), "what is asked is no prose"
        assert built.upstream_calls == 0
        await page.get_by_label("Reason").fill("I looked")
        await page.get_by_role("button", name="Approve, once").click()
        assert (await waiting).choices[0].message.content
        await page.locator(".big .state.answered").wait_for()
        await expect(page.get_by_text("I looked")).to_be_visible()

        refused = asyncio.create_task(call(client, "deny this"))
        await seen.go("/approvals?state=pending")
        await row.locator("a[data-open]").click()
        await page.get_by_label("Reason").fill("Not on a Friday")
        await page.get_by_role("button", name="Deny").click()
        with pytest.raises(openai.PermissionDeniedError, match="Not on a Friday"):
            await refused
        await page.locator(".big .state.refused").wait_for()
        assert await seen.grave() == []
        assert built.upstream_calls == 1
