"""Templates to pages: escaped always, and an error where a template names what its view does not have."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from proxy.console import said
from proxy.console.assets import Assets

FOLDER = Path(__file__).parent / "templates"


class Renderer:
    """Draws a view with the template of its name."""

    def __init__(self, assets: Assets) -> None:
        self._templates = Environment(
            loader=FileSystemLoader(FOLDER),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._templates.filters.update(
            money=said.money,
            amount=said.amount,
            count=said.count,
            duration=said.duration,
            size=said.size,
            short=said.short,
            iso=said.iso,
            utc=said.utc,
        )
        self._templates.globals.update(
            asset=assets.url, url=url, clock=said.clock, percent=said.percent
        )

    def draw(self, template: str, **view: object) -> str:
        """The HTML. Raises jinja2.UndefinedError where the view lacks something."""
        return self._templates.get_template(template).render(view)


def url(
    path: str, query: Mapping[str, str | int | None] | None = None, **more: str | int | None
) -> str:
    """A path with a query of what is not None."""
    given = {name: value for name, value in {**(query or {}), **more}.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path
