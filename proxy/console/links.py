"""Links from one page to another (pure)."""

from collections.abc import Mapping
from urllib.parse import urlencode


def url(
    path: str, query: Mapping[str, str | int | None] | None = None, **more: str | int | None
) -> str:
    """A path with a query of what is not None."""
    given = {name: value for name, value in {**(query or {}), **more}.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path
