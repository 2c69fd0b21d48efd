"""Attempts to log in: few at once per address, and not too many in all (pure).

A bucket of attempts fills up again by itself. Memory is bounded: of addresses, the one that tried
longest ago is forgotten, and what all of them do together is counted apart.
"""

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass

_ADDRESSES_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """So many at once, and one more each so often."""

    at_once: int
    each_ms: int


EACH = Rate(10, 30_000)
ALL = Rate(300, 1_000)


@dataclass(slots=True)
class _Bucket:
    """How many attempts were used, at a moment."""

    used: float = 0.0
    at_ms: int = 0

    def drain(self, rate: Rate, now_ms: int) -> None:
        self.used = max(0.0, self.used - (now_ms - self.at_ms) / rate.each_ms)
        self.at_ms = now_ms

    def wait_ms(self, rate: Rate) -> int:
        return max(0, int((self.used + 1 - rate.at_once) * rate.each_ms))


class Attempts:
    """Take one before it is tried, and give it back when it was a good one."""

    def __init__(self, each: Rate = EACH, all: Rate = ALL) -> None:  # noqa: A002 -- the word
        self._each_rate, self._all_rate = each, all
        self._each: OrderedDict[str, _Bucket] = OrderedDict()
        self._all = _Bucket()

    def take(self, address: str, now_ms: int) -> int:
        """0 when one was taken; else how many milliseconds to wait for the next."""
        bucket = self._of(address)
        bucket.drain(self._each_rate, now_ms)
        self._all.drain(self._all_rate, now_ms)
        wait_ms = max(bucket.wait_ms(self._each_rate), self._all.wait_ms(self._all_rate))
        if wait_ms == 0:
            bucket.used += 1
            self._all.used += 1
        return wait_ms

    def give_back(self, address: str) -> None:
        """It was no failure."""
        for bucket in (self._of(address), self._all):
            bucket.used = max(0.0, bucket.used - 1)

    def _of(self, address: str) -> _Bucket:
        key = _network(address)
        bucket = self._each.setdefault(key, _Bucket())
        self._each.move_to_end(key)
        if len(self._each) > _ADDRESSES_MAX:
            self._each.popitem(last=False)
        return bucket


def _network(address: str) -> str:
    """One host has one IPv4 address, and 2^64 of IPv6."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if found.version == 6 and found.ipv4_mapped is None:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
