"""Which target of one side is compared with which of the other, and at which levels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from bench.comparing.run import ComparedRun, Side
from probes.wording import listed


class PairingError(ValueError):
    """The sides have nothing to compare, or it is not clear what. The message says what to give."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One target on each side, at one level on each: by the names that they have there."""

    targets: tuple[str, str]
    levels: tuple[str, str]

    @property
    def target(self) -> str:
        return _one(*self.targets)

    @property
    def level(self) -> str:
        return _one(*self.levels)


@dataclass(frozen=True, slots=True)
class Pairing:
    """What is compared, and what is on one side only."""

    pairs: tuple[Pair, ...]
    missing: tuple[str, ...]


def refuse_twice(runs: Iterable[ComparedRun]) -> None:
    """Raises `PairingError` where a run is given twice, be it on both sides: it is as sure as one, however often it stands there."""
    seen = set()
    for run in runs:
        if (run.source, run.name, *run.targets) in seen:
            raise PairingError(f"{run.source} is given twice; give each run once")
        seen.add((run.source, run.name, *run.targets))


def pairing(baseline: Side, candidate: Side) -> Pairing:
    """Targets and levels that have the same name; one alone on either side is compared whatever its name.

    Raises `PairingError` where no target is on both sides.
    """
    missing: list[str] = []
    pairs = [
        Pair(targets, levels)
        for targets in _matched(_targets(baseline), _targets(candidate), "target", missing)
        for levels in _matched(_levels(baseline, targets[0]), _levels(candidate, targets[1]), f"level of {targets[0]}", missing)
    ]
    if not pairs:
        raise PairingError("; ".join(missing) or "the sides have nothing in common")
    return Pairing(tuple(pairs), tuple(missing))


def _targets(side: Side) -> list[str]:
    return _common(side, lambda run: list(run.targets))


def _levels(side: Side, target: str) -> list[str]:
    return _common(side, lambda run: list(run.targets[target].levels))


def _common(side: Side, names_of: Callable[[ComparedRun], list[str]]) -> list[str]:
    """The names that every run of the side has."""
    first, *others = (names_of(run) for run in side.runs)
    return [name for name in first if all(name in names for names in others)]


def _matched(before: list[str], after: list[str], what: str, missing: list[str]) -> Iterator[tuple[str, str]]:
    if len(before) == len(after) == 1:
        yield before[0], after[0]
        return
    common = [name for name in before if name in after]
    if not common:
        missing.append(
            f"no {what} is on both sides: the baseline has {listed(before) or 'none'}, the candidate {listed(after) or 'none'}"
            + ("; choose one on each, like RUN:NAME" if what == "target" else "")
        )
    for side, names in (("baseline", before), ("candidate", after)):
        if common and (rest := [name for name in names if name not in common]):
            missing.append(f"only the {side} has the {what} {listed(rest)}")
    yield from ((name, name) for name in common)


def _one(before: str, after: str) -> str:
    return before if before == after else f"{before or '?'} → {after or '?'}"
