"""Hostile words are only words, on every page that there is: the server's own list of them is walked."""

from html.parser import HTMLParser

from proxy.board.acts import Ask
from proxy.console.pages import pages
from proxy.identity.scope import Scope
from proxy.ledger.records import Decision
from tests.approvals.questions import wanted
from tests.console.pages.board import make, work
from tests.console.pages.conftest import NOW_MS
from tests.console.scene import call_id

WORD = "\"'><img src=x onerror=alert(1)><script>alert(1)</script>"
LINK = "javascript:alert(1)"


class Hostile(HTMLParser):
    """What of a page could run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        runs = [name for name in given if name.startswith("on")]
        leads = [
            name
            for name in ("href", "action", "formaction", "src")
            if (given.get(name) or "").strip().lower().startswith("javascript:")
        ]
        is_own = str(given.get("src", "")).startswith("/static/")
        if runs or leads or tag in ("img", "iframe") or (tag == "script" and not is_own):
            self.found.append(self.get_starttag_text() or tag)


async def test_no_page_holds_anything_of_theirs_that_runs(look, ports) -> None:
    call = call_id(NOW_MS, 4000)
    for word, number in ((WORD, 0), (LINK, 1)):
        await ports.ledger.append(
            Decision(
                id=call if number == 0 else call_id(NOW_MS, 4001), ts_ms=NOW_MS, decision="deny",
                action="egress.http", org=word, agent=word, session=word, task=word, host=word,
                path=word, model=word, code=word, reason=word, rule=word,
            )
        )  # fmt: skip
    task = await make(ports, WORD, text=WORD)
    await make(ports, LINK, depends_on=[task])
    await work(ports, task, Ask(fence=1, question=WORD))
    question = wanted(reason=WORD, rule=WORD, agent=WORD, summary=(("tool", WORD), (WORD, LINK)))
    asked = await ports.approvals.ask(question, call)
    assert asked is not None
    await ports.approvals.decide(asked.id, LINK, True, WORD)
    for said in (WORD, LINK):
        ports.pins.see(WORD, {"name": WORD, "title": said, "description": said})
    await ports.permits.bypass(Scope("acme"), [WORD, LINK], 60, WORD, WORD)
    named = {
        "{approval}": asked.id,
        "{which}": call,
        r"{seq:\d{1,15}}": str(await ports.ledger.head()),
        "{task}": task,
    }
    shown = 0
    for each in pages(ports):
        if each.method != "GET" or each.path.endswith((".csv", ".jsonl")):
            continue
        path = each.path
        for name, value in named.items():
            path = path.replace(name, value)
        for query in (
            "",
            "?since=7d",
            "?org=%22%3E%3Cscript%3E&agent=javascript%3A1&session=x&q=%3Cimg%3E",
        ):
            text = (await look(path + query)).text
            parser = Hostile()
            parser.feed(text)
            assert parser.found == [], path + query
            shown += "alert(1)" in text
    assert shown > 5, "the words were there to be shown"
