"""Parses the text of an engine's `/metrics` into metric families, under the names that the engine writes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import prometheus_client.openmetrics.parser as openmetrics
import prometheus_client.parser as plain
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample as Parsed

from exporter.native.failure import NativeReason, ScrapeError
from probes.numbers.family import Family, FamilyType, Labels, Sample

START_TIME = "process_start_time_seconds"
OPENMETRICS = "application/openmetrics-text"
MEDIA_TYPES = ("", "text/plain", OPENMETRICS)
LINE_LIMIT = 16 * 1024
"""Characters of a line. vLLM's longest (`cache_config_info`) has about 2,000.

The time to parse a line grows with the square of its length.
"""
KEPT_LIMIT = 20_000
"""Lines that are kept: samples, and what declares their families.

One vLLM process writes about a fortieth of this. To parse so many takes half a second.
"""

_CREATED = "_created"
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_DESCRIBED = re.compile(r"#[ \t]+(HELP|TYPE|UNIT)[ \t]+([^ \t]+)(?:[ \t]+(.*))?")
_LINE = re.compile(r"[^\n]+")
_ESCAPED = re.compile(r"\\[\\n]")
_TYPES: dict[str, FamilyType] = {"counter": "counter", "gauge": "gauge", "histogram": "histogram", "summary": "summary"}
_SUFFIXES: dict[FamilyType, tuple[str, ...]] = {"histogram": ("_bucket", "_count", "_sum"), "summary": ("_count", "_sum")}
_UNPARSABLE = (ValueError, ArithmeticError, LookupError, TypeError, AttributeError)
"""What prometheus-client raises for texts that are none; `OverflowError` for a timestamp of 400 digits, for one."""


def parse(body: bytes, content_type: str, prefixes: tuple[str, ...]) -> tuple[Family, ...]:
    """The families whose names begin with one of the prefixes, and `process_start_time_seconds`.

    They are in the order of the text:

    - `_created` series and timestamps are left out. NaN and infinities stay.
    - Of two samples of one series the last counts.
    - A sample that belongs to no declared family makes a family of its own, of type `unknown`.
    - A sample with the bare name of a histogram is left out.

    335 series of vLLM take about 8 ms.

    Raises `ScrapeError`. `unreadable`: the text is no exposition, or only the beginning of one (a text must end with a
    line end, OpenMetrics with `# EOF`). `too_large`: it has more than 20,000 lines of such families; then nothing is
    parsed.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in MEDIA_TYPES:
        raise ScrapeError(NativeReason.UNREADABLE, "the content type is not one of metrics")
    try:
        text = body.decode()
        found = _Found(prefixes)
        if media_type == OPENMETRICS:
            _read_openmetrics(text, found)
        else:
            _read_text(text, found)
        return found.families()
    except _UNPARSABLE as error:
        raise ScrapeError(NativeReason.UNREADABLE, "the body holds no metrics that can be read") from error


def start_seconds(families: Iterable[Family]) -> float | None:
    """When the process started, in seconds since the epoch; None where it does not say."""
    values = (sample.value for family in families if family.name == START_TIME for sample in family.samples)
    return next(filter(math.isfinite, values), None)


def _read_text(text: str, found: _Found) -> None:
    """Gives the parser the samples alone, and reads HELP and TYPE here.

    Of a counter that is declared without `_total` the parser would change the name.
    """
    if text and not text.endswith("\n"):
        raise ValueError("cut short")
    lines = []
    for line in _kept(text, found.kept):
        if line.startswith(found.kept):
            lines.append(line)
        elif described := _described(line, found.kept):
            what, name, words = described
            if what == "HELP":
                found.describe(name, _ESCAPED.sub(lambda match: "\n" if match[0] == r"\n" else "\\", words))
            elif what == "TYPE":
                found.declare(name, _TYPES.get(words, "unknown"))
    found.add(sample for metric in plain.text_string_to_metric_families("\n".join(lines)) for sample in metric.samples)


def _read_openmetrics(text: str, found: _Found) -> None:
    """Reads OpenMetrics, under the names that the same engine writes in plain text.

    They are `x_total` for a counter `x`, and `x_info` for an info `x`.
    """
    kept = "".join(f"{line}\n" for line in _kept(text, found.kept))
    metrics: Iterable[Metric] = openmetrics.text_string_to_metric_families(kept)  # type: ignore[no-untyped-call]
    for metric in metrics:
        name = metric.name + {"counter": "_total", "info": "_info"}.get(metric.type, "")
        found.describe(name, metric.documentation)
        found.declare(name, "gauge" if metric.type in ("info", "stateset") else _TYPES.get(metric.type, "unknown"))
        found.add(metric.samples)


def _described(line: str, kept: tuple[str, ...]) -> tuple[str, str, str] | None:
    """What a HELP, TYPE or UNIT line says: (which of these, of which family, the words).

    None for any other line, and for families that are not `kept`.
    """
    match = _DESCRIBED.fullmatch(line) if line.startswith("#") else None
    if match is None or not match[2].startswith(kept):
        return None
    return match[1], match[2], match[3] or ""


def _kept(text: str, kept: tuple[str, ...]) -> Iterator[str]:
    """The lines that matter: samples of the families that are `kept`, their HELP, TYPE and UNIT lines, and `# EOF`."""
    count = 0
    for line in _lines(text):
        if line.startswith(kept) or line == "# EOF" or _described(line, kept):
            count += 1
            if count > KEPT_LIMIT:
                raise ScrapeError(NativeReason.TOO_LARGE, f"more than {KEPT_LIMIT} lines of metrics")
            yield line


def _lines(text: str) -> Iterator[str]:
    """The lines that are not empty, one at a time: a list of all of them would take many times the memory of the text."""
    for line in _LINE.finditer(text):
        if line.end() - line.start() > LINE_LIMIT:
            raise ValueError("a line without end")
        yield line[0].strip(" \t\r")


@dataclass(slots=True)
class _Found:
    """The families found so far. `prefixes` begin the names that are looked for, besides the process's start time."""

    prefixes: tuple[str, ...]
    types: dict[str, FamilyType] = field(default_factory=dict)
    helps: dict[str, str] = field(default_factory=dict)
    values: dict[str, dict[tuple[str, Labels], Sample]] = field(default_factory=dict)

    @property
    def kept(self) -> tuple[str, ...]:
        """What a line of a sample begins with if it may be needed."""
        return (*self.prefixes, START_TIME)

    def describe(self, name: str, words: str) -> None:
        self.helps.setdefault(name, words)

    def declare(self, name: str, kind: FamilyType) -> None:
        if self._wants(name):
            _check(_NAME, name)
            self.types.setdefault(name, kind)
            self.values.setdefault(name, {})

    def add(self, samples: Iterable[Parsed]) -> None:
        for sample in samples:
            if not self._wants(sample.name) or self.types.get(sample.name) == "histogram":
                continue
            _check(_NAME, sample.name)
            for label in sample.labels:
                _check(_LABEL_NAME, label)
            labels = tuple(sample.labels.items())
            series = self.values.setdefault(self._family_of(sample.name), {})
            series[sample.name, tuple(sorted(labels))] = Sample(sample.name, labels, float(sample.value))

    def _wants(self, name: str) -> bool:
        return not name.endswith(_CREATED) and (name.startswith(self.prefixes) or name == START_TIME)

    def _family_of(self, name: str) -> str:
        if name in self.types:
            return name
        for kind, suffixes in _SUFFIXES.items():
            for suffix in suffixes:
                stem = name.removesuffix(suffix)
                if stem != name and self.types.get(stem) == kind:
                    return stem
        return name

    def families(self) -> tuple[Family, ...]:
        return tuple(
            Family(name, self.types.get(name, "unknown"), self.helps.get(name, ""), tuple(series.values())) for name, series in self.values.items()
        )


def _check(pattern: re.Pattern[str], name: str) -> None:
    if not pattern.fullmatch(name):
        raise ValueError("a name that the plain text format cannot hold")
