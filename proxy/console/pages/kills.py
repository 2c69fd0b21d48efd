"""The kill switch by form: stop an agent or a session with a reason, and let it go on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web

from proxy.console.access.guard import VIEWER
from proxy.console.api.kills import KillAsked, ReviveAsked
from proxy.console.links import url
from proxy.console.pages.forms import form_of, read
from proxy.console.pages.page import Page
from proxy.console.ports import Ports
from proxy.endpoint import Problem
from proxy.kill.stops import Stop

WHY = "Say why, in one line: whoever is refused is told."


@dataclass(frozen=True, slots=True)
class Steering:
    """What stops somebody, and what may be done about it."""

    org: str
    agent: str
    session: str | None
    stops: Sequence[Stop]
    """Every one that they are within."""

    @property
    def own(self) -> Stop | None:
        """The stop of this very agent or session, which a revive lifts."""
        for stop in self.stops:
            if (stop.scope.agent, stop.scope.session) == (self.agent, self.session):
                return stop
        return None


def steering(stops: Sequence[Stop], org: str, agent: str, session: str | None) -> Steering:
    """Of an agent, or of one session of it."""
    within = [
        stop
        for stop in stops
        if stop.scope.org == org
        and stop.scope.agent in (None, agent)
        and stop.scope.session in (None, session)
    ]
    return Steering(org, agent, session, within)


def pages(ports: Ports) -> list[Page]:
    """Two forms; each leads back to whom it is about."""

    async def kill(request: web.Request) -> web.StreamResponse:
        form = await form_of(request)
        asked = read(KillAsked, form, WHY)
        await ports.switch.stop(asked.scope, asked.level, request[VIEWER].name, asked.reason)
        raise _back(form)

    async def revive(request: web.Request) -> web.StreamResponse:
        form = await form_of(request)
        asked = read(ReviveAsked, form, WHY)
        if await ports.switch.revive(asked.scope, request[VIEWER].name, asked.reason) is None:
            raise Problem(409, "not_stopped", f"Nothing stops {asked.scope}.")
        raise _back(form)

    return [Page("POST", "/kill", "approver", kill), Page("POST", "/revive", "admin", revive)]


def _back(form: Mapping[str, str]) -> web.HTTPSeeOther:
    who = {name: form.get(name) or None for name in ("org", "agent", "session")}
    return web.HTTPSeeOther(url("/session" if who["session"] else "/agent", who))
