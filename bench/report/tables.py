"""The tables of a report, as text: what became of the chats, percentiles, comparisons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import isinf

from bench.measures import measures, qualities
from bench.summary.rows import in_milliseconds, refusals, rows_of
from bench.summary.shape import Known, LevelSummary, Summary, TargetAtLevel
from bench.summary.words import named, quantity
from probes.wording import figures

_QUANTILES = (0.5, 0.9, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Cell:
    """`note` is what stands beside the text in small: an interval, or why there is nothing."""

    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class TableRow:
    """`heads` are the headings of the row, from left to right; `target` is the engine that it is about, where it is about one."""

    heads: tuple[str, ...]
    cells: tuple[Cell, ...]
    target: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """`heads` are the columns; the first of them are those of the rows' headings. `texts` are the columns that hold sentences, by number."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[TableRow, ...]
    texts: frozenset[int] = frozenset()

    @property
    def spans(self) -> tuple[int, ...]:
        """Over how many rows each row's first heading goes: 0 where it is that of the row above. Only rows of several headings share one."""
        spans = [1] * len(self.rows)
        for number in range(len(self.rows) - 1, 0, -1):
            row, above = self.rows[number], self.rows[number - 1]
            if len(row.heads) > 1 and row.heads[0] == above.heads[0]:
                spans[number - 1] += spans[number]
                spans[number] = 0
        return tuple(spans)


@dataclass(frozen=True, slots=True)
class LevelTables:
    """All tables of one level, and what they do not say, in sentences."""

    level: str
    about: str
    outcomes: Table
    percentiles: Table
    notes: tuple[str, ...]


def level_tables(summary: Summary) -> tuple[LevelTables, ...]:
    """Of every level."""
    return tuple(
        LevelTables(level.name, _about(level), _outcomes(level), _percentiles(level, summary.answer_tokens), tuple(_notes(level)))
        for level in summary.levels
    )


def overview(summary: Summary) -> Table:
    """All levels in one table."""
    rows = (
        TableRow(
            (level.name, target.target),
            (
                Cell(f"{target.counts.attempts:,}"),
                _share(target.success),
                *(_share(known) for known in target.goodput.values()),
                _rate(target.throughput),
                *(_timed(target, name, quantile) for name, quantile in (("ttft", 0.5), ("ttft", 0.95), ("tpot", 0.5), ("e2e", 0.5))),
            ),
            target.target,
        )
        for level in summary.levels
        for target in level.targets
    )
    slos = tuple(f"goodput ({slo})" for slo in summary.slos)
    heads = ("level", "engine", "chats", "success", *slos, "tokens/s", "TTFT p50", "TTFT p95", "TPOT p50", "E2E p50")
    return Table("All levels of load", heads, tuple(rows))


def comparisons(summary: Summary) -> Table:
    """Each two engines in each thing."""
    known = qualities(summary.answer_tokens)
    rows = (
        TableRow(
            (row.level, named(known[row.measure].short, row.quantile, row.slo)),
            (Cell(f"{row.a} and {row.b}"), Cell(row.winner or "-"), Cell(row.why)),
        )
        for row in summary.comparisons
    )
    return Table("Each two engines beside each other", ("level", "compared in", "engines", "better", "in words"), tuple(rows), frozenset({2, 3, 4}))


def _about(level: LevelSummary) -> str:
    seconds = max((target.seconds for target in level.targets), default=0.0)
    return f"{level.rounds} {'round' if level.rounds == 1 else 'rounds'}, {seconds:,.0f} s of each engine; {level.steady.words}."


def _outcomes(level: LevelSummary) -> Table:
    slos = list(level.targets[0].goodput) if level.targets else []
    counted = [name for name in ("failed", "unsent", "cut") if any(getattr(target.counts, name) for target in level.targets)]
    rows = (
        TableRow(
            (target.target,),
            (
                Cell(f"{target.counts.attempts:,}"),
                *(Cell(f"{asdict(target.counts)[name]:,}") for name in counted),
                _share(target.success),
                *(_share(target.goodput[slo]) for slo in slos),
                _rate(target.throughput),
                _rate(target.requests_per_second),
            ),
            target.target,
        )
        for target in level.targets
    )
    titles = {"failed": "failed", "unsent": "not sent", "cut": "cut off"}
    heads = ("engine", "chats", *(titles[name] for name in counted), "success", *(f"goodput ({slo})" for slo in slos), "tokens/s", "chats/s")
    return Table(f"What became of the chats, {level.name}", heads, tuple(rows))


def _percentiles(level: LevelSummary, answer_tokens: int) -> Table:
    """A row for each measure and engine; where chats failed, one more that counts them as the worst."""
    rows: list[TableRow] = []
    for measure in measures(answer_tokens):
        unit = "ms" if in_milliseconds(level, measure) else measure.unit
        for name, having in rows_of(level, measure):
            said = f"{measure.short}, {unit}" + (", failed chats as the worst" if name != measure.name else "")
            rows.extend(TableRow((said, target.target), tuple(_cells(target, name, unit)), target.target) for target in having)
    return Table(f"Percentiles, and how closely they are known, {level.name}", ("measure", "engine", "p50", "p90", "p95", "p99"), tuple(rows))


def _cells(target: TargetAtLevel, name: str, unit: str) -> Iterator[Cell]:
    scale = 1000.0 if unit == "ms" else 1.0
    for quantile in _QUANTILES:
        known = target.measures[name].quantiles.get(quantile)
        yield Cell("-") if known is None else _cell(known, scale)


def _cell(known: Known, scale: float) -> Cell:
    if known.value is None:
        return Cell("-")
    if isinf(known.value):
        return Cell("failed")
    low, high = known.interval
    if low is None or high is None or isinf(high):
        return Cell(figures(known.value * scale))
    return Cell(figures(known.value * scale), f"{figures(low * scale)} to {figures(high * scale)}")


def _notes(level: LevelSummary) -> Iterator[str]:
    yield from (f"{target.target}: {trend.words}" for target in level.targets for trend in target.drift if trend.drifted)
    yield from level.notes
    yield from refusals(level)


def _timed(target: TargetAtLevel, measure: str, quantile: float) -> Cell:
    spread = target.measures.get(measure)
    value = spread.quantiles[quantile].value if spread else None
    return Cell("-") if value is None or spread is None else Cell(quantity(value, spread.unit))


def _share(known: Known) -> Cell:
    return Cell("-") if known.value is None else Cell(quantity(known.value, "share"))


def _rate(known: Known) -> Cell:
    return Cell("-") if known.value is None else Cell(figures(known.value))
