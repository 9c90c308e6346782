"""One target at one level, with everything that its engine's side tells of it: what a rule looks at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from bench.chat import Chat
from bench.engine_side.accounts import Account, Look, accounts
from bench.engine_side.gpus import GpuReading
from bench.engine_side.growth import summed
from bench.engine_side.notes import Notes, Told
from probes import backends
from probes.backends.knobs import Knobs
from probes.numbers.histogram import Histogram
from probes.numbers.number import Number
from probes.numbers.page import amount, histogram


@dataclass(frozen=True, kw_only=True)
class Case:
    """`chats` are all of the target at this level, `told` what its engine said of those that count."""

    target: str
    backend: str
    level: str
    chats: tuple[Chat, ...]
    accounts: tuple[Account, ...]
    told: tuple[Told, ...]
    gpus: tuple[GpuReading, ...]
    """Looks at the GPUs that it is on, failed ones too."""
    lightest: Case | None = None
    """The same target at its lightest level; None where this is it."""

    @property
    def title(self) -> str:
        """The engine as people write it."""
        return backends.get(self.backend).title

    @property
    def knobs(self) -> Knobs:
        return backends.get(self.backend).knobs

    @cached_property
    def ttfts(self) -> tuple[float, ...]:
        """The client's TTFT of each chat that counts and had a first token, in seconds, rising."""
        return tuple(sorted(chat.ttft_seconds for chat in self.chats if chat.counts and chat.ttft_seconds is not None))

    @cached_property
    def ttfts_as_counted(self) -> tuple[float, ...]:
        """The client's TTFT of each chat whose first token came after the warm-up, rising: those that the engine counted too.

        Some of them began in the warm-up, and where requests queue these are the ones that waited longest.
        """
        warm = {account.block.number: account.block.warm_up_seconds for account in self.accounts}
        found = ((chat.place, chat.ttft_seconds) for chat in self.chats if chat.ttft_seconds is not None and chat.place.block in warm)
        return tuple(sorted(seconds for place, seconds in found if place.since_seconds + seconds >= warm[place.block]))

    @cached_property
    def told_in_memory(self) -> tuple[Told, ...]:
        """What the engine said of chats that had a first token, and whose model was in memory: of those whose times are a user's."""
        return tuple(one for one in self.told if one.ttft_seconds is not None and not one.loaded)

    @cached_property
    def tpots(self) -> tuple[float, ...]:
        """The client's TPOT of each chat that counts and has one, in seconds, rising."""
        return tuple(sorted(chat.tpot_seconds for chat in self.chats if chat.counts and chat.tpot_seconds is not None))

    @property
    def looks(self) -> tuple[Look, ...]:
        return tuple(look for account in self.accounts for look in account.looks)

    def counted(self, number: Number) -> float | None:
        """By how much a counter grew while it was measured, over all blocks of the level; None where it is not known of any."""
        known = [account.measured for account in self.accounts if number in account.measured]
        return amount(summed(known), number)

    def observed(self, number: Number) -> Histogram | None:
        """What a histogram observed while it was measured, over all blocks of the level; None where it observed nothing."""
        known = [account.measured for account in self.accounts if number in account.measured]
        found = histogram(summed(known), number)
        return found if found is not None and found.count > 0 else None


def cases(notes: Notes) -> Iterator[Case]:
    """Each target at each level, targets in their order, levels rising."""
    levels = {block.number: block.level for block in notes.blocks}
    chats, told = defaultdict[tuple[str, str | None], list[Chat]](list), defaultdict[tuple[str, str | None], list[Told]](list)
    for chat in notes.chats:
        chats[chat.target, chat.place.level].append(chat)
    for one in notes.told:
        if not one.warm_up:
            told[one.target, levels.get(one.block)].append(one)
    known = accounts(notes.readings, notes.blocks, notes.engines)
    for target, backend in notes.engines.items():
        lightest = None
        for level in notes.levels:
            case = Case(
                target=target,
                backend=backend,
                level=level,
                chats=tuple(chats[target, level]),
                accounts=tuple(account for account in known if account.target == target and account.block.level == level),
                told=tuple(told[target, level]),
                gpus=tuple(gpu for gpu in notes.gpus if gpu.target == target and levels.get(gpu.block) == level),
                lightest=lightest,
            )
            lightest = lightest or case
            yield case
