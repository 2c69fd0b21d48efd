"""Whatever anybody wrote into a record does nothing on any page."""

import re
import time
from types import SimpleNamespace
from urllib.parse import quote, urlencode

import pytest
import pytest_asyncio

from proxy.board.acts import Ask, Claim, Complete, NewArtifact, NewTask, Start
from proxy.console.pages import pages
from proxy.identity.scope import Scope
from proxy.ledger.records import Client, Decision, Event, Forecast, Outcome, Stamp, ToolCall, Usage
from proxy.slip import Identity
from tests.approvals.questions import wanted
from tests.console import scene
from tests.house import house
from tests.journeys.conftest import _moved_in
from tests.journeys.console.browser import PHONE, visiting

SCRIPT = "<script>window.owned=1</script>"
IMAGE = '"><img src=x onerror="window.owned=1">'
STYLE = "</style><style>body{display:none}</style>{{7*7}}"
BACKWARDS = "\u202egnp.exe\u202c"
LINES = "a\r\ndata: x\n\nevent: bye\rid: 9\u2028"
LONG = "w" * 128
HUGE = 2**53 - 1
WORDS = (f"{IMAGE}{SCRIPT}{STYLE}", f"javascript:window.owned=1//{LINES}{BACKWARDS}", LONG)


def records(now_ms: int):
    for number, word in enumerate(WORDS):
        identity = scene.call_id(now_ms - number * 1000, number)
        yield Decision(
            id=identity, ts_ms=now_ms - number * 1000, decision="allow", action="llm.call",
            org=word, agent=word, session=word, task=word, parent=word,
            method=word, scheme=word, host=word, port=HUGE, path=word.replace("?", ""),
            provider=word, format=word, model=word, request_bytes=HUGE, request_sha256=word,
            estimate=Forecast(HUGE, HUGE, HUGE), bound=Forecast(HUGE, HUGE, HUGE),
            price_version=word, policies=(word, f"policy:{word}:{word}:{word}"), rule=word,
            stamps=(Stamp("route", HUGE, word), Stamp(word, 1, word)),
            client=Client(word, word, HUGE), repeats=HUGE, secrets=(word,), done_before=HUGE,
        )  # fmt: skip
        yield Event(
            kind="tool_call", id=scene.call_id(now_ms, number + 100), ts_ms=now_ms, org=word,
            agent=word, session=word, decision_id=identity, status=word,
            facts={"call_id": word, "tool": word, "category": word, "commands": word,
                   "targets": word, "intent_sha256": word, "intent_bytes": HUGE, "rule": word},
        )  # fmt: skip
        yield Event(
            kind="budget_threshold", id=scene.call_id(now_ms, number + 200), ts_ms=now_ms,
            decision_id=identity, org=word, status=word, facts={word: word, "n": HUGE},
        )  # fmt: skip
        yield Outcome(
            decision_id=identity, ts_ms=now_ms, status="answered", http_status=HUGE,
            usage=Usage(HUGE, HUGE, HUGE, HUGE, HUGE), cost_nanousd=HUGE, tokens=HUGE,
            response_bytes=HUGE, duration_us=HUGE, ttfb_us=HUGE, model=word, response_id=word,
            finish_reason=word, tool_calls=(ToolCall(word, word), ToolCall("other", word)),
            upstream_request_id=word, note=word, response_sha256=word,
        )  # fmt: skip
        yield Decision(
            id=scene.call_id(now_ms - number, number + 300), ts_ms=now_ms - number,
            decision="deny", action="egress.http", org=word, agent=word, session=word,
            host=word, code=word, reason=word * 20, rule=word,
        )  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def hostile(tmp_path_factory, authority):
    place = _moved_in(tmp_path_factory.mktemp("hostile"), authority)
    now_ms = time.time_ns() // 1_000_000
    await scene.fill(place / "state" / "ledger.sqlite", records(now_ms))
    async with house(place, scene.POLICY) as built:
        await people(built)
        yield built


async def people(built):
    """What agents, servers and people say to people."""
    here, word = built.here, WORDS[0]
    now_ms, who = time.time_ns() // 1_000_000, Identity("acme", "ada", "s1")
    before = None
    for title in WORDS:
        asked = NewTask(title=title.replace("\r\n", " ")[:200], text=title)
        task = (await here.board.create(asked, who, now_ms)).task.id
        for act in (Claim(), Start(fence=1), Ask(fence=1, question=title)):
            await here.board.act("acme", task, act, who, now_ms)
        before = before or task
    done = (await here.board.create(NewTask(title=word[:200], text=word), who, now_ms)).task.id
    ends = Complete(fence=1, result=word, artifacts=(NewArtifact(name="a.html", text=word),))
    for act in (Claim(), Start(fence=1), ends):
        await here.board.act("acme", done, act, who, now_ms)
    question = wanted(reason=word, rule=word, agent=word, summary=(("tool", word), (word, LONG)))
    approval = await here.approvals.ask(question, scene.call_id(now_ms, 1))
    await here.permits.bypass(Scope("acme", "ada"), [word, LONG], 600, word, word)
    for said in WORDS:
        here.pins.see(word, {"name": word, "title": said, "description": said * 9})
    head = await here.ledger.head()
    built.named = {
        "{approval}": approval.id,
        "{task}": done,
        "{name}": "a.html",
        "{which}": scene.call_id(now_ms, 0),
        r"{seq:\d{1,15}}": str(head),
    }


def every_path(built):
    """A path for every page of the server's own list, so that a new page is walked, too."""
    nothing = SimpleNamespace(raw_view=None)
    for each in pages(nothing):
        if each.method != "GET" or each.path.endswith((".csv", ".jsonl")):
            continue
        path = each.path
        for name, value in built.named.items():
            path = path.replace(name, quote(value, safe=""))
        assert "{" not in path, f"{each.path}: name what it is about in `people`"
        yield path
    who = urlencode({"org": WORDS[0], "agent": WORDS[0], "session": WORDS[0]})
    yield from (f"/agent?{who}&since=30d", f"/session?{who}", f"/permits?{who}")
    yield "/policy?name=acme-baseline"
    yield "/policy/draft?name=acme-baseline"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_page_bears_hostile_words_and_can_be_read(browser, hostile, scheme):
    async with visiting(browser, hostile, color_scheme=scheme) as seen:
        seen.expected |= {404}
        shown = 0
        for path in every_path(hostile):
            page = await seen.go(path)
            assert await page.evaluate("window.owned") is None, path
            assert await page.locator("main img, main script, main [onerror]").count() == 0, path
            assert await page.locator("h1").count() == 1, path
            assert await seen.grave() == [], path
            shown += "window.owned" in await page.locator("main").inner_text()
        assert shown >= 12, "the words were there to be shown"


async def test_hostile_words_in_forms_are_only_words(browser, hostile):
    async with visiting(browser, hostile) as seen:
        seen.expected |= {400, 404, 422}
        page = await seen.go("/policy/draft?name=acme-baseline")
        for text in (*WORDS, f"policy: x\nversion: 1\ndescription: {WORDS[0]!r}\n"):
            await page.get_by_label("Text").fill(text)
            await page.get_by_role("button", name="Check").click()
            assert await page.evaluate("window.owned") is None
            assert await page.locator("main img, main script").count() == 0
            assert await page.get_by_label("Text").input_value() == re.sub(r"\r\n?", "\n", text)
        page = await seen.go("/permits")
        for word in WORDS[:2]:
            form = page.locator("form[action='/permits/grant']")
            for name in ("org", "budget", "amount", "reason"):
                await form.locator(f"[name={name}]").fill(word[:18])
            await form.get_by_role("button").click()
            assert await page.evaluate("window.owned") is None
            assert await page.locator("h1").count() == 1
            page = await seen.go("/permits")


PATHS = (
    "/", "/calls", "/calls?since=1h", "/approvals", "/tasks", "/agents?since=7d",
    "/costs?since=24h", "/ledger", "/policies",
    *(f"/costs?by={by}&since=24h" for by in ("session", "model", "host", "task", "provider")),
)  # fmt: skip


@pytest.mark.parametrize("viewport", [None, PHONE], ids=["desk", "phone"])
async def test_no_page_runs_shows_or_is_bent_by_what_others_wrote(browser, hostile, viewport):
    how = {"viewport": viewport} if viewport else {}
    async with visiting(browser, hostile, "viewer", **how) as seen:
        paths = set(PATHS)
        for start in ("/calls", "/agents?since=7d", "/ledger"):
            page = await seen.go(start)
            links = await page.locator("tbody a").evaluate_all(
                "links => links.map(link => link.getAttribute('href'))"
            )
            paths |= {link for link in links if link.startswith("/")} if not viewport else set()
        assert viewport or len(paths) > 30
        bent = {}
        for path in sorted(paths):
            page = await seen.go(path)
            assert await page.evaluate("window.owned") is None, path
            assert await page.locator("main").is_visible(), path
            assert (
                await page.locator("main img, main script, main style, main [onerror]").count() == 0
            )
            bent[path] = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert {path: wider for path, wider in bent.items() if wider > 0} == {}


async def test_hostile_queries_are_only_words(browser, hostile):
    async with visiting(browser, hostile, "viewer") as seen:
        seen.expected |= {400, 404}
        names = ("q", "agent", "org", "host", "since", "name", "rule", "by", "before", "status")
        for word in WORDS:
            query = urlencode(dict.fromkeys(names, word))
            for path in ("/calls", "/ledger", "/costs", "/policies/explain", "/policy"):
                page = await seen.go(f"{path}?{query}")
                assert await page.evaluate("window.owned") is None, path
                assert await page.locator("h1").count() == 1, path
