"""How often sweeps, searches and the stop of loads that are too much are right, on engines whose truth is known.

The engines are computed, not run: `python -m benchmarks.courses` takes a minute or two, and prints the figures of
`docs/courses.md`.
"""

from __future__ import annotations

import random
from collections import Counter
from fractions import Fraction

from bench.chat import Chat
from bench.courses.evidence import Goal
from bench.courses.knee import Knee, knee
from bench.courses.search import Bounds, Search
from bench.courses.sweep import Sweep, geometric
from bench.courses.varying import Varying
from bench.overload import OverloadWatch
from config.bench_slos import PRESETS
from config.load import ClosedLoop, OpenLoop, RateStage, UserStage
from tests.bench.engine import Engine, Lab

RATES = Varying(OpenLoop((RateStage(Fraction(1)),), "poisson"))
USERS = Varying(ClosedLoop((UserStage(1),)))
LOOKS_EVERY_SECONDS = 5


def knees(sweeps: int = 40) -> str:
    """In how many sweeps the interval holds the knee."""
    held = whole = 0
    for varying, highest in ((RATES, 32), (USERS, 48)):
        for slots in (7, 12):
            for seed in range(sweeps):
                course = Sweep(("engine",), varying, geometric(varying, Fraction(1), Fraction(highest), 9))
                found = knee(Lab({"engine": Engine(slots)}, rounds=2, seed=seed).run(course.next), "engine", varying)
                held += isinstance(found, Knee) and found.low <= slots <= found.high
                whole += 1
    return f"knee: {held} of {whole} intervals of 95 % hold it"


def overloads(loads: int = 60) -> list[str]:
    """How many loads are called too much, by how much they are of what the engine can do, and after how long."""
    lines = []
    for share in (0.5, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2, 1.5):
        ends = [_stops_at(Engine(10, spread=0.5).open_loop(10 * share, 120.0, random.Random(seed))) for seed in range(loads)]
        found = [end for end in ends if end is not None]
        after = f", after {sum(found) / len(found):.0f} s on average" if found else ""
        lines.append(f"overload: at {share:.0%} of what the engine can do, {len(found)} of {loads} loads are called too much{after}")
    return lines


def _stops_at(chats: list[Chat], seconds: float = 120.0) -> float | None:
    watch = OverloadWatch()
    begins = [(chat.place.since_seconds, None) for chat in chats]
    ends = [(chat.ended_seconds, chat) for chat in chats if chat.outcome == "ok"]
    waiting = sorted([*begins, *ends], key=lambda each: each[0], reverse=True)
    for at in range(LOOKS_EVERY_SECONDS, int(seconds) + 1, LOOKS_EVERY_SECONDS):
        while waiting and waiting[-1][0] <= at:
            since, ended = waiting.pop()
            if ended is None:
                watch.begun(since)
            else:
                watch.ended(ended)
        if watch.look(at) is not None:
            return at
    return None


def searches(runs: int = 40) -> list[str]:
    """What searches find, of users where 12 is the truth, and of rates where 95 % of chats are good up to 17.4/s."""
    goal = Goal(PRESETS["interactive"])
    lines = []
    for varying, engine, highest in ((USERS, Engine(12, 5.0, spread=0.4), 200), (RATES, Engine(40, 2.0, spread=0.4), 100)):
        found: Counter[Fraction | None] = Counter()
        probes = 0
        for seed in range(runs):
            search = Search(("engine",), varying, Bounds(Fraction(1), Fraction(highest), Fraction(1, 20)), goal)
            measured = Lab({"engine": engine}, seed=seed).run(search.next)
            found[search.found(measured, "engine").amount] += 1
            probes += len(measured)
        told = ", ".join(f"{'nothing' if amount is None else varying.words(amount)} {count} times" for amount, count in found.most_common())
        lines.append(f"search: {told}; {probes / runs:.1f} probes on average")
    return lines


def main() -> None:
    for line in (knees(), *overloads(), *searches()):
        print(line)


if __name__ == "__main__":
    main()
