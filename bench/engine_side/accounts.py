"""An engine's own account of each block with a target, made of the looks at its metrics."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bench.engine_side.growth import grown, restarted, summed
from bench.engine_side.reading import Reading
from bench.level import Block
from probes import backends
from probes.numbers.number import Number
from probes.numbers.page import Numbers, amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Gauges of one process while its block was under full load; None for what it does not tell."""

    at: float
    replica: str | None
    running: float | None
    waiting: float | None
    kv_cache_usage_ratio: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a target's engine told of one block.

    `measured` is what its counters and histograms grew by after the warm-up, `whole` from the block's very beginning. A
    number is there only if every replica told it at both ends, with no restart in between. `looks` were between the end
    of the warm-up and the moment from which no chat began any more. `edge` is what was told at the end. `restarts` are
    those since the last look of the block before.
    """

    target: str
    block: Block
    measured: Numbers
    whole: Numbers
    looks: tuple[Look, ...]
    edge: Numbers
    restarts: int
    readings: int
    problems: tuple[str, ...]


def accounts(readings: Sequence[Reading], blocks: Sequence[Block], engines: Mapping[str, str]) -> tuple[Account, ...]:
    """The account of each block with each of its targets, in the order of blocks. One without any reading has none."""
    known = {block.number: block for block in blocks}
    sorted_out: defaultdict[tuple[int, str], defaultdict[str | None, list[Reading]]] = defaultdict(lambda: defaultdict(list))
    for reading in readings:
        if reading.block in known:
            sorted_out[reading.block, reading.target][reading.replica].append(reading)
    last: dict[tuple[str, str | None], Reading] = {}
    told: list[Account] = []
    for (number, target), found in sorted(sorted_out.items()):
        if target in engines:
            good = {replica: [reading for reading in looks if reading.problem is None] for replica, looks in found.items()}
            before = sum(_began_anew([last[target, replica], *looks[:1]]) for replica, looks in good.items() if (target, replica) in last)
            told.append(_account(target, known[number], list(found.values()), before, begin_late=_begins_late(engines[target])))
            last |= {(target, replica): looks[-1] for replica, looks in good.items() if looks}
    return tuple(told)


def _begins_late(backend: str) -> bool:
    metrics = backends.get(backend).metrics
    return metrics is not None and metrics.begin_late


def _account(target: str, block: Block, replicas: list[list[Reading]], restarts_before: int, *, begin_late: bool) -> Account:
    measured, whole, edges = [], [], []
    looks: list[Look] = []
    restarts = 0
    for readings in replicas:
        begin, warm, end = (_marked(readings, mark) for mark in ("begin", "measured", "end"))
        warm = warm or (begin if block.warm_up_seconds <= 0 else None)
        measured.append(grown(warm, end, begin_late=begin_late) if warm and end else {})
        whole.append(grown(begin, end, begin_late=begin_late) if begin and end else {})
        edges.append(end.numbers if end else {})
        looks += _looks(readings, block)
        restarts += _began_anew(readings)
    every = [reading for readings in replicas for reading in readings]
    return Account(
        target=target,
        block=block,
        measured={} if restarts else summed(measured),
        whole={} if restarts else summed(whole),
        looks=tuple(sorted(looks, key=lambda look: look.at)),
        edge=summed(edges),
        restarts=restarts + restarts_before,
        readings=len(every),
        problems=tuple(reading.problem for reading in every if reading.problem is not None),
    )


def _began_anew(readings: Sequence[Reading]) -> int:
    """How often one process began anew between these looks."""
    return sum(restarted(before, after) for before, after in pairwise(reading for reading in readings if reading.problem is None))


def _marked(readings: Sequence[Reading], mark: str) -> Reading | None:
    return next((reading for reading in readings if reading.mark == mark and reading.problem is None), None)


def _looks(readings: Sequence[Reading], block: Block) -> Iterator[Look]:
    began_at = next((reading.at for reading in readings if reading.mark == "begin"), None)
    if began_at is None:
        return
    for reading in readings:
        since = reading.at - began_at
        if reading.problem is None and reading.mark in ("measured", "during") and block.warm_up_seconds <= since <= block.seconds:
            yield Look(
                at=reading.at,
                replica=reading.replica,
                running=amount(reading.numbers, Number.REQUESTS_RUNNING),
                waiting=amount(reading.numbers, Number.REQUESTS_WAITING),
                kv_cache_usage_ratio=amount(reading.numbers, Number.KV_CACHE_USAGE),
            )
