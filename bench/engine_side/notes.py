"""What a run keeps of its engines' side, so that findings can be made of it at the end, or from the disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.chat import Chat, Place
from bench.engine_side.gpus import GpuReading
from bench.engine_side.reading import Reading
from bench.events import BlockBegun, ChatEnded, Event, LevelBegun
from bench.level import Block, Level
from config.load import ClosedLoop, Every, Load, OpenLoop, Trace
from probes.record import ChatRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What an engine itself said of one chat; None for what it did not say. Times are seconds."""

    target: str
    block: int
    warm_up: bool
    cold: bool
    """The chat was to find nothing in the engine's prefix cache."""
    loaded: bool = False
    """It waited for its model to be loaded: its times are no user's."""
    ttft_seconds: float | None = None
    load_seconds: float | None = None
    queue_seconds: float | None = None
    prefill_seconds: float | None = None
    input_tokens: int | None = None
    cached_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """Everything that findings are made of. `levels` are in the order of rising load, `engines` the backends by target."""

    engines: Mapping[str, str]
    levels: tuple[str, ...]
    blocks: tuple[Block, ...]
    chats: Sequence[Chat]
    readings: Sequence[Reading] = ()
    told: Sequence[Told] = ()
    gpus: Sequence[GpuReading] = ()


@dataclass(slots=True)
class Notebook:
    """A listener of a run that also takes what is read of its engines, and keeps what findings need.

    Of looks in the middle of a block it keeps no histograms: a run of an hour with four targets takes some ten megabytes.
    """

    engines: Mapping[str, str]
    _levels: list[Level] = field(default_factory=list)
    _blocks: list[Block] = field(default_factory=list)
    _chats: list[Chat] = field(default_factory=list)
    _readings: list[Reading] = field(default_factory=list)
    _told: list[Told] = field(default_factory=list)
    _gpus: list[GpuReading] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        match event:
            case LevelBegun(level=level):
                self._levels.append(level)
            case BlockBegun(block=block):
                self._blocks.append(block)
            case ChatEnded(chat=chat, record=record):
                self._chats.append(chat)
                if record is not None:
                    self._told.append(told_of(record, chat))

    def read(self, reading: Reading) -> None:
        self._readings.append(reading.without_histograms() if reading.mark == "during" else reading)

    def read_gpus(self, reading: GpuReading) -> None:
        self._gpus.append(reading)

    def notes(self) -> Notes:
        return Notes(
            engines=self.engines,
            levels=rising(self._levels),
            blocks=tuple(self._blocks),
            chats=self._chats,
            readings=self._readings,
            told=self._told,
            gpus=self._gpus,
        )


def told_of(record: ChatRecord, chat: Chat) -> Told:
    native = record.native
    return Told(
        target=record.target,
        block=chat.place.block,
        warm_up=chat.place.warm_up,
        cold=record.cache == "cold",
        loaded=chat.loaded,
        ttft_seconds=record.ttft_seconds,
        load_seconds=native.load_seconds,
        queue_seconds=native.queue_seconds,
        prefill_seconds=native.prefill_seconds,
        input_tokens=record.input_tokens,
        cached_tokens=native.cached_tokens,
    )


def told_of_line(line: Mapping[str, Any]) -> Told:
    """The same of a line of `records.ndjson`. Raises `KeyError` and `TypeError` for one that is none."""
    native, place = line["native"], Place.from_json(line["bench"])
    return Told(
        target=line["target"],
        block=place.block,
        warm_up=place.warm_up,
        cold=line["cache"] == "cold",
        loaded=line["load"] is not None,
        ttft_seconds=line["ttft_seconds"],
        load_seconds=native["load_seconds"],
        queue_seconds=native["queue_seconds"],
        prefill_seconds=native["prefill_seconds"],
        input_tokens=line["input_tokens"],
        cached_tokens=native["cached_tokens"],
    )


def rising(levels: Iterable[Level]) -> tuple[str, ...]:
    """The names of the levels, each once, the lightest first.

    Where their loads cannot be compared (users with rates, a trace) they stay in the order in which they were measured.
    """
    known = {level.name: level for level in levels}
    amounts = {name: [_amount(load) for load in level.loads.values()] for name, level in known.items()}
    kinds = {kind for each in amounts.values() for kind, _ in each}
    if len(kinds) != 1 or None in kinds:
        return tuple(known)
    return tuple(sorted(known, key=lambda name: max((amount for _, amount in amounts[name]), default=0.0)))


def _amount(load: Load | Trace) -> tuple[str | None, float]:
    match load:
        case ClosedLoop(stages=stages):
            return "users", float(max(stage.users for stage in stages))
        case OpenLoop(stages=stages):
            return "rate", float(max(stage.per_second for stage in stages))
        case Every(seconds=seconds):
            return "rate", 1 / seconds
    return None, 0.0
