"""Writes metric families as prometheus-client does, to the letter and several times as fast: names of ours need no check, and a label's text is
written once for all series of a family that bear it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client.exposition import generate_latest as text_of
from prometheus_client.metrics_core import Metric as Collected
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics_of
from prometheus_client.samples import Exemplar, Sample
from prometheus_client.utils import floatToGoString

from exporter.native.escaping import escaped

_EOF = b"# EOF\n"
_APART = ("_created", "_gsum", "_gcount")
"""Ends of samples that the text format has in families of their own."""
_AS_IN_PYTHON = 1_000_000
"""Python writes numbers below this as Prometheus does."""
_TYPES = ("counter", "gauge", "histogram")


@dataclass(frozen=True, slots=True)
class _One:
    """A family that was read already, in the shape that prometheus-client's writers ask for."""

    family: Collected

    def collect(self) -> Iterable[Collected]:
        return (self.family,)


def as_text(family: Collected) -> bytes:
    """In the plain text format 0.0.4."""
    if any(name.endswith(_APART) for name in {sample.name for sample in family.samples}):
        return text_of(_One(family))
    return _written(family, lambda one: text_of(_One(one)), lambda _: "")


def as_openmetrics(family: Collected) -> bytes:
    """In OpenMetrics 1.0.0, without the `# EOF` at the end of a whole exposition."""
    return _written(family, _openmetrics, exemplar_text)


def _openmetrics(family: Collected) -> bytes:
    lines: bytes = openmetrics_of(_One(family))  # type: ignore[no-untyped-call]
    return lines.removesuffix(_EOF)


def _written(family: Collected, whole: Callable[[Collected], bytes], exemplar: Callable[[Exemplar], str]) -> bytes:
    """What `whole` would write, which is asked for the lines above the samples, and for everything of a family that has more than values."""
    if family.type not in _TYPES or any(sample.timestamp is not None or sample.native_histogram is not None for sample in family.samples):
        return whole(family)
    above = whole(Collected(family.name, family.documentation, family.type, family.unit))
    return above + "".join(_lines(family.samples, exemplar)).encode()


def _lines(samples: Iterable[Sample], exemplar: Callable[[Exemplar], str]) -> Iterator[str]:
    pairs = LabelTexts()
    for name, labels, value, _, told, _ in samples:
        between = f"{{{','.join([pairs[pair] for pair in sorted(labels.items())])}}}" if labels else ""
        yield f"{name}{between} {number_text(value)}{exemplar(told) if told else ''}\n"


def number_text(value: float) -> str:
    """A number as Prometheus' own libraries write it."""
    if -math.inf < value < _AS_IN_PYTHON:
        return repr(float(value))
    written: str = floatToGoString(value)  # type: ignore[no-untyped-call]
    return written


MOST_LABELS = 1_000
"""Labels whose texts are held for one family."""


class LabelTexts(dict[tuple[str, str], str]):
    """Labels as they stand between the braces, by name and value; `MOST_LABELS` at most, as targets and words of failures come and go."""

    def __missing__(self, pair: tuple[str, str]) -> str:
        if len(self) >= MOST_LABELS:
            self.clear()
        name, value = pair
        written = self[pair] = f'{name}="{escaped(value)}"'
        return written


def exemplar_text(told: Exemplar) -> str:
    """What stands behind a sample's value in OpenMetrics, with the space before it."""
    pairs = LabelTexts()
    labels = ",".join([pairs[pair] for pair in sorted(told.labels.items())])
    return f" # {{{labels}}} {number_text(told.value)}" + ("" if told.timestamp is None else f" {told.timestamp}")
