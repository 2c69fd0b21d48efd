"""What people let through for a time: the bypasses and grants in force, giving them, taking them back."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from aiohttp import web

from proxy.budgets import Unit
from proxy.console import said
from proxy.console.access.guard import VIEWER
from proxy.console.api.permits import (
    BypassAsked,
    GrantAsked,
    RevokeAsked,
    bypassed,
    granted,
    limit_of,
    revoked,
)
from proxy.console.pages.exports import export_pages
from proxy.console.pages.forms import form_of, read
from proxy.console.pages.page import Page, frame, page
from proxy.console.ports import Ports
from proxy.csv_rows import Cell
from proxy.policy.permits import Bypass, Grant, Permit

PATH = "/permits"
_FIELDS = ("org", "agent", "session", "task", "model", "budget", "unit", "rule")
_VALUE_MAX = 256
COLUMNS = (
    "id", "kind", "org", "agent", "session", "rules", "budget", "limit", "unit", "amount", "by",
    "reason", "from", "until",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PermitsView:
    """All that is in force, and what the forms begin with."""

    bypasses: Sequence[Bypass]
    grants: Sequence[Grant]
    given: Mapping[str, str]
    """Whom the forms are about, where the page was opened from somebody's page."""
    units: Sequence[Unit] = get_args(Unit)


def look(ports: Ports, query: Mapping[str, str]) -> PermitsView:
    """What is in force now; what the query says fills the forms in."""
    permits = ports.permits.in_force
    return PermitsView(
        bypasses=[each for each in permits if isinstance(each, Bypass)],
        grants=[each for each in permits if isinstance(each, Grant)],
        given={name: query.get(name, "")[:_VALUE_MAX] for name in _FIELDS},
    )


def exported(it: Permit) -> dict[str, Cell]:
    """One as a flat row, by COLUMNS. Of money, the amount is in nano-dollars."""
    row: dict[str, Cell] = {
        "id": it.id,
        "kind": "grant" if isinstance(it, Grant) else "bypass",
        "org": it.scope.org,
        "agent": it.scope.agent,
        "session": it.scope.session,
        "by": it.by,
        "reason": it.reason,
        "from": said.iso(it.from_ms),
        "until": said.iso(it.until_ms),
    }
    if isinstance(it, Bypass):
        row["rules"] = " ".join(it.rules)
    if isinstance(it, Grant):
        row |= {"budget": it.budget, "limit": it.limit, "unit": it.unit, "amount": it.amount}
    return row


def pages(ports: Ports) -> list[Page]:
    """The list, and three forms that lead back to it."""

    async def show(request: web.Request) -> web.Response:
        around = frame(ports, request, "Let through for a time", "policies")
        return page("permits.html", around, look(ports, request.query))

    async def rows(_: web.Request) -> AsyncIterator[Iterator[dict[str, Cell]]]:
        yield map(exported, ports.permits.in_force)

    async def bypass(request: web.Request) -> web.StreamResponse:
        form = await form_of(request)
        given = {**form, "rules": form.get("rules", "").split()}
        await bypassed(ports.permits, read(BypassAsked, given), request[VIEWER].name)
        raise web.HTTPSeeOther(PATH)

    async def grant(request: web.Request) -> web.StreamResponse:
        form = await form_of(request)
        given = {**form, "amount": form.get("amount", "").strip().removeprefix("$")}
        asked = read(GrantAsked, given)
        limit = limit_of(ports.policies, asked)
        await granted(ports.permits, limit, asked, request[VIEWER].name, asked.reason)
        raise web.HTTPSeeOther(PATH)

    async def revoke(request: web.Request) -> web.StreamResponse:
        asked = read(RevokeAsked, await form_of(request))
        await revoked(ports.permits, asked, request[VIEWER].name)
        raise web.HTTPSeeOther(PATH)

    return [
        Page("GET", PATH, "viewer", show),
        *export_pages(PATH, COLUMNS, rows),
        Page("POST", f"{PATH}/bypass", "admin", bypass),
        Page("POST", f"{PATH}/grant", "approver", grant),
        Page("POST", f"{PATH}/revoke", "approver", revoke),
    ]
