"""Tasks in a browser: hostile words do nothing, a change is seen within a second, a question is answered."""

import pytest

from tests.console import scene
from tests.house import house
from tests.journeys.conftest import _moved_in
from tests.journeys.console.browser import PHONE, visiting

URL = "http://exeat.internal/v1/tasks"
HOSTILE = '"><img src=x onerror="alert(1)"><script>alert(1)</script>'


@pytest.mark.parametrize(
    "how", [{}, {"viewport": PHONE, "color_scheme": "dark"}], ids=["desk", "phone, dark"]
)
async def test_a_task_is_watched_and_its_question_answered(browser, tmp_path, authority, how):
    async with (
        house(_moved_in(tmp_path, authority), scene.POLICY) as built,
        built.through() as agent,
        visiting(browser, built, **how) as seen,
    ):
        page = await seen.go("/tasks")
        assert await page.get_by_text("Nothing is to be done.").is_visible()
        assert await seen.grave() == []

        new = {"title": HOSTILE, "text": HOSTILE, "allowance_nanousd": 2_000_000_000}
        task = (await agent.post(URL, json=new)).json()["id"]
        await agent.post(URL, json={"title": "Write it up", "depends_on": [task]})
        await agent.post(f"{URL}/{task}/claim", json={})
        await agent.post(f"{URL}/{task}/start", json={"fence": 1})
        await page.locator("tbody .state.open").wait_for()
        assert await page.locator("tbody .state.blocked").count() == 1
        await agent.post(f"{URL}/{task}/ask", json={"fence": 1, "question": HOSTILE})
        await page.locator("tbody .state.waiting").wait_for(timeout=1000)
        assert await seen.grave() == []

        await seen.go(f"/tasks/{task}")
        assert await seen.grave() == []
        assert await page.locator("main img, main script, main [onerror]").count() == 0
        wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wider <= 0
        await page.get_by_label("Answer").fill("The red shed.")
        await page.get_by_role("button", name="Send the answer").click()
        await page.locator(".big .state.open").wait_for()
        answered = (await agent.get(f"{URL}/{task}")).json()
        assert (answered["state"], answered["answer"]) == ("in_progress", "The red shed.")
