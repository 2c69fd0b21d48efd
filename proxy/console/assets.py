"""Stylesheets, scripts and icons: read once, and named by what is in them, so that they never grow old."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

PATTERN = "/static/{version}/{name}"
FOLDER = Path(__file__).parent / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class _Asset:
    content: bytes
    type: str
    etag: str


class Assets:
    """The files of one folder. One hash names them all, so that what one imports from its neighbour is
    of the same version."""

    def __init__(self, folder: Path = FOLDER) -> None:
        files = sorted(path for path in folder.iterdir() if path.suffix in _TYPES)
        self._assets = {path.name: _read(path) for path in files}
        of_all = "".join(f"{name} {asset.etag}\n" for name, asset in self._assets.items())
        self.version = hashlib.sha256(of_all.encode()).hexdigest()[:16]

    def url(self, name: str) -> str:
        """Where a page finds this file. Raises KeyError when there is none."""
        if name not in self._assets:
            raise KeyError(name)
        return f"/static/{self.version}/{name}"

    def routes(self) -> list[web.RouteDef]:
        """Served to anyone: the login page is drawn with them."""
        return [web.get(PATTERN, self._serve, allow_head=False)]

    async def _serve(self, request: web.Request) -> web.Response:
        asset = self._assets.get(request.match_info["name"])
        if asset is None:
            raise web.HTTPNotFound
        is_current = request.match_info["version"] == self.version
        headers = {"cache-control": _FOREVER if is_current else "no-cache", "etag": asset.etag}
        if asset.etag in request.headers.get("if-none-match", ""):
            return web.Response(status=304, headers=headers)
        return web.Response(
            body=asset.content, content_type=asset.type, charset="utf-8", headers=headers
        )


def _read(path: Path) -> _Asset:
    content = path.read_bytes()
    return _Asset(content, _TYPES[path.suffix], f'"{hashlib.sha256(content).hexdigest()[:32]}"')


ASSETS = Assets()
"""What ships with the console."""
