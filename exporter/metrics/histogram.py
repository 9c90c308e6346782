"""prometheus-client's histogram, which looks through its bounds one by one and takes one value at a time: of each token there is one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from prometheus_client import Histogram


class BatchHistogram(Histogram):
    """The same, made for many values at once."""

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:
        """Observe one value; one with an exemplar as prometheus-client does it."""
        if exemplar:
            super().observe(amount, exemplar)
        else:
            self.observe_all(((amount, 1),))

    def observe_all(self, observed: Iterable[tuple[float, int]]) -> None:
        """Observe each value so many times. NaN makes the sum NaN, and is in no bucket."""
        bounds, buckets, total = self._upper_bounds, self._buckets, 0.0
        for amount, times in observed:
            total += amount * times
            if amount == amount:
                buckets[bisect_left(bounds, amount)].inc(times)
        self._sum.inc(total)
