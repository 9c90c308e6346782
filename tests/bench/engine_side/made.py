"""Notes of a run that never was: an engine that tells exactly these numbers of exactly these chats."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from bench.chat import Chat, ChatOutcome, Place
from bench.engine_side.finding import Finding
from bench.engine_side.findings import findings
from bench.engine_side.gpus import Gpu, GpuReading
from bench.engine_side.notes import Notes, Told
from bench.engine_side.reading import Mark, Reading
from bench.level import Block
from probes.numbers.histogram import Histogram
from probes.numbers.number import Number
from probes.numbers.page import Numbers

LEVEL = "10 users"
WARM, LONG = 5.0, 60.0


def block(number: int = 1, level: str = LEVEL) -> Block:
    return Block(number, level, 1, ("a",), WARM, LONG)


def chats(
    ttfts: Iterable[float | None], *, number: int = 1, level: str = LEVEL, outcome: ChatOutcome = "ok", warm_up: bool = False, since: float = 10.0
) -> list[Chat]:
    place = Place(level, 1, number, since, warm_up)
    return [Chat(target="a", place=place, outcome=outcome, ttft_seconds=ttft, input_tokens=100) for ttft in ttfts]


def observed(*values: float, bounds: tuple[float, ...] = (0.1, 0.3, 0.5, 1.0)) -> Histogram:
    every = (*bounds, math.inf)
    return Histogram(every, tuple(float(sum(value <= bound for value in values)) for bound in every), float(sum(values)))


def reading(mark: Mark, since: float, numbers: Numbers, *, number: int = 1, replica: str | None = None, started_at: float | None = 7.0) -> Reading:
    return Reading(at=1000.0 * number + since, target="a", replica=replica, block=number, mark=mark, numbers=numbers, started_at=started_at)


def zero(numbers: Numbers) -> Numbers:
    return {number: observed(bounds=value.bounds[:-1]) if isinstance(value, Histogram) else 0.0 for number, value in numbers.items()}


def readings(numbers: Numbers, *, looks: Sequence[Numbers] = (), number: int = 1, replica: str | None = None) -> list[Reading]:
    """A block in which counters and histograms grew from nothing to this after the warm-up, with these looks between."""
    between = [reading("during", WARM + 1 + place, look, number=number, replica=replica) for place, look in enumerate(looks)]
    begin = reading("begin", 0.0, zero(numbers), number=number, replica=replica)
    measured = reading("measured", WARM, zero(numbers), number=number, replica=replica)
    return [begin, measured, *between, reading("end", LONG + 1, numbers, number=number, replica=replica)]


def look(running: float, waiting: float, usage: float | None = None) -> Numbers:
    told: dict[Number, float] = {Number.REQUESTS_RUNNING: running, Number.REQUESTS_WAITING: waiting}
    return told if usage is None else {**told, Number.KV_CACHE_USAGE: usage}


def gpu_readings(gpu: Gpu, times: int = 10) -> list[GpuReading]:
    return [GpuReading(at=1000.0 + place, target="a", block=1, gpus=(gpu,)) for place in range(times)]


def told(ttft: float, *, number: int = 1, cold: bool = True, **parts: float | int) -> Told:
    return Told(target="a", block=number, warm_up=False, cold=cold, ttft_seconds=ttft, **parts)  # type: ignore[arg-type]


def notes(
    of: Sequence[Chat],
    read: Sequence[Reading] = (),
    *,
    backend: str = "vllm",
    blocks: Sequence[Block] = (),
    levels: tuple[str, ...] = (LEVEL,),
    told: Sequence[Told] = (),
    gpus: Sequence[GpuReading] = (),
) -> Notes:
    blocks = tuple(blocks) or (block(),)
    return Notes(engines={"a": backend}, levels=levels, blocks=blocks, chats=of, readings=read, told=told, gpus=gpus)


def found(of: Notes) -> Mapping[str, Finding]:
    """The findings by their rules."""
    return {finding.rule: finding for finding in findings(of)}
