"""How often: token buckets, one for all, and one for each address."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MOST_ADDRESSES = 4096
"""Of so many is known how often they asked. Who has not asked for the longest time is forgotten first."""


@dataclass(slots=True)
class Bucket:
    """Lets `per_second` through, and `burst` at once."""

    per_second: float
    burst: float
    left: float
    at: float

    def take(self, now: float) -> bool:
        """Whether one more is let through, in seconds of a monotonic clock."""
        self.left = min(self.burst, self.left + (now - self.at) * self.per_second)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class Rates:
    """A bucket for each address."""

    def __init__(self, per_second: float, burst: float, clock: Callable[[], float]) -> None:
        self._per_second, self._burst, self._clock = per_second, burst, clock
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, address: str) -> bool:
        """Whether one more of this address is let through."""
        return self._bucket(address).take(self._clock())

    def give_back(self, address: str) -> None:
        """One that was taken does not count."""
        bucket = self._bucket(address)
        bucket.left = min(bucket.burst, bucket.left + 1)

    def _bucket(self, address: str) -> Bucket:
        found = self._buckets.pop(address, None) or Bucket(self._per_second, self._burst, self._burst, self._clock())
        self._buckets[address] = found
        if len(self._buckets) > MOST_ADDRESSES:
            self._buckets.popitem(last=False)
        return found


def holder_of(address: str) -> str:
    """Who an address is counted as: of IPv6 its /64, which everybody has a whole one of."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))
