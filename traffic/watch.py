"""A scenario with the targets of one of its chats. Each has a schedule of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from config.load import Load, Trace
from config.model import Scenario
from probes.ask import Ask
from probes.checks import Checks
from traffic.conversation import Turn
from traffic.roster import Roster
from traffic.served import Served


@dataclass(frozen=True, slots=True)
class Watch:
    """One scenario with one of its targets, or with all of them at once where it compares them.

    `other` is a load in place of the scenario's own, perhaps a recorded one. `chance` stands for the names of the targets
    wherever a schedule follows from these: watches of one scenario that share it have their chats at the same instants
    after their start.
    """

    name: str
    scenario: Scenario
    engines: tuple[Served, ...]
    checks: Checks | None
    other: Load | Trace | None = None
    chance: str | None = None

    @property
    def load(self) -> Load | Trace:
        """How much is asked of its engines, and when."""
        return self.scenario.load if self.other is None else self.other

    def max_tokens(self, turn: Turn) -> int:
        """How long the answer to a turn may be."""
        return self.scenario.max_tokens if turn.max_tokens is None else turn.max_tokens

    def is_like(self, other: Watch) -> bool:
        """Whether nothing that matters to the chats of the two differs.

        Which targets a scenario names beside the watch's own does not matter.
        """
        if (self.name, self.engines, self.other, self.chance) != (other.name, other.engines, other.other, other.chance):
            return False
        return self.scenario is other.scenario or _for_chats(self.scenario) == _for_chats(other.scenario)

    @property
    def targets(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(engine.name for engine in self.engines)

    @property
    def key(self) -> tuple[str, ...]:
        """Tells it from all other watches of one time."""
        return (self.name, *self.targets)

    @property
    def label(self) -> str:
        """What its schedule follows from: the names of its targets as one text, unless that is left to `chance`."""
        return ",".join(self.targets) if self.chance is None else self.chance

    def ask(self, engine: Served, model: str, turn: Turn, context_tokens: int | None = None) -> Ask:
        """The question to one of its engines. `context_tokens` is the context of the model in memory, where that matters."""
        scenario = self.scenario
        return Ask(
            model=model,
            messages=turn.messages(engine.name),
            max_tokens=self.max_tokens(turn),
            prompt_id=turn.prompt_id,
            cache=scenario.cache,
            nonce=turn.nonce,
            thinking=scenario.thinking,
            exact_length=scenario.exact_length,
            seed=scenario.seed,
            check=self.checks,
            adapter=engine.endpoint.adapter,
            trace_context=scenario.trace_context,
            context_tokens=context_tokens,
            fewest_tokens=turn.fewest_tokens,
        )


def watches(roster: Roster, engines: Mapping[str, Served]) -> Iterator[Watch]:
    """Every scenario with each of its targets. A scenario that compares its targets is one watch with all of them."""
    for name, scenario in roster.config.scenarios.items():
        chosen = [engines[target] for target in roster.of(scenario)]
        groups = [tuple(chosen)] if scenario.pair and chosen else [(engine,) for engine in chosen]
        for group in groups:
            yield Watch(name, scenario, group, scenario.checks)


def _for_chats(scenario: Scenario) -> Scenario:
    return scenario.model_copy(update={"targets": None})
