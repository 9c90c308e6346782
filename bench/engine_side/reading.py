"""One look at what an engine tells of itself, as a run keeps it: a line of `native.ndjson`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, cast, get_args

from probes.numbers.histogram import Histogram
from probes.numbers.number import Number
from probes.numbers.page import Numbers, Value

Mark = Literal["begin", "measured", "during", "end"]
"""Which look of its block it is: the one at its beginning, at the end of its warm-up, any between, or the last one, when
no chat was under way any more.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one process of a target told at one time, or why it told nothing.

    `at` is when it was asked, in seconds since the epoch, and `started_at` when its process began, where it says so.
    `problem` is for people, and without secrets; with one there are no numbers.
    """

    at: float
    target: str
    replica: str | None = None
    block: int
    mark: Mark = "during"
    took_seconds: float = 0.0
    numbers: Numbers = field(default_factory=dict)
    started_at: float | None = None
    problem: str | None = None

    def without_histograms(self) -> Reading:
        """The same look without what takes most of its memory."""
        return replace(self, numbers={number: value for number, value in self.numbers.items() if not isinstance(value, Histogram)})

    def to_json(self) -> dict[str, object]:
        """A line of `native.ndjson`. A bucket is `[upper bound, observations up to it]`; the bound of the last is null."""
        return {
            "at": self.at,
            "target": self.target,
            "replica": self.replica,
            "block": self.block,
            "mark": self.mark,
            "took_seconds": self.took_seconds,
            "numbers": {str(number): _written(value) for number, value in self.numbers.items()},
            "started_at": self.started_at,
            "problem": self.problem,
        }

    @classmethod
    def from_json(cls, line: Mapping[str, object]) -> Reading:
        """The look that `to_json` wrote. Raises `KeyError`, `TypeError` and `ValueError` for anything else."""
        mark, numbers = line["mark"], line["numbers"]
        if mark not in get_args(Mark):
            raise ValueError(f"{mark!r} is no mark; it is one of {', '.join(get_args(Mark))}")
        if not isinstance(numbers, dict):
            raise TypeError("numbers is no object")
        return cls(
            at=_number(line["at"]),
            target=str(line["target"]),
            replica=_text(line["replica"]),
            block=int(_number(line["block"])),
            mark=cast("Mark", mark),
            took_seconds=_number(line["took_seconds"]),
            numbers={Number(name): _value(value) for name, value in numbers.items()},
            started_at=None if line["started_at"] is None else _number(line["started_at"]),
            problem=_text(line["problem"]),
        )


def _written(value: Value) -> object:
    if not isinstance(value, Histogram):
        return value
    buckets = [[None if math.isinf(bound) else bound, count] for bound, count in zip(value.bounds, value.counts, strict=True)]
    return {"sum": value.total, "buckets": buckets}


def _value(written: object) -> Value:
    if not isinstance(written, dict):
        return _number(written)
    bounds, counts = zip(
        *((math.inf if bound is None else _number(bound), _number(count)) for bound, count in _pairs(written["buckets"])), strict=True
    )
    return Histogram(bounds, counts, _number(written["sum"]))


def _pairs(buckets: object) -> Sequence[tuple[object, object]]:
    if not isinstance(buckets, list) or not buckets or not all(isinstance(pair, list) and len(pair) == 2 for pair in buckets):
        raise ValueError("buckets is no list of pairs")
    return [(bound, count) for bound, count in buckets]


def _number(written: object) -> float:
    if isinstance(written, bool) or not isinstance(written, int | float):
        raise TypeError(f"{written!r} is no number")
    return float(written)


def _text(written: object) -> str | None:
    return None if written is None else str(written)
