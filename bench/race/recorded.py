"""Answers as they were recorded: what came when, ready to be shown at their own pace."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from probes.piece import Piece
from traffic.race.figures import Figures, of_line

SIMULATED = "simulated-"
"""How the name of a scenario begins whose engines were simulated, so that whoever has the records knows."""
BLOCK = "▪ "
"""Stands for a token whose text was not recorded."""
_BEFORE_SENT = ("resolve", "connect", "tls")


@dataclass(frozen=True, slots=True)
class Recorded:
    """One answer. Its times count from the request's first byte, in nanoseconds."""

    target: str
    backend: str
    model: str
    prompt_id: str
    request_id: str
    pair_id: str | None
    started_at: str
    has_text: bool
    simulated: bool
    pieces: tuple[Piece, ...]
    ended_ns: int
    figures: Figures

    def is_named(self, written: str) -> bool:
        """Whether this is how its request, or its pair, begins to be called."""
        return self.request_id.startswith(written) or (self.pair_id or "").startswith(written)


def recorded(line: Mapping[str, Any]) -> Recorded:
    """The answer of a record (docs/records.md). Raises `KeyError`, `TypeError` and `ValueError` for nonsense."""
    chunks = [(float(at), tokens) for at, tokens in line.get("chunks") or ()]
    text = line["text"]
    return Recorded(
        target=str(line["target"]),
        backend=str(line["backend"]),
        model=str(line["model"]),
        prompt_id=str(line["prompt_id"]),
        request_id=str(line["request_id"]),
        pair_id=None if line["pair_id"] is None else str(line["pair_id"]),
        started_at=str(line["started_at"]),
        has_text=isinstance(text, str),
        simulated=str(line["scenario"]).startswith(SIMULATED),
        pieces=tuple(_pieces(chunks, text, line["first_content_seconds"])),
        ended_ns=_ns(_ended_seconds(line)),
        figures=of_line(line),
    )


def side_by_side(answers: Iterable[Recorded]) -> Iterator[tuple[Recorded, ...]]:
    """Those of one pair together, in the order in which pairs were over; all others by themselves."""
    pairs: dict[str, list[Recorded]] = {}
    for answer in answers:
        pairs.setdefault(answer.pair_id or answer.request_id, []).append(answer)
    for pair in pairs.values():
        yield tuple(sorted(pair, key=lambda answer: answer.target))


def first_of(answers: Sequence[Recorded]) -> str | None:
    """Whose first token was first, by more than both timings may be off; None where that cannot be said."""
    times = sorted(
        (one.figures.ttft_seconds, one.figures.timing_error_seconds, one.target) for one in answers if one.figures.ttft_seconds is not None
    )
    if len(times) < 2:
        return None
    (first, error, target), (second, other_error, _) = times[:2]
    return target if second - first > error + other_error else None


def _pieces(chunks: Sequence[tuple[float, int | None]], text: str | None, first_content_seconds: float | None) -> Iterator[Piece]:
    """A piece for each chunk. The text of the whole is shared out by tokens: records do not tell which chunk brought what of it.

    Chunks before the first content brought reasoning, whose text is never recorded.
    """
    begin = math.inf if first_content_seconds is None else first_content_seconds - 1e-9
    of_text = sum(tokens or 1 for at, tokens in chunks if at >= begin)
    told = shown = 0
    for at, tokens in chunks:
        count = tokens or 1
        blocks = BLOCK * count
        if at < begin:
            yield Piece(_ns(at), count, "", blocks)
        elif text is None:
            yield Piece(_ns(at), count, blocks)
        else:
            told += count
            until = len(text) * told // of_text
            yield Piece(_ns(at), count, text[shown:until])
            shown = until


def _ended_seconds(line: Mapping[str, Any]) -> float:
    """When it was over, from the request's first byte on: of one without a token, what is left of it once it was connected."""
    phases = line["phases"]
    if line["ttft_seconds"] is not None and phases["stream"] is not None:
        return float(line["ttft_seconds"] + phases["stream"])
    return float(line["e2e_seconds"]) - sum(phases[phase] or 0.0 for phase in _BEFORE_SENT)


def _ns(seconds: float) -> int:
    if not math.isfinite(seconds):
        raise ValueError("a time is no number")
    return round(seconds * 1e9)
