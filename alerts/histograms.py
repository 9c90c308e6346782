"""PromQL over a histogram, in whichever form Prometheus has it: classic buckets, or one native series.

Prometheus 3 makes native series of classic ones where it is told to (`convert_classic_histograms_to_nhcb`); those that end in `_bucket`, `_sum` and
`_count` are then missing. Every expression asks for both forms. By the labels of its answer it takes the native one where both are there, as
just after a change: a quantile over both at once is none (promql/functions.go, `MixedClassicNativeHistogramsWarning`). All functions are those of
Prometheus 2.40, which has them whether it keeps native histograms or not.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass

from catalogue.metric import Metric

LE = "le"
_SERIES = "SERIES"
_LINEAR = "1e-6"
_STEPS = ("0.95", "0.5")


class _Histogram(ABC):
    """Each form brought together by labels, and what is reckoned from it."""

    @abstractmethod
    def native(self, by: Collection[str]) -> str:
        """The native series."""

    @abstractmethod
    def bucket(self, by: Collection[str], le: str = "") -> str:
        """Classic: what is counted in the buckets that a matcher of `le` chooses; in all of them where there is none."""

    @abstractmethod
    def observed(self, by: Collection[str]) -> str:
        """Classic: how much was observed in all."""

    def buckets(self, by: Collection[str]) -> str:
        """All that was observed, by its values: for a heatmap, or for `histogram_quantile`."""
        return either(self.native(by), self.bucket((*by, LE)), by)

    def quantile(self, q: str, by: Collection[str]) -> str:
        """NaN where nothing was observed."""
        return f"histogram_quantile({q}, {self.buckets(by)})"

    def count(self, by: Collection[str]) -> str:
        """How much was observed."""
        return f"({either(f'histogram_count({self.native(by)})', self.observed(by), by)})"

    def within(self, bound: float, by: Collection[str]) -> str:
        """How much of it was not above one of the bounds; of a native histogram NaN where nothing was observed."""
        native = self.native(by)
        below = f"histogram_fraction(-Inf, {bound:g}, {native}) * histogram_count({native})"
        return f"({either(below, self.bucket(by, bounded(bound)), by)})"

    def lowest_share(self, by: Collection[str]) -> str:
        """The share that fell into the lowest bucket: nothing where nothing was observed. Of a native histogram, of which PromQL tells no bucket, the
        highest of 0.95, 0.5 and 0 that it is not below."""
        native = self.native(by)
        steps = "\nor ".join(f"{q} * ({_linear(q, native)} <= bool {_LINEAR}) > 0" for q in _STEPS)
        least = f"({steps}\nor histogram_count({native}) * 0) and histogram_count({native}) > 0"
        return f"({either(least, self._lowest(by), by)})"

    def told_quantile(self, q: str, by: Collection[str]) -> str:
        """A quantile, but nothing where nothing was observed, or where it falls into the lowest bucket, so that it would be made up."""
        native = self.native(by)
        return either(
            f"histogram_quantile({q}, {native}) >= 0 and {_linear(q, native)} > {_LINEAR}",
            f"histogram_quantile({q}, {self.bucket((*by, LE))}) >= 0 and {self._lowest(by)} < {q}",
            by,
        )

    def _lowest(self, by: Collection[str]) -> str:
        """Classic: the share in the lowest bucket."""
        return f"min by ({', '.join(by)}) ({self.bucket((*by, LE))}) / ({self.observed(by)} > 0)"


@dataclass(frozen=True, slots=True)
class Scraped(_Histogram):
    """As it is scraped; a summary too, whose sum and count have one form. `each` is what is taken of each series, which `SERIES` stands for."""

    metric: Metric
    matchers: tuple[str, ...] = ()
    each: str = "rate(SERIES[5m])"

    def native(self, by: Collection[str]) -> str:
        return self._summed(self.metric.name, by)

    def bucket(self, by: Collection[str], le: str = "") -> str:
        return self._summed(self.metric.bucket, by, *((le,) if le else ()))

    def observed(self, by: Collection[str]) -> str:
        return self._summed(self.metric.count, by)

    def count(self, by: Collection[str]) -> str:
        return self.observed(by) if self.metric.type == "summary" else _Histogram.count(self, by)

    def total(self, by: Collection[str]) -> str:
        """The sum of what was observed."""
        classic = self._summed(self.metric.sum, by)
        return classic if self.metric.type == "summary" else f"({either(f'histogram_sum({self.native(by)})', classic, by)})"

    def mean(self, by: Collection[str]) -> str:
        """Nothing where nothing was observed."""
        return f"{self.total(by)} / ({self.count(by)} > 0)"

    def _summed(self, name: str, by: Collection[str], *more: str) -> str:
        return _sum(name, (*self.matchers, *more), self.each, by)


@dataclass(frozen=True, slots=True)
class Recorded(_Histogram):
    """As a recording has its rate, under one name in both forms."""

    name: str
    matchers: tuple[str, ...] = ()
    each: str = _SERIES

    def native(self, by: Collection[str]) -> str:
        return self.bucket(by, f'{LE}=""')

    def bucket(self, by: Collection[str], le: str = "") -> str:
        return _sum(self.name, (*self.matchers, le or f'{LE}!=""'), self.each, by)

    def observed(self, by: Collection[str]) -> str:
        return self.bucket(by, f'{LE}="+Inf"')


def either(native: str, classic: str, by: Collection[str]) -> str:
    """The native form where there is one by these labels, else the classic one."""
    return f"{native}\nor on ({', '.join(by)})\n{classic}"


def bounded(bound: float) -> str:
    """The matcher of one bucket: Prometheus 3 and the exporter write 60.0, others 60."""
    return f'{LE}=~"{bound:g}([.]0)?"' if bound == int(bound) else f'{LE}="{bound:g}"'


def _sum(name: str, matchers: Collection[str], each: str, by: Collection[str]) -> str:
    selector = f"{name}{{{', '.join(matchers)}}}" if matchers else name
    return f"sum by ({', '.join(by)}) ({each.replace(_SERIES, selector)})"


def _linear(q: str, native: str) -> str:
    """0 where a quantile is twice that of half as many: within the lowest bucket, which is taken to begin at 0, it grows with its share."""
    return f"abs(histogram_quantile({q}, {native}) / (2 * histogram_quantile({float(q) / 2:g}, {native})) - 1)"
