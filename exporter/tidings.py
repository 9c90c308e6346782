"""Logs what there is to say of discovered targets."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from discovery.files import Discovered, few
from discovery.kubernetes.enrolling import KUBERNETES
from discovery.plan import Idle
from traffic.schedule import nanoseconds

_log = structlog.get_logger()


TELL_AGAIN_SECONDS = 300.0
"""While a cluster is in trouble, other problems than those that were told are told after so long."""


class Spell:
    """Logs trouble with a cluster when it begins, and when all is well.

    What each kind of object suffers differs from moment to moment while an API server comes and goes.
    """

    def __init__(self) -> None:
        self._told: Sequence[str] = ()
        self._told_ns = 0

    def log(self, problems: Sequence[str], now_ns: int) -> None:
        """Log these problems, if it is time for a line."""
        if self._told and not problems:
            _log.info("discovery of targets: all is well again", source=KUBERNETES)
        elif not problems or problems == self._told or (self._told and now_ns < self._told_ns + nanoseconds(TELL_AGAIN_SECONDS)):
            return
        else:
            _log.warning("discovery of targets", source=KUBERNETES, problem=" | ".join(problems))
        self._told, self._told_ns = problems, now_ns


def log_problems(found: Discovered, before: Discovered) -> None:
    """Log what is new of what is wrong with a source of targets, and what is mended."""
    for problem in _without(found.problems, before.problems):
        _log.warning("discovery of targets", problem=problem)
    for problem in _without(before.problems, found.problems):
        _log.info("discovery of targets: this is mended, or it is gone", problem=problem)


def log_targets(found: Discovered, before: Discovered) -> None:
    """Log which targets came, went and are passed over."""
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
