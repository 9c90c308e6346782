"""How the engines stand after the rounds so far: medians, and who was first how often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from probes.record import ChatRecord
from traffic.events import Pair, Side
from traffic.pairs import Comparison, Measure, compared
from traffic.success import side_succeeded

SHOWN = (Measure.TTFT, Measure.TPOT)
"""What rounds are won by. E2E follows from both."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One engine over all rounds. Medians are of its answers that succeeded; None where it has none."""

    name: str
    ttft_seconds: float | None
    tpot_seconds: float | None
    tokens_per_second: float | None
    won: Mapping[Measure, int]
    """How many rounds it won against every other engine: by more than both timings may be off."""
    decided: Mapping[Measure, int]
    """How many rounds somebody won."""
    failed: int
    """Rounds without a good answer, of those that count (`traffic.success`)."""


class Score:
    """Takes the rounds, pair by pair. `answer_tokens` is the length that E2E is stated for."""

    def __init__(self, names: Iterable[str], answer_tokens: int) -> None:
        self._names = tuple(names)
        self._answer_tokens = answer_tokens
        self._pairs: list[Pair] = []
        self._won: dict[Measure, Counter[str]] = {measure: Counter() for measure in SHOWN}

    def take(self, pair: Pair) -> None:
        """One round more."""
        self._pairs.append(pair)
        comparisons = list(compared(pair, self._answer_tokens))
        for measure in SHOWN:
            winner = _winner(comparisons, measure)
            if winner is not None:
                self._won[measure][winner] += 1

    @property
    def rounds(self) -> int:
        """How many there were."""
        return len(self._pairs)

    @property
    def troubled(self) -> bool:
        """Whether any engine gave no good answer to any of them."""
        return any(side.record is None or side.record.outcome != "ok" for pair in self._pairs for side in pair.sides)

    def winner(self, measure: Measure) -> str | None:
        """Who won the last round; None where nobody did, or there was none to win against."""
        return _winner(list(compared(self._pairs[-1], self._answer_tokens)), measure) if self._pairs else None

    def standings(self) -> list[Standing]:
        """Of all engines, in their own order."""
        return [self._standing(name) for name in self._names]

    def paired(self, measure: Measure, a: str, b: str) -> list[tuple[float, float]]:
        """The values of two engines in the rounds in which both have one and can be compared, in seconds."""
        return [values for pair in self._pairs if (values := _both(pair, measure, a, b, self._answer_tokens)) is not None]

    def _standing(self, name: str) -> Standing:
        sides = [side for pair in self._pairs for side in pair.sides if side.target == name]
        good = [side.record for side in sides if side.record is not None and side.record.outcome == "ok"]
        decided = {measure: self._won[measure].total() for measure in SHOWN}
        return Standing(
            name=name,
            ttft_seconds=_median(record.ttft_seconds for record in good),
            tpot_seconds=_median(record.tpot_seconds for record in good),
            tokens_per_second=_median(record.output_tokens_per_second for record in good),
            won={measure: self._won[measure][name] for measure in SHOWN},
            decided=decided,
            failed=sum(side_succeeded(side) is False for side in sides),
        )


def value_of(record: ChatRecord, measure: Measure) -> float | None:
    """The record's own, in seconds."""
    return record.ttft_seconds if measure is Measure.TTFT else record.tpot_seconds


def _winner(comparisons: Sequence[Comparison], measure: Measure) -> str | None:
    """Who won against each of its peers; None where nobody did."""
    won: dict[str, list[bool]] = {}
    for one in comparisons:
        won.setdefault(one.target, []).append(measure in one.won)
    return next((name for name, all_won in won.items() if all(all_won)), None)


def _both(pair: Pair, measure: Measure, a: str, b: str, answer_tokens: int) -> tuple[float, float] | None:
    sides = {side.target: side for side in pair.sides}
    found = list(_values((sides[a], sides[b]), measure))
    comparable = all(one.undecided is None for one in compared(Pair(pair.scenario, pair.pair_id, (sides[a], sides[b])), answer_tokens))
    return (found[0], found[1]) if len(found) == 2 and comparable else None


def _values(sides: Iterable[Side], measure: Measure) -> Iterator[float]:
    for side in sides:
        if side.record is not None and side.record.outcome == "ok" and (value := value_of(side.record, measure)) is not None:
            yield value


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
