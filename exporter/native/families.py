"""Reads the text of an engine's `/metrics` as metric families, under the names that the engine writes."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from exporter.native.drops import UNREAD, DropReason, LeftOut
from exporter.native.failure import NativeReason, ScrapeError
from probes.numbers.family import Family, FamilyType, Labels, Sample
from probes.numbers.own_metrics import PARTS, OwnMetrics

START_TIME = "process_start_time_seconds"
OPENMETRICS = "application/openmetrics-text"
MEDIA_TYPES = ("", "text/plain", OPENMETRICS)
LINE_LIMIT = 16 * 1024
"""Characters of a line. vLLM's longest (`cache_config_info`) has about 2,000."""
NEEDED_LIMIT = 50_000
"""Lines of the families that unified numbers are made of. A vLLM of 64 ranks writes about 10,000."""
OTHERS_LIMIT = 20_000
"""Lines of all other families: samples, and what declares them. A vLLM of 64 ranks writes about 10,000."""

_CREATED = "_created"
_NAME_LIMIT = 100
"""Characters of a line's name that are told when the line is left out."""
_NAMES_LIMIT = 1000
"""Names that are told of all lines that are left out."""
_AND_MORE = "…"
_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*+"
_LABEL_NAME = r"[a-zA-Z_][a-zA-Z0-9_]*+"
_TEXT = r"(?:[^\"\\\ud800-\udfff]++|\\.)*+"
"""What may stand between quotes. Bytes that are no UTF-8 were read as lone surrogates."""
_LABEL = rf'[ \t]*+{_LABEL_NAME}[ \t]*+=[ \t]*+"{_TEXT}"[ \t]*+'
_NUMBER = r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?"
_VALUE = rf"{_NUMBER}|[+-]?(?i:inf|infinity)|(?i:nan)"
_SAMPLE = re.compile(
    rf"({_NAME})[ \t]*+(?:\{{((?:{_LABEL}(?:,{_LABEL})*+)?+,?[ \t]*+)\}}[ \t]*+|(?<=[ \t]))({_VALUE})(?:[ \t]++{_NUMBER})?+(?:[ \t]++\#[ \t].*+)?"
)
"""(name, labels, value); a timestamp and an exemplar may follow. No text takes more time than its length is worth."""
_BARE_NAME = re.compile(_NAME)
_BARE_LABELS = re.compile(rf"(?:{_LABEL}(?:,{_LABEL})*+)?+,?[ \t]*+")
_BARE_VALUE = re.compile(_VALUE)
_LABELS_KEPT = 4096
"""Texts of labels whose meaning is kept: of one vLLM 130, which are the same at each scrape, and for each vLLM with the same model."""
_USUAL_LENGTH = 256
"""Characters behind the name of a sample that is read so, and of a text of labels that is kept."""
_EACH_LABEL = re.compile(rf'({_LABEL_NAME})[ \t]*+=[ \t]*+"({_TEXT})"')
_NAMED = re.compile(r"[^{ \t]*")
_DESCRIBED = re.compile(rf"\#[ \t]+(HELP|TYPE)[ \t]+({_NAME})(?:[ \t]+([^\ud800-\udfff]*))?")
_LINE = re.compile(r"[^\n]+")
_ESCAPED = re.compile(r"\\[\\n\"]")
_ESCAPED_HELP = re.compile(r"\\[\\n]")
_END = re.compile(r"(?:\A|\n)\# EOF\n?\Z")
_TYPES: dict[str, FamilyType] = {"counter": "counter", "gauge": "gauge", "histogram": "histogram", "summary": "summary"}
_INFORMATION = ("info", "stateset")
"""Types of OpenMetrics that are gauges in plain text."""
_SUFFIXES: dict[FamilyType, tuple[str, ...]] = {"histogram": ("_bucket", "_count", "_sum"), "summary": ("_count", "_sum")}


@dataclass(frozen=True, slots=True)
class Page:
    """What a text holds: the families that could be read, and what was left out of them."""

    families: tuple[Family, ...]
    left_out: tuple[LeftOut, ...]


def parse(body: bytes, content_type: str, own: OwnMetrics) -> Page:
    """The families whose names begin with one of the engine's prefixes, and `process_start_time_seconds`.

    They are in the order of the text:

    - A line that cannot be read, or is too long, is left out, and the rest is read. So is a sample with the bare name
      of a histogram.
    - Of two samples of one series the last counts, and the first is left out.
    - Of a text with too many lines those are left out that no unified number needs.
    - `_created` series and timestamps are not looked for. NaN and infinities stay.
    - A sample that belongs to no declared family makes a family of its own, of type `unknown`.
    - Names that the engine's builds also write without the prefix have it here, if no other name on the page has it.

    335 series of vLLM take about 2 ms.

    Raises `ScrapeError`. `unreadable`: the text is no exposition, or only the beginning of one (a text must end with a
    line end, OpenMetrics with `# EOF`). `too_large`: it has more than 50,000 lines that unified numbers need.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in MEDIA_TYPES:
        raise ScrapeError(NativeReason.UNREADABLE, "the content type is not one of metrics")
    text = body.decode(errors="surrogateescape")
    if not _ends(text, media_type):
        raise ScrapeError(NativeReason.UNREADABLE, "the body is cut short")
    reading = _Reading(own, as_openmetrics=media_type == OPENMETRICS)
    for line in _lines(_prefixed(text, own)):
        reading.take(line)
    page = reading.page()
    if not any(family.samples for family in page.families) and (any(one.reason in UNREAD for one in page.left_out) or not _is_utf_8(body)):
        raise ScrapeError(NativeReason.UNREADABLE, "the body holds no metrics that can be read")
    return page


def start_seconds(families: Iterable[Family]) -> float | None:
    """When the process started, in seconds since the epoch; None where it does not say."""
    values = (sample.value for family in families if family.name == START_TIME for sample in family.samples)
    return next(filter(math.isfinite, values), None)


def _ends(text: str, media_type: str) -> bool:
    """Whether the text is a whole one. An OpenMetrics text says so itself."""
    if media_type == OPENMETRICS:
        return _END.search(text, max(0, len(text) - 10)) is not None
    return not text or text.endswith("\n")


def _is_utf_8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _prefixed(text: str, own: OwnMetrics) -> str:
    """The text with the engine's prefix in front of the names that are written without it, or with a gateway's.

    A text that has the prefix anywhere stays as it is.
    """
    prefix = own.prefixes[0]
    if not (own.unprefixed or own.gateway_prefix) or text.startswith(prefix) or f"\n{prefix}" in text:
        return text
    if own.gateway_prefix:
        return re.sub(rf"^((?:\#[ \t]+(?:HELP|TYPE)[ \t]+)?){own.gateway_prefix}", rf"\g<1>{prefix}", text, flags=re.MULTILINE)
    stems = "|".join(sorted(name.removesuffix("_total") for name in own.unprefixed))
    named = rf"^((?:\#[ \t]+(?:HELP|TYPE)[ \t]+)?)(?=(?:{stems})(?:_total|_bucket|_count|_sum|_created)?(?:[{{ \t]|$))"
    return re.sub(named, rf"\g<1>{prefix}", text, flags=re.MULTILINE)


def _lines(text: str) -> Iterator[str]:
    """The lines that are not empty, one at a time: a list of all of them would take many times the memory of the text."""
    return (line[0].strip(" \t\r") for line in _LINE.finditer(text))


def _usual_sample(name: str, rest: str) -> Sample | None:
    """What `_sample` reads, in less time, of a line that is a name, a brace and this: labels, `}`, a space and a value. None of all others."""
    if len(rest) > _USUAL_LENGTH:
        return None
    written, brace, value = rest.rpartition("} ")
    if not brace or not _BARE_VALUE.fullmatch(value) or (labels := _known_labels(written)) is None:
        return None
    return Sample(name, labels, float(value))


def _sample(line: str) -> Sample | None:
    """The sample that a line holds; None if it cannot be read."""
    name, _, rest = line.partition("{")
    if _BARE_NAME.fullmatch(name) and (usual := _usual_sample(name, rest)) is not None:
        return usual
    found = _SAMPLE.fullmatch(line)
    if found is None:
        return None
    name, written, value = found.groups()
    labels = _labels(written or "")
    return None if labels is None else Sample(name, labels, float(value))


@lru_cache(_LABELS_KEPT)
def _known_labels(written: str) -> Labels | None:
    """What stands between braces; None if it is no labels."""
    return _labels(written) if _BARE_LABELS.fullmatch(written) else None


def _labels(written: str) -> Labels | None:
    """Well-formed labels, read; None if one is there twice."""
    labels: Labels = tuple(_EACH_LABEL.findall(written))
    if len(dict(labels)) < len(labels):
        return None
    if "\\" in written:
        labels = tuple((label, _ESCAPED.sub(_unescaped, held)) for label, held in labels)
    return labels


def _unescaped(escape: re.Match[str]) -> str:
    return "\n" if escape[0] == r"\n" else escape[0][1]


@dataclass(slots=True)
class _Reading:
    """What was found so far, line by line."""

    own: OwnMetrics
    as_openmetrics: bool
    types: dict[str, str] = field(default_factory=dict)
    helps: dict[str, str] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    read: set[str] = field(default_factory=set)
    """Names of samples so far."""
    left_out: Counter[tuple[str, DropReason]] = field(default_factory=Counter)
    lines_needed: int = 0
    lines_of_others: int = 0
    kept: tuple[str, ...] = field(init=False)
    needed: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.kept = (*self.own.prefixes, START_TIME)
        self.needed = frozenset(name + part for name in (*self.own.sources, START_TIME) for part in ("", *PARTS)) | frozenset(
            name.removesuffix(suffix) for name in self.own.sources for suffix in ("_total", "_info")
        )

    def take(self, line: str) -> None:
        name, _, rest = line.partition("{")
        if name in self.read and (sample := _usual_sample(name, rest)) is not None and self._has_room(name):
            self.samples.append(sample)
        elif line.startswith(self.kept):
            self._take_sample(line)
        elif line.startswith("#") and len(line) <= LINE_LIMIT and (described := _DESCRIBED.fullmatch(line)):
            what, name, words = described.groups("")
            if name.startswith(self.kept) and self._wants(name) and self._has_room(name):
                (self.types if what == "TYPE" else self.helps).setdefault(name, words)

    def _take_sample(self, line: str) -> None:
        name = _NAMED.match(line)[0]  # type: ignore[index]
        if not self._wants(name):
            return
        if not self._has_room(name):
            self._leave_out(name, DropReason.TOO_LARGE)
        elif len(line) > LINE_LIMIT:
            self._leave_out(name, DropReason.LINE_TOO_LONG)
        elif (sample := _sample(line)) is None:
            self._leave_out(name, DropReason.UNREADABLE)
        else:
            self.samples.append(sample)
            self.read.add(name)

    def _wants(self, name: str) -> bool:
        return not name.endswith(_CREATED) and (name.startswith(self.own.prefixes) or name == START_TIME)

    def _has_room(self, name: str) -> bool:
        """Whether one more line of this name is read. Raises `ScrapeError` if it is needed, and one too many."""
        if name not in self.needed:
            self.lines_of_others += 1
            return self.lines_of_others <= OTHERS_LIMIT
        self.lines_needed += 1
        if self.lines_needed > NEEDED_LIMIT:
            raise ScrapeError(NativeReason.TOO_LARGE, f"more than {NEEDED_LIMIT} lines of metrics")
        return True

    def _leave_out(self, name: str, reason: DropReason) -> None:
        """Count one line. Its name is told too, unless there are ever more of them."""
        is_told = name in self.needed or len(self.left_out) < _NAMES_LIMIT
        told = name[:_NAME_LIMIT].encode(errors="replace").decode() if is_told else _AND_MORE
        self.left_out[told, reason] += 1

    def page(self) -> Page:
        declared = {self._plain_name(written): written for written in self.types}
        kinds = {name: self._plain_type(written) for name, written in declared.items()}
        held: dict[str, dict[tuple[str, frozenset[tuple[str, str]]], Sample]] = {name: {} for name in kinds if self._wants(name)}
        families: dict[str, str] = {}
        for sample in self.samples:
            name = sample.name
            if kinds.get(name) == "histogram":
                self._leave_out(name, DropReason.MALFORMED)
                continue
            if name not in families:
                families[name] = _family_of(name, kinds)
            series = held.setdefault(families[name], {})
            key = name, frozenset(sample.labels)
            if key in series:
                self._leave_out(name, DropReason.MALFORMED)
            series[key] = sample
        return Page(
            tuple(
                Family(name, kinds.get(name, "unknown"), self._help(declared.get(name, name)), tuple(series.values()))
                for name, series in held.items()
            ),
            tuple(LeftOut(name, reason, count) for (name, reason), count in self.left_out.items()),
        )

    def _plain_name(self, written: str) -> str:
        """A declared family's name in plain text: for OpenMetrics, `x_total` of a counter `x`, and `x_info` of an info `x`."""
        return written + {"counter": "_total", "info": "_info"}.get(self.types[written], "") if self.as_openmetrics else written

    def _plain_type(self, written: str) -> FamilyType:
        kind = self.types[written].strip().lower()
        return "gauge" if self.as_openmetrics and kind in _INFORMATION else _TYPES.get(kind, "unknown")

    def _help(self, written: str) -> str:
        return (_ESCAPED if self.as_openmetrics else _ESCAPED_HELP).sub(_unescaped, self.helps.get(written, ""))


def _family_of(name: str, kinds: dict[str, FamilyType]) -> str:
    """The declared family that a sample of this name belongs to; its own name if there is none."""
    if name in kinds:
        return name
    for kind, suffixes in _SUFFIXES.items():
        for suffix in suffixes:
            stem = name.removesuffix(suffix)
            if stem != name and kinds.get(stem) == kind:
                return stem
    return name
