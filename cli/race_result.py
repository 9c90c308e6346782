"""What a race has shown: a table of the engines, and sentences on who differs by how much."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.race_look import named
from probes.extras import missing
from probes.wording import duration, figures
from traffic.pairs import Measure
from traffic.race.score import Score, Standing

if TYPE_CHECKING:
    from bench.race.differences import Difference

_FEWEST_ROUNDS = 3
"""`bench.statistics.comparison` compares no fewer: two rounds cannot tell a difference between engines from one between rounds."""
_NONE = 10.0
"""Who takes eleven times as long is seen without statistics."""
_TITLES = {Measure.TTFT: "Time to first token", Measure.TPOT: "Time per token"}


def scoreboard(score: Score, backends: Mapping[str, str], console: Console) -> Table:
    """The engines over the rounds so far, for 80 columns. `backends` are the engines' kinds, by name."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1), pad_edge=False)
    table.add_column("", no_wrap=True, overflow="ellipsis", max_width=24)
    for head in ("TTFT median", "TPOT median", "tokens/s", "first", "fastest", "failed"):
        table.add_column(head, justify="right", no_wrap=True)
    for one in score.standings():
        table.add_row(named(one.name, backends[one.name], console), *_cells(one, score.rounds))
    return table


def _cells(one: Standing, rounds: int) -> tuple[str, str, str, str, str, Text]:
    rate = "-" if one.tokens_per_second is None else figures(one.tokens_per_second)
    first, fastest = (f"{one.won[measure]} of {rounds}" if rounds else "-" for measure in _TITLES)
    return _time(one.ttft_seconds), _time(one.tpot_seconds), rate, first, fastest, Text(str(one.failed), style="red" if one.failed else "")


def _time(seconds: float | None) -> str:
    return "-" if seconds is None else duration(seconds)


def board_lines(score: Score) -> Iterator[str]:
    """The same in plain lines."""
    width = max(len(one.name) for one in score.standings())
    for one in score.standings():
        ttft, tpot, rate, first, fastest, failed = _cells(one, score.rounds)
        yield (
            f"{one.name:<{width}}  TTFT median {ttft}, TPOT median {tpot}, {rate} tokens/s, "
            f"first in {first}, fastest in {fastest}, {failed.plain} failed"
        )


def sentences(score: Score, names: Sequence[str], more: str = "--rounds 10") -> Iterator[str]:
    """Who differs from the best, by how much, and how sure that is; or why that cannot be said. `more` is how there are more rounds."""
    if len(names) < 2 or not score.rounds:
        return
    if score.rounds < _FEWEST_ROUNDS:
        yield f"Whether they differ takes {_FEWEST_ROUNDS} rounds to say, or better 10: {more}."
        return
    if (lacking := missing("bench")) is not None:
        yield f"Intervals need {lacking}."
        return
    yield from _compared(score, names)


def judged(score: Score, names: Sequence[str]) -> list[str]:
    """The same for the page of races (`exporter.web.racing.Judge`)."""
    return list(sentences(score, names, "choose 10"))


def _compared(score: Score, names: Sequence[str]) -> Iterator[str]:
    from bench.race.differences import differences

    found = differences(score, names)
    for measure, title in _TITLES.items():
        told = [one for one in found if one.measure == measure]
        if not told:
            yield f"{title}: fewer than {_FEWEST_ROUNDS} rounds can be compared."
            continue
        yield f"{title}, beside {told[0].best}: {', '.join(map(_in_words, told))}."
    if found:
        rounds = min(one.rounds for one in found)
        yield f"Intervals hold with 95 % confidence, all of them together, by {rounds} rounds in which all were asked at one instant."


def _in_words(one: Difference) -> str:
    interval = f"({_times(one.low)} to {_times(one.high)})"
    if one.differs:
        return f"{one.other} {_times(one.times)} times as long {interval}"
    could = "none" if one.detectable >= _NONE else f"one of {figures(100 * one.detectable)} %"
    return f"no difference seen to {one.other} {interval}: this race could have shown {could}"


def _times(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 10 else figures(ratio)
