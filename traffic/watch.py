"""Who is chatted with, and how: each scenario with each of its targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from config.model import Config, Scenario
from probes.ask import Ask, Endpoint
from probes.prompts import Prompter
from traffic.events import Sink
from traffic.schedule import Arrivals, Clock, FixedRate
from traffic.served import Control, Served


@dataclass(frozen=True, slots=True)
class Watch:
    """One target under one scenario. `served` is shared by all watches of the target."""

    endpoint: Endpoint
    name: str
    scenario: Scenario
    served: Served
    prompter: Prompter
    arrivals: Arrivals

    def ask(self, model: str) -> Ask:
        """The next chat's question."""
        prompt = self.prompter.next()
        return Ask(
            model=model,
            messages=prompt.messages,
            max_tokens=self.scenario.max_tokens,
            prompt_id=prompt.prompt_id,
            cache=self.scenario.cache,
            nonce=prompt.nonce,
            thinking=self.scenario.thinking,
            exact_length=self.scenario.exact_length,
            seed=self.scenario.seed,
        )


def watches(config: Config, endpoints: Mapping[str, Endpoint], control: Control, clock: Clock, sink: Sink) -> Iterator[Watch]:
    """Every scenario with each of its targets, their schedules starting now."""
    start_ns = clock.monotonic_ns()
    served = {name: Served(endpoint, control, clock, sink) for name, endpoint in endpoints.items()}
    for name, scenario in config.scenarios.items():
        for target in config.targets_of(scenario):
            yield Watch(
                endpoint=endpoints[target],
                name=name,
                scenario=scenario,
                served=served[target],
                prompter=Prompter(scenario.prompt, cache=scenario.cache, seed=scenario.seed),
                arrivals=FixedRate(start_ns, scenario.every_seconds, target, name),
            )
