"""Which targets are this process's, where several share the work: its shard of them, and none while another replica leads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from config.model import Config
from traffic.roster import Member, Roster
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


@dataclass(frozen=True, slots=True)
class Part:
    """`leads` is False while another replica of the same shard chats, or while it is not known who does."""

    shard: Shard = WHOLE
    leads: bool = True

    def of(self, roster: Roster) -> Roster:
        """The roster with this process's targets alone. Those that a scenario compares with one another stay together."""
        if not self.leads:
            return Roster(roster.config, {})
        if self.shard.of == 1:
            return roster
        keys = dict(_keys(roster.config, roster.members))
        return Roster(roster.config, {name: member for name, member in roster.members.items() if self.shard.keeps(keys[name])})


def _keys(config: Config, members: Mapping[str, Member]) -> Iterator[tuple[str, str]]:
    """What decides on each target's shard: its own name, or the first of the paired scenarios that hold it together with others."""
    groups: list[tuple[str, set[str]]] = []
    for name, scenario in config.scenarios.items():
        compared = {target for target in members if scenario.covers(target)} if scenario.pair else set()
        if not compared:
            continue
        touching = [group for group in groups if group[1] & compared]
        groups = [group for group in groups if not group[1] & compared]
        first = touching[0][0] if touching else f"pair {name}"
        groups.append((first, compared.union(*(targets for _, targets in touching))))
    of_group = {target: key for key, targets in groups for target in targets}
    for target in members:
        yield target, of_group.get(target, target)
