"""Where a request comes from and where it may lead: this console's own pages, and nowhere else (pure)."""

from collections.abc import Mapping
from urllib.parse import urlsplit

_PATH_MAX = 2048


def is_same_origin(headers: Mapping[str, str], hosts: frozenset[str]) -> bool:
    """Was it sent by a page of one of these hosts (`host[:port]`), or by no page at all?

    Browsers say so in Sec-Fetch-Site, to trustworthy hosts, and in Origin with every POST. What says
    neither is no browser of today.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc in hosts


def is_cross_site_visit(headers: Mapping[str, str]) -> bool:
    """Did somebody follow a link from elsewhere? Their browser keeps back a cookie of `SameSite=Strict`."""
    is_page = headers.get("sec-fetch-mode") == "navigate"
    return is_page and headers.get("sec-fetch-site") in ("cross-site", "same-site")


def local_path(text: str) -> str:
    """A path of this console; what could lead elsewhere is the first page."""
    is_local = text.startswith("/") and not text.startswith(("//", "/\\"))
    is_plain = text.isascii() and text.isprintable() and "\\" not in text and " " not in text
    return text if is_local and is_plain and len(text) <= _PATH_MAX else "/"
