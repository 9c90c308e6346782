"""What is shown of a race at an instant: of each engine its figures and the end of what it says."""

from __future__ import annotations

from dataclasses import dataclass

from exporter.web.racing import Contest
from exporter.wording import count, duration, plain, three_digits
from traffic.pairs import Measure
from traffic.race.lane import Lane

MOST_CHARACTERS = 4000
"""Of an answer, its end: an engine that does not stop must not fill whoever looks on."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One engine. Figures that tick have a tilde; once the answer is over they are those of its record.

    Texts are the engine's, and may hold anything: a browser takes them as text alone.
    """

    name: str
    backend: str
    model: str
    ttft: str
    tpot: str
    rate: str
    state: str
    thoughts: str
    text: str
    trouble: str


def shown(contest: Contest) -> list[Shown]:
    """All engines of a race, now."""
    return [_shown(lane, contest) for lane in contest.lanes.values()]


def place(contest: Contest) -> str:
    """Where in the whole it is: `Round 2 of 5`."""
    return f"Round {contest.round} of {contest.entry.rounds}" if contest.round else "About to begin"


def _shown(lane: Lane, contest: Contest) -> Shown:
    about = "" if lane.figures is not None else "~"
    return Shown(
        name=lane.name,
        backend=lane.backend,
        model=str(plain(contest.model_of(lane.name))),
        ttft=_about(about, lane.ttft_seconds),
        tpot=_about(about, lane.tpot_seconds),
        rate=three_digits(lane.tokens_per_second),
        state=_state(lane, contest),
        thoughts=_end_of(lane.thoughts),
        text=_end_of(lane.text),
        trouble=str(plain(lane.figures.trouble)) if lane.figures is not None else "",
    )


def _about(sign: str, seconds: float | None) -> str:
    return duration(seconds) if seconds is None else sign + duration(seconds)


def _end_of(text: str) -> str:
    cleaned = str(plain(text[-MOST_CHARACTERS:])).lstrip()
    return f"…{cleaned}" if len(text) > MOST_CHARACTERS else cleaned


def _state(lane: Lane, contest: Contest) -> str:
    """How far its answer is, and what it won."""
    if (waited := lane.waited_seconds(contest.now())) is not None:
        return f"waiting {waited:.1f} s"
    tokens = lane.tokens if lane.figures is None else lane.figures.output_tokens
    parts = [count(tokens, "token")] if tokens else []
    if contest.winner(Measure.TTFT) == lane.name:
        parts.append("first")
    if contest.winner(Measure.TPOT) == lane.name:
        parts.append("fastest")
    return ", ".join(parts)
