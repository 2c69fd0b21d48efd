"""The seal: how one part of this process knows a call that another part of it let through (pure).

It names a live slip, and nobody outside can make one: the key is drawn anew whenever Exeat starts, and
never leaves the process.
"""

import hashlib
import hmac

HEADER = "x-exeat-seal"
"""Whatever a client sends under this name is taken off before a call goes anywhere."""


class Seal:
    """Makes seals and reads them; both ends hold the same one."""

    def __init__(self, key: bytes) -> None:
        if len(key) < 32:
            raise ValueError("a seal's key is 32 random bytes or more")
        self._key = key

    def on(self, slip_id: str) -> str:
        """The header's value for this slip."""
        return f"{slip_id}.{self._mac(slip_id)}"

    def read(self, text: str) -> str | None:
        """The slip's id; None when the seal is not ours."""
        slip_id, _, mac = text.rpartition(".")
        is_ours = hmac.compare_digest(mac.encode(), self._mac(slip_id).encode())
        return slip_id if is_ours else None

    def _mac(self, slip_id: str) -> str:
        return hmac.new(self._key, slip_id.encode(), hashlib.sha256).hexdigest()
