"""A summary for people: the finding in words, then who is better at what, then the numbers, for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from math import isinf

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bench.measures import Measure, measures, qualities
from bench.statistics.quantiles import quantile_name
from bench.summary.difference import bounds, size
from bench.summary.rows import in_milliseconds, refusals, rows_of
from bench.summary.shape import Comparison, Decile, Known, LevelSummary, Shift, Summary, TargetAtLevel
from bench.summary.standings import by_thing
from bench.summary.statement import OUTCOMES_TOLD
from bench.summary.words import named, quantity
from probes.wording import figures, listed

_IN_FULL = 3
"""Of more levels than this, only the first and the last are shown in full."""
_FINDINGS = (
    ("Why, by the engines' own metrics", "cause", "green"),
    ("What these make doubtful", "caveat", "yellow"),
    ("What they do not tell", "unknown", "dim"),
)
"""The kinds of findings, in the order in which they are told."""
_DECILES_SHOWN = (0.1, 0.3, 0.5, 0.7, 0.9)


def shown(summary: Summary) -> RenderableType:
    """The whole summary, to be printed."""
    return Group(*_parts(summary))


def _parts(summary: Summary) -> Iterator[RenderableType]:
    yield Text(summary.statement, style="bold")
    if not summary.verdict.trusted:
        yield from _listed("No verdict, because", summary.verdict.why, "red")
    yield from _listed("What makes the comparison unfair", [caveat.words for caveat in summary.caveats], "yellow")
    others = [outcome for outcome in summary.outcomes if outcome["kind"] not in OUTCOMES_TOLD]
    yield from _listed("What else was found", [f"{outcome['target']}: {outcome['words']}" for outcome in others], "green")
    for title, kind, style in _FINDINGS:
        yield from _listed(title, [_finding(finding) for finding in summary.findings if finding["kind"] == kind], style)
    if len(summary.levels) > 1:
        yield Text()
        yield _overview(summary.levels)
    for level in summary.levels if len(summary.levels) <= _IN_FULL else (summary.levels[0], summary.levels[-1]):
        yield Text()
        yield from _level(summary, level)
    yield Text()
    yield Text(_reading(summary), style="dim")


def _finding(finding: Mapping[str, object]) -> str:
    """One of the engines' side in a line, with what follows from it."""
    told = f"{finding['target']}: {finding['words']}"
    return f"{told}: {finding['advice']}" if finding["advice"] else told


def _level(summary: Summary, level: LevelSummary) -> Iterator[RenderableType]:
    seconds = max((target.seconds for target in level.targets), default=0.0)
    rounds = f"{level.rounds} {'round' if level.rounds == 1 else 'rounds'}"
    yield Text(level.name, style="bold cyan")
    yield Text(f"{rounds}, {seconds:,.0f} s of each engine; {level.steady.words}", style="dim")
    yield Text()
    compared = [row for row in summary.comparisons if row.level == level.name]
    if compared and summary.verdict.trusted:
        yield _better(compared, summary.answer_tokens)
        yield Text()
    apart = [shift for shift in summary.shifts if shift.level == level.name and shift.deciles]
    if apart and summary.verdict.trusted:
        yield _shifts(apart, summary.answer_tokens)
        yield Text()
    yield _outcomes(level)
    yield Text()
    yield _percentiles(level, summary.answer_tokens)
    yield from (Padding(Text(line, style="dim"), (0, 0, 0, 1)) for line in _lines(level))


def _overview(levels: Sequence[LevelSummary]) -> Table:
    table = _table("All levels")
    table.add_column("level", overflow="fold")
    table.add_column("engine", overflow="fold")
    for column in ("chats", "success", "tokens/s", "TTFT p50", "TTFT p95", "TPOT p50"):
        table.add_column(column, justify="right", overflow="fold")
    for level in levels:
        for number, target in enumerate(level.targets):
            shares = (f"{target.counts.attempts:,}", _share(target.success), _rate(target.throughput))
            middles = (_value(target, name, quantile) for name, quantile in (("ttft", 0.5), ("ttft", 0.95), ("tpot", 0.5)))
            table.add_row("" if number else level.name, target.target, *shares, *middles, end_section=number == len(level.targets) - 1)
    return table


def _value(target: TargetAtLevel, measure: str, quantile: float) -> str:
    spread = target.measures.get(measure)
    value = spread.quantiles[quantile].value if spread else None
    return "-" if value is None or spread is None else quantity(value, spread.unit)


def _better(compared: Sequence[Comparison], answer_tokens: int) -> Table:
    table = _table("Who is better at what, and for whom that matters")
    table.add_column("", max_width=28)
    table.add_column("better", overflow="fold", max_width=16)
    table.add_column("by how much")
    known = qualities(answer_tokens)
    for (_, measure, quantile, slo), rows in by_thing(compared).items():
        winners = listed(list(dict.fromkeys(row.winner for row in rows if row.winner))) or "-"
        quality = known[measure]
        table.add_row(
            Text.assemble(named(quality.short, quantile, slo), "\n", (quality.for_whom, "dim")),
            Text(winners, style="dim" if winners == "-" else "green"),
            Text("\n").join(part for row in rows for part in _in_table(row, alone=len(rows) == 1)),
            end_section=True,
        )
    return table


def _shifts(shifts: Sequence[Shift], answer_tokens: int) -> Table:
    """How far apart two engines are at each second decile: whether one is slower for everyone, or only for some."""
    table = _table("How far apart, from fast chats to slow ones")
    table.add_column("")
    table.add_column("b over a", overflow="fold")
    for decile in _DECILES_SHOWN:
        table.add_column(quantile_name(decile), justify="right", no_wrap=True)
    known = qualities(answer_tokens)
    for shift in shifts:
        at = {decile.quantile: decile for decile in shift.deciles}
        cells = (_apart(at[share]) if share in at else Text("-", style="dim") for share in _DECILES_SHOWN)
        table.add_row(known[shift.measure].short, f"{shift.b} / {shift.a}", *cells)
    return table


def _apart(decile: Decile) -> Text:
    """A difference that may be none is dim."""
    told = "no chat" if isinf(decile.ratio) else f"{(decile.ratio - 1) * 100:+,.0f} %"
    return Text(told, style="dim" if decile.low <= 1 <= decile.high else "")


def _in_table(row: Comparison, *, alone: bool) -> Iterator[Text]:
    """What is found, and why it is so."""
    yield Text(row.why if alone and not row.winner else _beside(row))
    yield from (Text(cause.words, style="dim") for cause in row.causes)


def _beside(row: Comparison) -> str:
    """Two engines in one thing, in a few words."""
    loser = row.b if row.winner == row.a else row.a
    if row.winner and row.low is not None and row.high is not None:
        return f"{row.winner} over {loser}: {size(row)} ({bounds(row)})"
    if row.ratio is None:
        return f"{row.a}, {row.b}: {row.why}"
    return f"{row.a}, {row.b}: no difference seen"


def _outcomes(level: LevelSummary) -> Table:
    slos = list(level.targets[0].goodput) if level.targets else []
    counted = [name for name in ("failed", "unsent", "cut") if any(getattr(target.counts, name) for target in level.targets)]
    table = _table("What became of the chats")
    table.add_column("engine", overflow="fold")
    for column in ("chats", *counted, "success", *slos, "tokens/s", "chats/s"):
        table.add_column(column, justify="right", overflow="fold")
    for target in level.targets:
        counts = asdict(target.counts)
        table.add_row(
            target.target,
            f"{target.counts.attempts:,}",
            *(f"{counts[name]:,}" for name in counted),
            _share(target.success),
            *(_share(target.goodput[slo]) for slo in slos),
            _rate(target.throughput),
            _rate(target.requests_per_second),
        )
    return table


def _percentiles(level: LevelSummary, answer_tokens: int) -> Table:
    """A row for each measure and engine. Failed chats stand in a row of their own, where there are any."""
    table = _table("Percentiles, and to what they are known")
    table.add_column("", overflow="fold")
    table.add_column("engine", overflow="fold")
    for quantile in ("p50", "p90", "p95", "p99"):
        table.add_column(quantile, justify="right", overflow="fold")
    for measure in measures(answer_tokens):
        scale, unit = _scale(level, measure)
        for name, having in rows_of(level, measure):
            said = f"{measure.short}{unit}{'' if name == measure.name else ' (with failed)'}"
            for number, target in enumerate(having):
                cells = (_cell(known, scale) for known in target.measures[name].quantiles.values())
                table.add_row("" if number else said, target.target, *cells, end_section=number == len(having) - 1)
    return table


def _scale(level: LevelSummary, measure: Measure) -> tuple[float, str]:
    """What a measure's values are multiplied by, and the unit that they have then."""
    if in_milliseconds(level, measure):
        return 1000.0, " ms"
    return 1.0, " s" if measure.unit == "s" else ""


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, show_edge=False, padding=(0, 1))


def _lines(level: LevelSummary) -> Iterator[str]:
    """What the tables do not say."""
    for target in level.targets:
        if target.failures:
            yield f"{target.target} failed: {', '.join(f'{count} {reason}' for reason, count in target.failures.items())}"
        yield from (f"{target.target}: {trend.words}" for trend in target.drift if trend.drifted)
    yield from level.notes
    yield from (f"-: {reason}" for reason in refusals(level))


def _cell(known: Known, scale: float) -> Text:
    """The value, and half of the interval that another run like this would lie in, or that of this run."""
    if known.value is None:
        return Text("-", style="dim")
    if isinf(known.value):
        return Text("failed", style="red")
    text = Text(figures(known.value * scale))
    low, high = known.interval
    if low is not None and high is not None and known.value > 0 and not isinf(high):
        half = (high - low) / 2 / known.value * 100
        text.append(" ±>100%" if half > 100 else f" ±{half:.0f}%" if half >= 0.95 else f" ±{half:.1f}%", style="dim")
    return text


def _share(known: Known) -> str:
    return "-" if known.value is None else quantity(known.value, "share")


def _rate(known: Known) -> str:
    return "-" if known.value is None else figures(known.value)


def _listed(title: str, lines: Sequence[str], style: str) -> Iterator[RenderableType]:
    if lines:
        yield Text(f"{title}:", style=style)
        yield from (Padding(Text(f"- {line}"), (0, 0, 0, 2)) for line in lines)


def _reading(summary: Summary) -> str:
    return (
        f"± is half of the {summary.confidence:.0%} interval: over rounds, where there are enough of them. Comparisons hold all together, "
        "at the same confidence. Failed chats count as the worst in comparisons of times."
    )
