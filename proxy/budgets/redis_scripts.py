"""The Lua scripts: what they share, then their own part, and the digest Redis knows them by."""

import hashlib
from pathlib import Path
from typing import Literal, NamedTuple, get_args

Script = Literal["reserve", "settle", "extend", "renew", "expire", "seed", "reset", "balances"]


class Source(NamedTuple):
    """A script's whole text and its SHA-1, which is how EVALSHA names it."""

    text: str
    sha: str


def _source(name: Script) -> Source:
    here = Path(__file__).parent
    parts = (here / f"redis_{part}.lua" for part in ("shared", name))
    text = "\n".join(part.read_text(encoding="utf-8") for part in parts)
    return Source(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


SCRIPTS = {name: _source(name) for name in get_args(Script)}
