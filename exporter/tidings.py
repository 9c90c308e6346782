"""What there is to say of discovered targets: in logs, to whoever asked for a reload, and by `check`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import structlog

from config.model import Config, Discovery
from discovery.files import Discovered, few, paths

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Idle:
    """What discovery has, and nothing comes of: patterns that match no file now, and the names of targets that no scenario is for."""

    patterns: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()

    def since(self, before: Idle) -> Idle:
        """What was not so before."""
        return Idle(_without(self.patterns, before.patterns), _without(self.targets, before.targets))

    def lines(self) -> Iterator[str]:
        for pattern in self.patterns:
            yield f"discovery.files: {pattern} matches no file now; mend it, unless the file is to come later"
        if self.targets:
            yield f"discovered, and in no scenario: {few(self.targets)}; name them in targets of one, or leave its targets out"


def idle(config: Config, members: Iterable[str]) -> Idle:
    """Of the discovered members, by name. Looks for the files of each pattern; blocks."""
    alone = ((pattern, config.model_copy(update={"discovery": Discovery(files=(pattern,))})) for pattern in config.discovery.files)
    return Idle(
        patterns=tuple(pattern for pattern, one in alone if not any(paths(one))),
        targets=tuple(name for name in members if not any(scenario.covers(name) for scenario in config.scenarios.values())),
    )


def log_discovery(found: Discovered, before: Discovered) -> None:
    """What is new, and what is mended."""
    for problem in _without(found.problems, before.problems):
        _log.warning("discovery of targets", problem=problem)
    for problem in _without(before.problems, found.problems):
        _log.info("discovery of targets: this is mended, or it is gone", problem=problem)
    for target in _without(found.passed_over, before.passed_over):
        _log.warning("a discovered target is passed over", target=target)
    became = {
        "added": [name for name in found.members if name not in before.members],
        "removed": [name for name in before.members if name not in found.members],
        "changed": [name for name, member in found.members.items() if before.members.get(name, member) != member],
    }
    if any(became.values()):
        _log.info("targets discovered", **{how: few(names) for how, names in became.items() if names}, now=len(found.members))


def log_idle(lately: Idle) -> None:
    for line in lately.lines():
        _log.warning("discovery of targets", advice=line)


def _without(lines: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    known = frozenset(others)
    return tuple(line for line in lines if line not in known)
