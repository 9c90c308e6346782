"""Which targets are this process's, where several processes share the work.

It has its shard of them, and none while another replica leads.
"""

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
        """Whether the key is this shard's.

        It is decided by rendezvous hashing, so each key belongs to exactly one shard, and every process comes to the
        same answer from the key alone. Where there is one shard more, a key moves to that one or not at all.
        """
        return max(range(1, self.of + 1), key=lambda number: share("shard", number, key)) == self.number


WHOLE = Shard()
"""All targets are one process's."""


def read_shard(written: str) -> Shard:
    """`2/3`: the second of three. Raises `ValueError`."""
    number, slash, of = written.partition("/")
    if not slash or not number.isdecimal() or not of.isdecimal() or not 1 <= int(number) <= int(of) <= 1000:
        raise ValueError("is not a shard; write one like 2/3, the second of three")
    return Shard(int(number), int(of))


_COMPARED = "pair"


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of all targets is a process's now.

    `leads` is False while another replica of the same shard chats, or while it is not known which one does.
    """

    shard: Shard = WHOLE
    leads: bool = True

    def of(self, roster: Roster) -> Roster:
        """The roster with this process's targets alone. All targets that scenarios compare are one shard's."""
        if not self.leads:
            return Roster(roster.config, {})
        if self.shard.of == 1:
            return roster
        return Roster(roster.config, {name: member for name, member in roster.members.items() if self.shard.keeps(_key(roster.config, name))})


ALL = Part()
"""All targets are one process's, and nobody else chats with them."""


def _key(config: Config, target: str) -> str:
    """What decides on a target's shard: its own name, or one key for all targets that any scenario compares.

    It does not depend on which targets there are. Each process sees a cluster at its own moments, and else two would
    chat with one target, or none.
    """
    return _COMPARED if any(scenario.pair and scenario.covers(target) for scenario in config.scenarios.values()) else target
