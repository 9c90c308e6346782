"""Logs what there is to say of discovered targets."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from discovery.files import Discovered, few
from discovery.plan import Idle

_log = structlog.get_logger()


def log_discovery(found: Discovered, before: Discovered) -> None:
    """Log what is new of a source of targets, and what is mended."""
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


def log_idle(found: Idle, before: Idle) -> None:
    """Log what was not idle before."""
    lately = Idle(_without(found.patterns, before.patterns), _without(found.targets, before.targets))
    for line in lately.lines():
        _log.warning("discovery of targets", advice=line)


def _without(lines: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    known = frozenset(others)
    return tuple(line for line in lines if line not in known)
