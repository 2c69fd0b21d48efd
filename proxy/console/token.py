"""The console's token: made at first start, never a default."""

import hmac
import os
import secrets
from pathlib import Path


def console_token(state_dir: Path) -> str:
    """The token in `console.token` (0600), made when it is not there yet."""
    path = state_dir / "console.token"
    try:
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
    except FileExistsError:
        pass
    return path.read_text("ascii").strip()


def is_token(token: str, header: str) -> bool:
    """Whether an Authorization header carries the token; in constant time."""
    scheme, _, given = header.partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(
        given.strip().encode("utf-8", "replace"), token.encode()
    )
