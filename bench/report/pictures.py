"""The two pictures of the first screen: small multiples, a strip for each level, a mark for each engine.

They are made of text and boxes, so that they stand without a script, on paper and in high contrast, and a screen reader has their numbers as a table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, isinf, log10

from bench.measures import TTFT, answer
from bench.report.board import PLAIN, square
from bench.report.plain import in_seconds, told_levels, usual, with_level
from bench.summary.shape import Known, LevelSummary, Summary, TargetAtLevel
from bench.summary.words import quantity
from probes.wording import listed

_LINEAR_UP_TO = 12
"""Above this ratio of the largest to the smallest value the axis is logarithmic, and says so."""
_GOOD = 0.99


@dataclass(frozen=True, slots=True)
class Bar:
    """One engine. `at`, `low` and `high` are places on the axis in percent; None where there is no value. `texts` are the columns beside it."""

    target: str
    at: float | None
    low: float | None
    high: float | None
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Strip:
    """One level."""

    level: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on the axis, in percent, and what stands there."""

    at: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """`filled` bars begin at the axis' left end; others are a mark with a line from `low` to `high`. `goal` is where an SLO's threshold is."""

    name: str
    title: str
    takeaway: str
    reading: str
    columns: tuple[str, ...]
    filled: bool
    ticks: tuple[Tick, ...]
    goal: Tick | None
    strips: tuple[Strip, ...]


@dataclass(frozen=True, slots=True)
class _Axis:
    low: float
    high: float
    logarithmic: bool

    def place(self, value: float) -> float:
        if self.logarithmic:
            share = (log10(max(value, self.low)) - log10(self.low)) / (log10(self.high) - log10(self.low))
        else:
            share = (value - self.low) / (self.high - self.low)
        return round(min(100.0, max(0.0, share * 100)), 2)

    def ticks(self) -> Iterator[float]:
        if self.logarithmic:
            yield from (10.0**power for power in range(round(log10(self.low)), round(log10(self.high)) + 1))
            return
        step = _step(self.high)
        yield from (number * step for number in range(floor(self.high / step + 1e-9) + 1))


def pictures(summary: Summary) -> tuple[Picture, ...]:
    """The wait for the first word, and what else matters most: chats that were not good, where there are some, else the whole answer."""
    levels = told_levels(summary)
    return tuple(picture for picture in (_first_word(summary, levels), _shares(summary, levels) or _answers(summary, levels)) if picture is not None)


def _first_word(summary: Summary, levels: Sequence[LevelSummary]) -> Picture | None:
    goals = {name: thresholds["ttft"] for name, thresholds in summary.slos.items() if "ttft" in thresholds}
    return _times(summary, levels, TTFT.name, "first-word", PLAIN[TTFT.name], goals)


def _answers(summary: Summary, levels: Sequence[LevelSummary]) -> Picture | None:
    return _times(summary, levels, answer(summary.answer_tokens).name, "answer", f"The time of an answer of {summary.answer_tokens} tokens", {})


def _times(summary: Summary, levels: Sequence[LevelSummary], measure: str, name: str, title: str, goals: dict[str, float]) -> Picture | None:
    values = [(usual(target, measure), usual(target, measure, 0.95)) for level in levels for target in level.targets]
    known = [value for pair in values for value in pair if value is not None and not isinf(value) and value > 0]
    if not known:
        return None
    goal = next(iter(goals.items()), None)
    axis = _axis([*known, *([goal[1]] if goal and goal[1] <= 3 * max(known) else [])])
    strips = tuple(Strip(level.name, tuple(_time_bar(axis, target, measure) for target in level.targets)) for level in levels)
    scale = " The scale is logarithmic: each step is ten times the one before it." if axis.logarithmic else ""
    return Picture(
        name=name,
        title=title,
        takeaway=_takeaway(summary, levels, measure, lambda target: usual(target, measure)),
        reading=f"The mark is the usual chat (p50), the line goes to the slowest 5 in 100 (p95).{scale}",
        columns=("usual", "slowest 5 in 100"),
        filled=False,
        ticks=tuple(Tick(axis.place(value), _tick(value)) for value in axis.ticks()),
        goal=None if goal is None or goal[1] > axis.high else Tick(axis.place(goal[1]), f"SLO {goal[0]}: {_tick(goal[1])}"),
        strips=strips,
    )


def _time_bar(axis: _Axis, target: TargetAtLevel, measure: str) -> Bar:
    usual_seconds, late_seconds = usual(target, measure), usual(target, measure, 0.95)
    texts = tuple("-" if value is None else "failed" if isinf(value) else in_seconds(value) for value in (usual_seconds, late_seconds))
    if usual_seconds is None or isinf(usual_seconds):
        return Bar(target.target, None, None, None, texts)
    high = 100.0 if late_seconds is not None and isinf(late_seconds) else None if late_seconds is None else axis.place(late_seconds)
    at = axis.place(usual_seconds)
    return Bar(target.target, at, at, high if high is not None else at, texts)


def _shares(summary: Summary, levels: Sequence[LevelSummary]) -> Picture | None:
    """Of the first SLO, or of success where there is none; None where nearly all chats were good everywhere."""
    slo = next(iter(summary.slos), None)

    def known(target: TargetAtLevel) -> Known:
        return target.goodput[slo] if slo is not None and slo in target.goodput else target.success

    values = [value for level in levels for target in level.targets if (value := known(target).value) is not None]
    if not values or min(values) >= _GOOD:
        return None
    strips = tuple(Strip(level.name, tuple(_share_bar(target.target, known(target)) for target in level.targets)) for level in levels)
    return Picture(
        name="good-chats",
        title=f"Chats that kept to the SLO {slo}" if slo else "Chats that succeeded",
        takeaway=_takeaway(summary, levels, "goodput" if slo else "success", lambda target: known(target).value),
        reading="The bar is the share of all chats, the thin line in it the 95 % interval. A chat that failed is not good.",
        columns=("share",),
        filled=True,
        ticks=tuple(Tick(float(share), f"{share} %") for share in (0, 25, 50, 75, 100)),
        goal=None,
        strips=strips,
    )


def _share_bar(target: str, known: Known) -> Bar:
    if known.value is None:
        return Bar(target, None, None, None, ("-",))
    low, high = known.low, known.high
    return Bar(
        target,
        round(known.value * 100, 2),
        None if low is None else round(low * 100, 2),
        None if high is None else round(high * 100, 2),
        (quantity(float(f"{known.value:.3g}"), "share"),),
    )


def _takeaway(summary: Summary, levels: Sequence[LevelSummary], measure: str, value: Callable[[TargetAtLevel], float | None]) -> str:
    """What one sees, as the comparisons have it: no difference is told of that they do not see."""
    level = levels[-1]
    words = quantity if measure in ("goodput", "success") else None
    told = [(one.target, found) for one in level.targets if (found := value(one)) is not None]
    values = listed([f"{target} {words(float(f'{found:.3g}'), 'share') if words else in_seconds(found)}" for target, found in told])
    rows = [row for row in summary.comparisons if row.level == level.name and row.measure == measure and row.quantile in (0.5, None)]
    said = f"{with_level(level.name)}: {values}"
    said = said[0].upper() + said[1:]
    if not rows or not summary.verdict.trusted:
        return f"{said}."
    seen = square(rows)
    if seen.best is not None:
        return f"{said}; {seen.best} is better than all others."
    if seen.kind == "some":
        return f"{said}; {'; '.join(f'{win.winner} is better: {listed(list(win.over))}' for win in seen.wins)}."
    return f"{said}; no difference was seen." if seen.kind == "same" else f"{said}."


def _axis(values: Sequence[float]) -> _Axis:
    least, most = min(values), max(values)
    if most / least <= _LINEAR_UP_TO:
        step = _step(most)
        return _Axis(0.0, ceil(most / step - 1e-9) * step, False)
    return _Axis(10.0 ** floor(log10(least)), 10.0 ** ceil(log10(most)), True)


def _step(most: float) -> float:
    """A round step, of which the axis has three to six."""
    raw = most / 4
    power = 10.0 ** floor(log10(raw))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)


def _tick(seconds: float) -> str:
    return "0" if seconds == 0 else f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"
