"""Looking: logging in, every page, ten thousand calls, filters, exports, keys, a phone, no script."""

import csv
import io
import re
from pathlib import Path

from tests.journeys.console.browser import PHONE
from tests.journeys.console.conftest import CALLS

PAGES = (
    "/",
    "/calls",
    "/agents",
    "/agent?org=acme&agent=coder&since=7d",
    "/costs",
    "/costs?by=model&since=24h",
    "/policies",
    "/policy?name=acme-baseline",
    "/policy/draft?name=acme-baseline",
    "/policies/explain?tool=Bash&arguments=%7B%22command%22%3A%22rm+-rf+x%22%7D",
    "/ledger",
    "/ledger/100",
    "/api/docs",
)


async def test_a_token_opens_the_page_that_was_asked_for_and_leaving_closes_it(visit, busy_house):
    async with visit(None) as seen:
        page = await seen.go("/calls?agent=coder")
        assert page.url.endswith("/login?next=%2Fcalls%3Fagent%3Dcoder")
        assert await seen.grave() == []
        seen.expected.add(403)
        await page.get_by_label("Token").fill("exeat_wrong")
        await page.get_by_role("button", name="Log in").click()
        assert "opens nothing" in await page.get_by_role("alert").inner_text()
        await page.get_by_label("Token").fill(busy_house.token)
        await page.get_by_role("button", name="Log in").click()
        await page.wait_for_url("**/calls?agent=coder")
        await page.get_by_role("button", name="Sign out").click()
        await page.wait_for_url("**/login")
        await seen.go("/ledger")
        assert "/login" in page.url


async def test_every_page_is_there_for_everybody_also_who_does_not_see_it(visit):
    async with visit("viewer") as seen:
        for path in PAGES:
            page = await seen.go(path)
            assert await page.locator("h1").count() == 1, path
            assert await seen.grave() == [], path


async def test_a_dark_page_can_be_read_too(visit):
    async with visit("viewer", color_scheme="dark") as seen:
        for path in ("/", "/calls", "/costs", "/policy?name=acme-baseline"):
            await seen.go(path)
            assert await seen.grave() == [], path


async def test_on_a_phone_no_page_is_wider_than_the_phone(visit):
    async with visit(viewport=PHONE) as seen:
        await seen.go("/calls?status=answered")
        slip = await seen.page.locator("a[data-open]").first.get_attribute("href")
        for path in (*PAGES, slip):
            page = await seen.go(path)
            wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wider <= 0, path
        assert await seen.grave() == []


async def test_ten_thousand_calls_are_moved_through_page_by_page(visit):
    async with visit("viewer") as seen:
        page = await seen.go("/calls")
        first = await page.locator("tbody tr").first.get_attribute("id")
        for _ in range(3):
            older = page.get_by_role("link", name="Older")
            further = str(await older.get_attribute("href"))
            await older.click()
            await page.wait_for_url(f"**{further}")
            assert await page.locator("tbody tr").count() == 50
            assert await page.locator(f"[id='{first}']").count() == 0
        await page.get_by_role("link", name="Newest").click()
        await page.wait_for_url("**/calls")
        await seen.go("/calls?before=40")
        assert 0 < await page.locator("tbody tr").count() < 50
        assert await page.get_by_role("link", name="Older").count() == 0

        exported = await (await seen.context.request.get(f"{seen.base}/calls.csv")).text()
        rows = list(csv.DictReader(io.StringIO(exported)))
        assert len({row["id"] for row in rows}) == len(rows) >= CALLS


async def test_a_filter_is_in_the_url_and_a_chip_takes_it_away(visit):
    async with visit("viewer") as seen:
        page = await seen.go("/calls")
        await page.get_by_label("Outcome").select_option("refused")
        await page.wait_for_url("**/calls?status=refused")
        words = page.locator("tbody .state .word")
        assert set(await words.all_inner_texts()) == {"refused"}
        await page.get_by_label("Search").fill("paste.rs")
        await page.get_by_label("Search").press("Enter")
        await page.wait_for_url("**/calls?q=paste.rs&status=refused")
        assert await page.locator("tbody tr").count() == 50
        await page.get_by_role("link", name=re.compile("status: refused")).click()
        await page.wait_for_url("**/calls?q=paste.rs")


async def test_what_is_shown_is_what_is_exported(visit, tmp_path: Path):
    async with visit("viewer") as seen:
        page = await seen.go("/calls?agent=coder&status=refused")
        async with page.expect_download() as downloading:
            await page.get_by_role("link", name="CSV").click()
        download = await downloading.value
        await download.save_as(tmp_path / "calls.csv")
    assert download.suggested_filename == "calls.csv"
    rows = list(csv.DictReader(io.StringIO((tmp_path / "calls.csv").read_text())))
    assert len(rows) > 50, "more than a page shows"
    assert {(row["agent"], row["outcome"]) for row in rows} == {("coder", "refused")}


async def test_everything_can_be_reached_by_keyboard(visit):
    async with visit("viewer") as seen:
        page = await seen.go("/calls")
        await page.keyboard.press("/")
        assert await page.evaluate("document.activeElement.name") == "q"
        await page.keyboard.press("Escape")
        await page.keyboard.press("?")
        assert await page.locator("#keys").is_visible()
        await page.keyboard.press("Escape")
        await page.keyboard.press("j")
        await page.keyboard.press("j")
        second = await page.locator("tbody tr").nth(1).get_attribute("id")
        assert await page.locator("tr.here").get_attribute("id") == second
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"**/calls/{str(second).removeprefix('call-')}")
        await page.keyboard.press("g")
        await page.keyboard.press("s")
        await page.wait_for_url("**/costs")


async def test_times_are_the_viewers_own_and_utc_on_hover(visit):
    async with visit("viewer", timezone_id="Asia/Tokyo", locale="en-GB") as seen:
        page = await seen.go("/ledger/100")
        time_ = page.locator("h1 + p time")
        assert "UTC" in str(await time_.get_attribute("title"))
        iso = str(await time_.get_attribute("datetime"))
        hour = (int(iso[11:13]) + 9) % 24
        assert f"{hour:02d}:{iso[14:16]}" in await time_.inner_text()


async def test_a_hash_is_copied_when_it_is_pressed(visit):
    async with visit("viewer", permissions=["clipboard-read", "clipboard-write"]) as seen:
        page = await seen.go("/ledger/100")
        leaf = page.locator(".chain .this .copy")
        await leaf.click()
        await page.locator(".chain .this .copy.done").wait_for()
        copied = await page.evaluate("navigator.clipboard.readText()")
        assert copied == await leaf.get_attribute("data-copy")


async def test_without_script_pages_forms_and_filters_work(visit):
    async with visit("viewer", java_script_enabled=False) as seen:
        page = await seen.go("/calls")
        await page.get_by_label("Outcome").select_option("answered")
        await page.get_by_role("button", name="Show").click()
        await page.wait_for_url("**status=answered**")
        await page.locator("a[data-open]").first.click()
        assert await page.locator(".stamps > li.stamped").count() >= 11
        await seen.go("/ledger")
        await page.get_by_role("button", name="Verify now").click()
        assert "Internally consistent; not proved." in await page.locator("#verdict").inner_text()


async def test_what_is_not_there_is_told_as_a_page(visit):
    async with visit("viewer") as seen:
        seen.expected.add(404)
        page = await seen.go("/nothing/here")
        assert await page.locator("h1").inner_text() == "There is no such page"
        assert await seen.grave() == []
