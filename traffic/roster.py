"""Who is chatted with now: the targets of the configuration and those that were discovered, and which scenario is for which of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from config.model import Config, Scenario, Target
from config.references import MOST_PAIRED

STATIC = "static"
"""The source of targets that stand in the configuration."""


@dataclass(frozen=True, slots=True)
class Member:
    """A target, and where it was found: `static`, `files`."""

    target: Target
    source: str = STATIC


@dataclass(frozen=True, slots=True)
class Roster:
    """A configuration with all targets that it is about, by name."""

    config: Config
    members: Mapping[str, Member]

    def of(self, scenario: Scenario) -> tuple[str, ...]:
        """The names of the targets that a scenario chats with, in order: all that it is for, or the first of them where it compares them."""
        covered = self._covered(scenario)
        return covered[:MOST_PAIRED] if scenario.pair else covered

    def left_out(self, scenario: Scenario) -> tuple[str, ...]:
        """The names of the targets that a scenario is for, and which are too many to be compared with every other."""
        return self._covered(scenario)[MOST_PAIRED:] if scenario.pair else ()

    def _covered(self, scenario: Scenario) -> tuple[str, ...]:
        return tuple(name for name in self.members if scenario.covers(name))


def roster(config: Config, discovered: Mapping[str, Member] | None = None) -> Roster:
    """The configuration's own targets, and behind them those discovered ones whose name is still free."""
    members = {name: Member(target) for name, target in config.targets.items()}
    for name, member in (discovered or {}).items():
        members.setdefault(name, member)
    return Roster(config, members)
