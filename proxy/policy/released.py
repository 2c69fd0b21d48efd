"""Tool calls that an answer has let through: a hook's check of the same call is no second one (pure)."""

from collections import OrderedDict

from proxy.slip import Identity

_KEPT_MAX = 20_000
"""Calls whose check is waited for; the oldest is forgotten, and its check then counts by itself."""


class Released:
    """Known by the ids that providers give to calls; each stands for one check of its own session."""

    def __init__(self) -> None:
        self._ids: OrderedDict[tuple[str, ...], str] = OrderedDict()

    def add(self, who: Identity, call_id: str, approved: str = "") -> None:
        """An answer has let it through, and it is counted. `approved` is the digest of the action that a
        person had said yes to, where one had to."""
        if call_id:
            self._ids[_key(who, call_id)] = approved
        if len(self._ids) > _KEPT_MAX:
            self._ids.popitem(last=False)

    def take(self, who: Identity, call_id: str | None) -> str | None:
        """The digest it was approved with, or empty text; None when it was not let through, or was asked
        about since."""
        return self._ids.pop(_key(who, call_id or ""), None)


def _key(who: Identity, call_id: str) -> tuple[str, ...]:
    return who.org, who.agent, who.session, call_id
