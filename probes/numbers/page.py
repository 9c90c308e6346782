"""One scrape of an engine's own metrics, asked by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from probes.numbers.family import Family, Sample
from probes.numbers.histogram import Histogram, is_amount, read
from probes.numbers.number import Number

Value = float | Histogram
"""What one number is for one process: a float for a counter or a gauge, else a histogram."""
Numbers = Mapping[Number, Value]
"""What one process told, as far as it can be read."""


def amount(numbers: Numbers, number: Number) -> float | None:
    """The value of a counter or a gauge; None where it was not told."""
    value = numbers.get(number)
    return None if isinstance(value, Histogram) else value


def histogram(numbers: Numbers, number: Number) -> Histogram | None:
    """The histogram; None where it was not told."""
    value = numbers.get(number)
    return value if isinstance(value, Histogram) else None


class Page:
    """The samples of one process by name, whatever family they belong to.

    Where several names are given they are aliases, the newest first. The first alias that has samples counts, even if
    they cannot be read.
    """

    def __init__(self, families: Iterable[Family]) -> None:
        self._samples: dict[str, list[Sample]] = {}
        self._helps: dict[str, str] = {}
        for family in families:
            for sample in family.samples:
                self._samples.setdefault(sample.name, []).append(sample)
                self._helps[sample.name] = family.help

    def begins(self, *prefixes: str) -> bool:
        """Whether any series has a name that begins with one of these."""
        return any(name.startswith(prefixes) for name in self._samples)

    def samples(self, *names: str) -> Sequence[Sample]:
        return next((self._samples[name] for name in names if name in self._samples), ())

    def help(self, *names: str) -> str:
        return next((self._helps[name] for name in names if name in self._helps), "")

    def histogram(self, *names: str, label: tuple[str, str] | None = None) -> Histogram | None:
        """The histogram of all label sets together, or of those with this label.

        None if there is none, or it cannot be read.
        """
        name = next((name for name in names if f"{name}_bucket" in self._samples), None)
        if name is None:
            return None
        buckets, sums, counts = (
            [sample for sample in self.samples(f"{name}_{part}") if label is None or label in sample.labels] for part in ("bucket", "sum", "count")
        )
        return read(buckets, sums, counts)


def total(samples: Iterable[Sample]) -> float | None:
    """The sum of the samples; 0 of none.

    None if one of them is no amount: the sum of the others would look like a reset.
    """
    values = [sample.value for sample in samples]
    whole = float(sum(values))
    return whole if all(map(is_amount, values)) and is_amount(whole) else None


def label(sample: Sample, name: str) -> str:
    """A label's value; "" where the sample has no such label, which is the same to Prometheus."""
    return next((value for held, value in sample.labels if held == name), "")
