"""A scenario with whom it chats: the unit that has a schedule of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from config.model import Scenario
from probes.ask import Ask
from probes.checks import Checks
from traffic.conversation import Turn
from traffic.roster import Roster
from traffic.served import Served


@dataclass(frozen=True, slots=True)
class Watch:
    """One scenario with one target, or with all of its targets at once where it is paired.

    Two watches are equal if nothing that matters to their chats differs: which targets a scenario names beside this one does not.
    """

    name: str
    scenario: Scenario
    engines: tuple[Served, ...]
    checks: Checks | None = field(compare=False)

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(engine.name for engine in self.engines)

    @property
    def key(self) -> tuple[str, ...]:
        """What tells it from all others that are followed at the same time."""
        return (self.name, *self.targets)

    @property
    def label(self) -> str:
        """What stands for its targets where one name is wanted."""
        return ",".join(self.targets)

    def ask(self, engine: Served, model: str, turn: Turn) -> Ask:
        """The question to one of its engines."""
        scenario = self.scenario
        return Ask(
            model=model,
            messages=turn.messages(engine.name),
            max_tokens=scenario.max_tokens,
            prompt_id=turn.prompt_id,
            cache=scenario.cache,
            nonce=turn.nonce,
            thinking=scenario.thinking,
            exact_length=scenario.exact_length,
            seed=scenario.seed,
            check=self.checks,
        )


def watches(roster: Roster, engines: Mapping[str, Served]) -> Iterator[Watch]:
    """Every scenario with each of its targets; a paired one with all of them together."""
    for name, scenario in roster.config.scenarios.items():
        chosen = [engines[target] for target in roster.of(scenario)]
        groups = [tuple(chosen)] if scenario.pair and chosen else [(engine,) for engine in chosen]
        checks = Checks({check: expectation.check for check, expectation in scenario.expect.items()}) if scenario.expect else None
        settings = scenario.model_copy(update={"targets": None})
        for group in groups:
            yield Watch(name, settings, group, checks)
