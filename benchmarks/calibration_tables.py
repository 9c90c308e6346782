"""The tables of the calibration, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.statistics.samples import Floats


@dataclass(frozen=True, slots=True)
class Row:
    """What was seen in one world with so many rounds, in shares of the trials, a column a quantile."""

    world: str
    rounds: int
    quantiles: tuple[float, ...]
    trials: int
    held: Floats
    """Our intervals of ratios that held the truth, each alone."""
    welch_held: Floats
    own_held: Floats
    """Our intervals of one engine's quantile, over rounds."""
    false: float
    """Trials in which any winner was named where there is none: ours, over all quantiles at once."""
    welch_false: float
    welch_corrected_false: float
    """The same of Welch's intervals, and of those with Bonferroni's correction for the number of quantiles."""
    found: Floats
    """`[difference, quantile]`: how often a true difference was told, each quantile alone."""
    welch_found: Floats
    family_found: Floats
    welch_corrected_found: Floats


@dataclass(frozen=True, slots=True)
class Worst:
    """The least and the largest share of intervals that held the truth, over all sizes of what rounds share and own."""

    rounds: int
    error: float
    least: float
    where: str
    most: float


@dataclass(frozen=True, slots=True)
class ShareRow:
    """The shares of intervals that held the truth: of a difference of shares, and of one engine's share."""

    world: str
    rounds: int
    held: float
    score_held: float
    newcombe_held: float
    """The interval of Miettinen and Nurminen, and Newcombe's."""
    own_held: float
    wilson_held: float


def coverage_table(rows: Sequence[Row]) -> str:
    """How often intervals held the truth, and how often a winner was named where there is none."""
    lines = [
        "| World | Rounds | Held: p50, p90, p95, p99 | Welch | One engine alone | False winner | Welch | Welch, corrected |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [row.world, str(row.rounds), _percents(row.held), _percents(row.welch_held), _percents(row.own_held)]
        cells += [_percent(row.false), _percent(row.welch_false), _percent(row.welch_corrected_false)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def power_table(rows: Sequence[Row]) -> str:
    """How often true differences of 5, 10 and 20 % were told, in p50 and p95."""
    lines = [
        "| World | Rounds | p50 alone | Welch | p95 alone | Welch | p95 among all | Welch, corrected |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        p50, p95 = row.quantiles.index(0.5), row.quantiles.index(0.95)
        cells = [row.world, str(row.rounds)]
        cells += [_percents(found[:, one]) for one in (p50, p95) for found in (row.found, row.welch_found)]
        cells += [_percents(found[:, p95]) for found in (row.family_found, row.welch_corrected_found)]
        lines.append(f"| {' | '.join(cells)} |")
    mean = [
        sum(float(found.mean()) for found in (getattr(row, kind) for row in rows)) / len(rows)
        for kind in ("found", "welch_found", "family_found", "welch_corrected_found")
    ]
    told = f"Over all rows, quantiles and differences, {_percent(mean[0])} were told, by Welch {_percent(mean[1])};"
    return "\n".join([*lines, "", f"{told} corrected for all that is looked at {_percent(mean[2])}, by Welch {_percent(mean[3])}.", ""])


def worst_table(rows: Sequence[Worst]) -> str:
    """Between which shares intervals held the truth, whatever rounds shared."""
    lines = ["| Rounds | Intervals of | Held at least | Where | At most |", "|---|---|---|---|---|"]
    lines += [f"| {one.rounds} | {1 - one.error:.0%} | {_percent(one.least)} | {one.where} | {_percent(one.most)} |" for one in rows]
    return "\n".join([*lines, ""])


def family_table(false: Mapping[tuple[int, int, float], float]) -> str:
    """How often any winner was named among many comparisons of engines that are the same."""
    rounds = sorted({number for _, number, _ in false})
    lines = [f"| Comparisons | Rounds of an engine's own | {' | '.join(f'{number} rounds' for number in rounds)} |", "|---" * (len(rounds) + 2) + "|"]
    for measures, own in dict.fromkeys((measures, own) for measures, _, own in false):
        cells = [
            str(4 * measures),
            "as much as the noise of a round" if own else "none",
            *(_percent(false[measures, number, own]) for number in rounds),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def share_table(rows: Sequence[ShareRow]) -> str:
    """How often intervals of shares held the truth, ours and those that take attempts for independent."""
    lines = ["| Goodput | Rounds | Difference | Miettinen-Nurminen | Newcombe | One engine alone | Wilson |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        cells = [_percent(one) for one in (row.held, row.score_held, row.newcombe_held, row.own_held, row.wilson_held)]
        lines.append(f"| {row.world} | {row.rounds} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def other_table(held: Mapping[tuple[str, int], float]) -> str:
    """How often intervals of other comparisons held the truth."""
    rounds = sorted({number for _, number in held})
    lines = [f"| Compared | {' | '.join(f'{number} rounds' for number in rounds)} |", "|---" * (len(rounds) + 1) + "|"]
    for name in dict.fromkeys(name for name, _ in held):
        lines.append(f"| {name} | {' | '.join(_percent(held[name, number]) for number in rounds)} |")
    return "\n".join([*lines, ""])


def _percents(shares: Floats) -> str:
    return " · ".join(f"{one * 100:.1f}" for one in shares)


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"
