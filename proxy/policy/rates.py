"""How often something happened lately: sliding windows, in memory, of one process (pure)."""

from collections import OrderedDict, deque
from datetime import datetime, timedelta

from proxy.slip import Identity

_KEYS_MAX = 20_000
"""Scopes that are remembered; the one that was quiet longest is forgotten first."""
_CIRCLE_S = 3600
_TIMES_MAX = 10_000
"""Moments that are kept of each; above this the oldest go, and the count stays at its most."""


class Meter:
    """Counts moments. Several workers each count their own."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, ...], deque[datetime]] = OrderedDict()

    def count(self, key: tuple[str, ...], at: datetime, seconds: int) -> int:
        """How often within so many seconds, this moment included."""
        times = self._seen.pop(key, None) or deque(maxlen=_TIMES_MAX)
        self._seen[key] = times
        if len(self._seen) > _KEYS_MAX:
            self._seen.popitem(last=False)
        times.append(at)
        since = at - timedelta(seconds=seconds)
        while times[0] <= since:
            times.popleft()
        return len(times)


class Circles:
    """How often a session did the very same thing within the hour: what goes round in circles."""

    def __init__(self) -> None:
        self._done = Meter()

    def before(self, who: Identity, what: str, at: datetime) -> int:
        """How often before this time. `what` names the thing, as a hash or a name."""
        return self._done.count((who.org, who.agent, who.session, what), at, _CIRCLE_S) - 1
