"""A run over its time: when its blocks were, how long first tokens took meanwhile, and when chats failed or were cut off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from bench.chat import Chat
from bench.measures import TTFT, Floats
from bench.report.seen import Seen

_BINS_AT_MOST = 240
"""Of one target, over the whole run: a longer one has wider bins."""
_BIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Span:
    """A block in the time of the run, in seconds since it began: its warm-up, and the end of what was not steady yet."""

    level: str
    begin: float
    warm: float
    steady: float
    end: float


@dataclass(frozen=True, slots=True)
class Bins:
    """Waits in seconds for the chats that began in equal parts of the run: their middle, and the longest. Nan separates blocks."""

    at: Floats
    middle: Floats
    longest: Floats


@dataclass(frozen=True, slots=True)
class Fates:
    """How many chats failed or were not sent, and how many were cut off, in equal parts of the run with these middles."""

    at: Floats
    width_seconds: float
    failed: Floats
    cut: Floats

    def any(self) -> bool:
        """Whether there is any."""
        return bool(self.failed.any() or self.cut.any())


def spans_of(seen: Seen) -> dict[int, Span]:
    """The blocks, by number."""
    began = seen.run.manifest.begun_at
    blocks = {block.number: block for one in seen.measured for block in one.blocks}
    found = {}
    for entry in seen.run.manifest.blocks:
        block = blocks.get(entry.block.number)
        if block is None or block.level not in seen.levels:
            continue
        begin = (entry.begun_at - began).total_seconds()
        steady = max(block.warm_up_seconds, seen.levels[block.level].steady.from_seconds)
        found[block.number] = Span(
            block.level, begin, begin + min(block.warm_up_seconds, block.seconds), begin + min(steady, block.seconds), begin + block.seconds
        )
    return found


def binned(seen: Seen, target: str, spans: Mapping[int, Span]) -> Bins:
    """Of all chats that had a first token, those that count for nothing too: the picture shows where they lie."""
    chats = [(chat, wait) for chat in _chats(seen, target) if chat.place.block in spans and (wait := TTFT.of(chat)) is not None]
    edges = _edges(spans)
    blocks = np.array([chat.place.block for chat, _ in chats], dtype=np.int64)
    began = np.array([spans[chat.place.block].begin + chat.place.since_seconds for chat, _ in chats])
    waits = np.array([wait for _, wait in chats])
    places = np.searchsorted(edges, began, side="right")
    at, middle, longest = [], [], []
    for block in sorted(spans, key=lambda number: spans[number].begin):
        within = blocks == block
        for place in np.unique(places[within]):
            found = waits[within & (places == place)]
            at.append(float(np.mean(began[within & (places == place)])))
            middle.append(float(np.median(found)))
            longest.append(float(found.max()))
        if within.any():
            at, middle, longest = [*at, at[-1]], [*middle, np.nan], [*longest, np.nan]
    return Bins(*(np.array(each, dtype=np.float64) for each in (at, middle, longest)))


def fates_of(seen: Seen, target: str, spans: Mapping[int, Span]) -> Fates:
    """By the instants at which the chats ended."""
    edges = _edges(spans)
    ends: dict[str, list[float]] = {"failed": [], "cut": []}
    for chat in _chats(seen, target):
        if chat.place.block in spans and chat.outcome != "ok":
            ends["cut" if chat.outcome == "cut" else "failed"].append(spans[chat.place.block].begin + chat.ended_seconds)
    failed, cut = (np.histogram(np.clip(ends[fate], edges[0], edges[-1]), edges)[0].astype(np.float64) for fate in ("failed", "cut"))
    return Fates((edges[:-1] + edges[1:]) / 2, float(edges[1] - edges[0]), failed, cut)


def _edges(spans: Mapping[int, Span]) -> Floats:
    end = max((span.end for span in spans.values()), default=1.0)
    return np.linspace(0.0, end, max(2, min(_BINS_AT_MOST, int(end / _BIN_SECONDS)) + 1))


def _chats(seen: Seen, target: str) -> Iterator[Chat]:
    return (chat for one in seen.measured for chat in one.chats if chat.target == target)
