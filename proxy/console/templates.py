"""Pages from templates: whatever is put in is text, never markup."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(name: str, **facts: object) -> str:
    """The template of that name, with these facts. A name that it lacks is a bug, and raises."""
    return _ENVIRONMENT.get_template(name).render(**facts)
