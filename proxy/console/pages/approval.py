"""One approval: what is asked, who said what, and the forms by which a person decides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web
from pydantic import ValidationError

from proxy.approvals.approval import Approval
from proxy.budgets import Limit
from proxy.console.access import Viewer
from proxy.console.access.guard import VIEWER
from proxy.console.api.approvals import Yes, approved, denied
from proxy.console.feed import News, Source, Told
from proxy.console.granting import More
from proxy.console.links import url
from proxy.console.pages.approvals import AGAIN_S, PATH, STATES, ApprovalRow, row_of
from proxy.console.pages.forms import form_of
from proxy.console.pages.page import Page, frame, page
from proxy.console.ports import Ports
from proxy.console.templates import render_part
from proxy.endpoint import Problem

ONE = f"{PATH}/{{approval}}"


@dataclass(frozen=True, slots=True)
class OneApproval:
    """The page, for whoever looks."""

    row: ApprovalRow
    why_not: str | None
    """Why this viewer cannot decide it; None when they can."""
    limits: Sequence[Limit] = ()
    """What more can be given of; what ran out first."""

    @property
    def is_open(self) -> bool:
        """It can still be decided."""
        return self.row.state is STATES["pending"]


def look_up(ports: Ports, approval_id: str, viewer: Viewer | None) -> OneApproval:
    """Raises Problem 404."""
    it = ports.approvals.known(approval_id)
    if it is None:
        raise Problem(
            404,
            "not_found",
            "There is no such approval. It may have ended more than a day ago: the ledger has it.",
        )
    limits = ports.granting.limits(it)
    return OneApproval(row_of(it, ports.now_ms()), _why_not(it, viewer), limits)


def _why_not(it: Approval, viewer: Viewer | None) -> str | None:
    if viewer is None or not viewer.may("approver"):
        return "An approver decides this; you may look."
    if it.wanted.is_asked_by(viewer.name):
        return "You asked for this yourself, so somebody else decides it."
    if any(vote.by == viewer.name and vote.says_yes for vote in it.votes):
        return "You have approved it. It waits for somebody else, too."
    return None


def pages(ports: Ports) -> list[Page]:
    """One of them, and what a person says of it."""

    async def show(request: web.Request) -> web.Response:
        view = look_up(ports, request.match_info["approval"], request.get(VIEWER))
        feed = url("/feed", page="approval", approval=view.row.it.id)
        around = frame(ports, request, view.row.title, "approvals", feed=feed)
        return page("approval.html", around, view)

    async def say(request: web.Request) -> web.Response:
        form = await form_of(request)
        verb = form.get("verb", "")
        which, by = request.match_info["approval"], request[VIEWER].name
        reason = _read(form, with_grant=verb == "grant").reason
        match verb:
            case "approve":
                await approved(ports.granting, which, by, reason, None)
            case "grant":
                more = _more(ports, which, form)
                await approved(ports.granting, which, by, reason, more)
            case "deny":
                await denied(ports.approvals, which, by, reason)
            case _:
                raise Problem(400, "bad_query", "verb: approve, grant or deny")
        raise web.HTTPSeeOther(f"{PATH}/{which}")

    return [Page("GET", ONE, "viewer", show), Page("POST", ONE, "approver", say)]


def _read(form: Mapping[str, str], *, with_grant: bool) -> Yes:
    """Raises Problem 400."""
    asked: dict[str, object] = {"reason": form.get("reason", "").strip()}
    if with_grant:
        asked["grant"] = {
            "amount": form.get("amount", "").strip().removeprefix("$"),
            "minutes": form.get("minutes", "").strip(),
        }
    try:
        return Yes.model_validate(asked)
    except ValidationError as error:
        if any("reason" in each["loc"] for each in error.errors()):
            text = "Say why, in one line: it is kept, and a denial's is told."
        else:
            text = "Say how much more in digits, and for how many minutes: 1 to 1440."
        raise Problem(400, "bad_query", text) from None


def _more(ports: Ports, which: str, form: Mapping[str, str]) -> More:
    """What the form gives; its limit is named by its place in the list. Raises Problem 400, 404."""
    given = _read(form, with_grant=True).grant
    assert given is not None
    it = ports.approvals.known(which)
    limits = {each.key: each for each in ports.granting.limits(it)} if it is not None else {}
    limit = limits.get(form.get("limit", ""))
    if limit is None:
        raise Problem(400, "bad_query", "limit: choose one of the list")
    return More(given.amount, given.minutes, limit.name, limit.unit)


def source(ports: Ports) -> Source:
    """All of it but its forms, drawn anew."""

    async def news(query: Mapping[str, str], after: int) -> News:
        head = await ports.ledger.head()
        view = look_up(ports, query.get("approval", ""), None)
        drawn = render_part("approval_parts.html", "standing", view, ports.now_ms())
        return News([Told("panel", drawn)], head, again_s=AGAIN_S if view.is_open else None)

    return news
