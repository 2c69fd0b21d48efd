"""What goes wrong, told as a page to whoever reads pages; everybody else is told it as JSON."""

from collections.abc import Mapping

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from proxy.console.pages.page import frame, page
from proxy.console.ports import Ports
from proxy.endpoint import Problem
from proxy.serving import Handler, problem_of

log = structlog.get_logger()

TITLES: Mapping[int, str] = {
    400: "This cannot be read",
    401: "Nobody is signed in",
    403: "This is not yours to do",
    404: "There is no such page",
    405: "This cannot be asked in this way",
    413: "This is too large",
    500: "Something is broken here",
    503: "Not now",
}
_FOR_MACHINES = ("/api/", "/healthz", "/readyz", "/metrics", "/static/", "/feed")


def errors(ports: Ports) -> Middleware:
    """Stands within `problems`, which tells machines; and around everything else."""

    @web.middleware
    async def told(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Exception as error:
            if not _reads_pages(request):
                raise
            problem = _problem_of(error)
            if problem is None:
                raise
            if problem.status == 500:
                log.error("page failed", path=request.path, exc_info=error)
            title = TITLES.get(problem.status, "This did not work")
            around = frame(ports, request, title, "")
            return page("error.html", around, problem, problem.status)

    return told


def _problem_of(error: Exception) -> Problem | None:
    """None for what is no error: a redirect."""
    if not isinstance(error, web.HTTPException):
        return problem_of(error)
    if error.status < 400:
        return None
    return Problem(error.status, error.reason.lower().replace(" ", "_"), "")


def _reads_pages(request: web.Request) -> bool:
    accepts = "text/html" in request.headers.get("accept", "")
    return accepts and not request.path.startswith(_FOR_MACHINES)
