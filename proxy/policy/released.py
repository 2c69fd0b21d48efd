"""Tool calls that an answer has let through: a hook's check of the same call is no second one (pure)."""

from collections import OrderedDict

from proxy.slip import Identity

_KEPT_MAX = 20_000
"""Calls whose check is waited for; the oldest is forgotten, and its check then counts by itself."""


class Released:
    """Known by the ids that providers give to calls; each stands for one check of its own session."""

    def __init__(self) -> None:
        self._ids: OrderedDict[tuple[str, ...], None] = OrderedDict()

    def add(self, who: Identity, call_id: str) -> None:
        """An answer has let it through, and it is counted."""
        if call_id:
            self._ids[_key(who, call_id)] = None
        if len(self._ids) > _KEPT_MAX:
            self._ids.popitem(last=False)

    def take(self, who: Identity, call_id: str | None) -> bool:
        """Was it let through, and not asked about since?"""
        key = _key(who, call_id or "")
        if key not in self._ids:
            return False
        del self._ids[key]
        return True


def _key(who: Identity, call_id: str) -> tuple[str, ...]:
    return who.org, who.agent, who.session, call_id
