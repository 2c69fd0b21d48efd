"""Pages from templates: whatever is put in is text, never markup."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from proxy.console import said
from proxy.console.assets import ASSETS
from proxy.console.links import url
from proxy.money import format_usd

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters.update(
    money=said.money,
    cents=said.cents,
    fine=said.fine,
    exactly=format_usd,
    amount=said.amount,
    count=said.count,
    duration=said.duration,
    size=said.size,
    short=said.short,
    iso=said.iso,
    utc=said.utc,
)
_ENVIRONMENT.globals.update(asset=ASSETS.url, url=url, clock=said.clock, percent=said.percent)


def render(name: str, **facts: object) -> str:
    """The template of that name, with these facts. A name that it lacks is a bug, and raises."""
    return _ENVIRONMENT.get_template(name).render(**facts)


def render_part(name: str, macro: str, *given: object, **named: object) -> Markup:
    """What one macro of a template makes: a row of a page, for whoever has the page already."""
    module = _ENVIRONMENT.get_template(name).module
    return Markup(getattr(module, macro)(*given, **named))  # noqa: S704 -- made by a template
