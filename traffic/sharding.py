"""Which targets are this process's, where several share the work: its shard of them, and none while another replica leads."""

from __future__ import annotations

from dataclasses import dataclass

from config.model import Config
from traffic.roster import Roster
from traffic.schedule import share


@dataclass(frozen=True, slots=True)
class Shard:
    """One of `of` processes, counted from 1."""

    number: int = 1
    of: int = 1

    def keeps(self, key: str) -> bool:
        """Whether the key is this shard's, by rendezvous hashing: each key belongs to exactly one shard, and moves to a new one or not at all.

        Every process comes to the same answer from the key alone.
        """
        return max(range(1, self.of + 1), key=lambda number: share("shard", number, key)) == self.number


WHOLE = Shard()
"""All targets are one process's."""


def read_shard(written: str) -> Shard:
    """`2/3`: the second of three. Raises ValueError."""
    number, slash, of = written.partition("/")
    if not slash or not number.isdecimal() or not of.isdecimal() or not 1 <= int(number) <= int(of) <= 1000:
        raise ValueError("is not a shard; write one like 2/3, the second of three")
    return Shard(int(number), int(of))


_COMPARED = "pair"


@dataclass(frozen=True, slots=True)
class Part:
    """`leads` is False while another replica of the same shard chats, or while it is not known who does."""

    shard: Shard = WHOLE
    leads: bool = True

    def of(self, roster: Roster) -> Roster:
        """The roster with this process's targets alone. All those that scenarios compare are one shard's."""
        if not self.leads:
            return Roster(roster.config, {})
        if self.shard.of == 1:
            return roster
        return Roster(roster.config, {name: member for name, member in roster.members.items() if self.shard.keeps(_key(roster.config, name))})


ALL = Part()
"""All targets are one process's, and nobody else chats with them."""


def _key(config: Config, target: str) -> str:
    """What decides on a target's shard: its own name; or the same for all that any scenario compares, whether or not the others are there.

    What each process sees of a cluster at a moment must not matter: two would chat with the same target, or none.
    """
    return _COMPARED if any(scenario.pair and scenario.covers(target) for scenario in config.scenarios.values()) else target
