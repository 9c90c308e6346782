"""A against A: identical simulated engines, each behind its own wire form, win each other's pairs as often as chance has it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from math import comb
from pathlib import Path

import pytest

from config.reader import parse
from exporter.exporting import exporting
from probes.record import ChatRecord
from simulator import ENGINES
from tests.waiting import PATIENCE_SECONDS
from traffic.events import Event, Side
from traffic.pairs import Measure, wins

PAIRS = 80
"""Of each scenario, one after the other: chats that overlap share what delays them, and are not so many independent draws."""
TOKENS = 12
SCENARIOS = {
    "cold": "prompt: short-question, cache: cold",
    "warm": "prompt: short-question, cache: warm",
    "cold conversation": "conversation: customer-support, cache: cold",
    "warm conversation": "conversation: customer-support, cache: warm",
}
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def urls() -> Iterator[dict[str, str]]:
    """Of an engine of each kind, in a process of its own. They are alike but for their chance, which hides what wire forms cost the simulator."""
    told: dict[str, str] = {}
    running = []
    try:
        for seed, name in enumerate(ENGINES):
            settings = f"--slots 64 --first-token-ms 60 --decode-ms 6 --jitter 0.3 --answer-tokens {TOKENS} --seed {seed}"
            command = [sys.executable, "-m", "cli", "simulate", name, *settings.split()]
            engine = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
            running.append(engine)
            assert engine.stdout is not None
            told[name] = engine.stdout.readline().split()[1]
        yield told
    finally:
        for engine in running:
            engine.terminate()
        for engine in running:
            engine.wait(30)


def configuration(urls: dict[str, str], says: str) -> str:
    targets = "".join(f"  {name}: {{backend: {name}, url: '{url}', model: tiny}}\n" for name, url in urls.items())
    return (
        f"web: {{listen: '127.0.0.1:0'}}\nnative: {{relay: false}}\ntargets:\n{targets}"
        f"scenarios:\n  paired: {{users: 1, think_time: 10ms, {says}, max_tokens: {TOKENS}, pair: true}}\n"
    )


async def held(urls: dict[str, str], says: str) -> list[dict[str, ChatRecord]]:
    """The chats of so many pairs, by target."""
    pairs: dict[str, dict[str, ChatRecord]] = {}
    enough = asyncio.Event()

    def take(event: Event) -> None:
        if isinstance(event, ChatRecord) and event.pair_id is not None and event.outcome == "ok":
            pairs.setdefault(event.pair_id, {})[event.target] = event
            if sum(len(sides) == len(urls) for sides in pairs.values()) >= PAIRS:
                enough.set()

    async with exporting(parse(configuration(urls, says)).config, sinks=[take]):
        await asyncio.wait_for(enough.wait(), 3 * PATIENCE_SECONDS)  # hundreds of chats
    return [sides for sides in pairs.values() if len(sides) == len(urls)]


def likely(won: int, of: int, comparisons: int) -> bool:
    """Whether a fair coin is as uneven as that, one way or the other, once in so many comparisons, in at least one of 20 runs."""
    tail = sum(comb(of, count) for count in range(min(won, of - won) + 1)) / 2**of
    return bool(2 * tail * comparisons >= 0.05)


def better(one: ChatRecord, other: ChatRecord) -> tuple[Measure, ...]:
    return wins(Side(one.target, one, None), Side(other.target, other, None), TOKENS) or ()


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_identical_engines_win_by_chance(scenario: str, urls: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    of: Counter[tuple[str, str, Measure]] = Counter()
    won: Counter[tuple[str, str, Measure]] = Counter()
    for sides in await held(urls, SCENARIOS[scenario]):
        assert len({record.input_tokens for record in sides.values()}) == 1
        for one, other in combinations(sorted(sides), 2):
            mine, theirs = better(sides[one], sides[other]), better(sides[other], sides[one])
            for measure in Measure:
                of[one, other, measure] += measure in mine or measure in theirs
                won[one, other, measure] += measure in mine
    with capsys.disabled():
        print(f"\n{scenario}: " + ", ".join(f"{one} {won[one, other, m]} of {of[one, other, m]} {m} against {other}" for one, other, m in sorted(of)))
    comparisons = len(SCENARIOS) * len(of)
    assert len(of) == len(Measure) * comb(len(ENGINES), 2)
    assert {key: (won[key], count) for key, count in of.items() if not likely(won[key], count, comparisons)} == {}
