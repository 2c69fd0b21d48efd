"""What people let through for a time: the bypasses and grants in force, giving them, taking them back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from aiohttp import web

from proxy.budgets import Unit
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
from proxy.console.pages.forms import form_of, read
from proxy.console.pages.page import Page, frame, page
from proxy.console.ports import Ports
from proxy.policy.permits import Bypass, Grant

PATH = "/permits"
_FIELDS = ("org", "agent", "session", "task", "model", "budget", "unit", "rule")
_VALUE_MAX = 256


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


def pages(ports: Ports) -> list[Page]:
    """The list, and three forms that lead back to it."""

    async def show(request: web.Request) -> web.Response:
        around = frame(ports, request, "Let through for a time", "policies")
        return page("permits.html", around, look(ports, request.query))

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
        Page("POST", f"{PATH}/bypass", "admin", bypass),
        Page("POST", f"{PATH}/grant", "approver", grant),
        Page("POST", f"{PATH}/revoke", "approver", revoke),
    ]
