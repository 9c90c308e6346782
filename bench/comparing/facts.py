"""What makes two sides unlike, and whether that is what was to be compared."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from bench.comparing.run import ComparedRun, Side
from probes.wording import listed, shortened

_LONGEST = 120
NOT_TOLD = "not told"

FACTS: Mapping[str, str] = {
    "model": "the model that was asked for",
    "engine": "which engine it is",
    "engine.version": "its version",
    "engine.flags": "how it was started, as far as it tells",
    "hardware": "what it runs on: the GPUs that were watched (`bench.gpus`, AIPerf's telemetry), or what was said of it (`--fact`)",
    "prompts": "which prompts were sent, and how long answers may be",
    "load": "how many chats came, and when",
    "seed": "the seed that prompts and arrivals are drawn by",
    "prober": "the machine that measured",
    "tool": "the program that measured",
    "tool.version": "its version; another patch level is none",
}
"""The closed list of what `--expect-change` takes."""


MAY_HIDE_A_DIFFERENCE = frozenset({"model", "engine.version", "hardware"})
"""Each of these can make more of a difference than what is looked for. Where one side tells it and the other does not,
nobody can see that they are alike, and a verdict might be on nothing else."""
_SETTINGS = "engine.flags"


class FactError(ValueError):
    """A name that is no fact."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A fact that differs: what it is on either side. `expected` says that it was to be compared.

    `within` is a side whose own runs differ in it: then it is no difference between the sides.
    """

    fact: str
    baseline: str
    candidate: str
    expected: bool
    within: str | None = None

    @property
    def words(self) -> str:
        if self.within is not None:
            return f"{self.fact} is not the same in all runs of the {self.within}: {self.baseline if self.within == 'baseline' else self.candidate}"
        if NOT_TOLD in (self.baseline, self.candidate):
            told, silent = (self.candidate, "baseline") if self.baseline == NOT_TOLD else (self.baseline, "candidate")
            return f"{self.fact} may not be the same: the {silent} does not tell it, and on the other side it is {told}"
        return f"{self.fact} is not the same: {self.baseline}; and {self.candidate}"

    @property
    def makes_unlike(self) -> bool:
        """Whether it leaves no verdict."""
        return self.within is not None or not self.expected


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike the sides are. `unknown` are facts that neither side tells, or that matter less and one does not tell.

    `unchanged` is what was to differ and does not.
    """

    differences: tuple[Difference, ...]
    unknown: tuple[str, ...]
    unchanged: tuple[str, ...]

    @property
    def unlike(self) -> tuple[Difference, ...]:
        return tuple(difference for difference in self.differences if difference.makes_unlike)


def check_names(names: Iterable[str]) -> frozenset[str]:
    """The names of facts, checked. Raises `FactError`."""
    found = tuple(names)
    for name in found:
        if name not in FACTS:
            raise FactError(f"there is no fact {name!r}; write one of {listed(list(FACTS), 'or')}")
    return frozenset(found)


def likeness(baseline: Side, candidate: Side, targets: tuple[str, str], levels: tuple[str, str], expected: Collection[str]) -> Likeness:
    """Of one target on each side, at one level on each. `expected` are the names of facts that were to differ."""
    differences: list[Difference] = []
    unknown: list[str] = []
    unchanged: list[str] = []
    for fact in FACTS:
        before = _values(baseline, targets[0], levels[0], fact)
        after = _values(candidate, targets[1], levels[1], fact)
        told = _told(before, after)
        if fact == "tool.version" and any(difference.fact == "tool" for difference in differences):
            continue  # the versions of two tools say nothing
        if not before or not after:
            if (before or after) and fact in MAY_HIDE_A_DIFFERENCE:
                differences.append(Difference(fact, *told, fact in expected))
            else:
                unknown.append(fact)
        elif fact == "seed" and (len(before) > 1 or len(after) > 1):
            continue  # runs with seeds of their own vary by them as they should
        elif mixed := next((name for name, found in (("baseline", before), ("candidate", after)) if _unlike(fact, found, found)), None):
            differences.append(Difference(fact, *told, fact in expected, mixed))
        elif _unlike(fact, before, after):
            differences.append(Difference(fact, *told, fact in expected))
        elif fact in expected:
            unchanged.append(fact)
    return Likeness(tuple(differences), tuple(unknown), tuple(unchanged))


def _values(side: Side, target: str, level: str, fact: str) -> set[str]:
    """What the side's runs tell of it; nothing where one of them does not."""
    found = {_value(run, target, level, fact) for run in side.runs}
    return set() if None in found else {value for value in found if value is not None}


def _value(run: ComparedRun, target: str, level: str, fact: str) -> str | None:
    if fact == "tool":
        return run.tool
    if fact == "load":
        taken = run.targets[target].levels.get(level)
        return taken.load if taken else None
    return run.targets[target].facts.get(fact, run.facts.get(fact))


def _kinds(fact: str, values: set[str]) -> set[str]:
    """The values that make a difference: of the tool's versions 0.8.0 and 0.8.1 measure alike."""
    return {".".join(value.split(".")[:2]) for value in values} if fact == "tool.version" else values


def _unlike(fact: str, before: set[str], after: set[str]) -> bool:
    """Whether the values make a difference. Of settings only those count that both tell: another version tells others."""
    if fact == _SETTINGS:
        return any(_settings_apart(first, second) for first in before for second in after)
    return len(_kinds(fact, before | after)) > 1


def _settings_apart(first: str, second: str) -> bool:
    one, other = _object(first), _object(second)
    if one is None or other is None:
        return first != second
    return any(one[key] != other[key] for key in one.keys() & other.keys())


def as_fact(settings: Mapping[str, str]) -> str:
    """Settings as the value of a fact; empty where there are none."""
    return json.dumps(dict(sorted(settings.items())), ensure_ascii=False) if settings else ""


def _told(before: set[str], after: set[str]) -> tuple[str, str]:
    """Either side's values for people: of one JSON object on each, only what differs in them."""
    if len(before) == len(after) == 1:
        (first,), (second,) = before, after
        parts = _apart(first, second)
        if parts is not None:
            return parts
    return _listed(before), _listed(after)


def _listed(values: set[str]) -> str:
    return NOT_TOLD if not values else listed([shortened(value, _LONGEST) for value in sorted(values)])


def _apart(first: str, second: str) -> tuple[str, str] | None:
    """What differs in two JSON objects; None of other values."""
    one, other = _object(first), _object(second)
    if one is None or other is None:
        return None
    keys = sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))
    told = (", ".join(f"{key} {json.dumps(found.get(key))}" for key in keys) for found in (one, other))
    return shortened(next(told), _LONGEST), shortened(next(told), _LONGEST)


def _object(text: str) -> dict[str, object] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
