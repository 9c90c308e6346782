"""Expositions of engines for tests: those of the simulated ones, and texts by hand."""

from __future__ import annotations

from probes.numbers.family import Family, FamilyType, Sample
from simulator import Options, simulated
from tests.exporter.native import recorded
from tests.simulator.raw import CHAT, ask, chat, split

NUMBERS_TO_PYTHON_ALONE = ("\n1", "0.5\n", " 0.5", "1_0", "\u0661", "\uff11", "1e1_0")
"""Bounds that `float` takes and Prometheus does not."""


async def exposition_of(engine: str, chats: int = 2) -> tuple[bytes, str]:
    """(body, content type) of a simulated engine's `/metrics` after some chats."""
    async with simulated(engine, Options(models=("tiny",))) as running:
        for _ in range(chats):
            status, _, _ = split(await ask(running.url, "POST", CHAT, chat(3, model="tiny")))
            assert status == 200
        status, headers, body = split(await ask(running.url, "GET", "/metrics"))
    assert status == 200
    return body, headers["content-type"]


async def families_of(engine: str, chats: int = 2) -> tuple[Family, ...]:
    return recorded.parsed(*await exposition_of(engine, chats))


def by_hand(text: str) -> tuple[Family, ...]:
    return recorded.families(text)


def family(name: str, kind: FamilyType = "gauge", *values: float, words: str = "Words.", label: str = "of") -> Family:
    """A family with one sample for each value; those of a counter or gauge, told apart by a label."""
    return Family(name, kind, words, tuple(Sample(name, ((label, str(place)),), value) for place, value in enumerate(values)))


def histogram(name: str, *counts: float, bounds: tuple[str, ...] = ("0.5", "1.0", "+Inf"), labels: tuple[tuple[str, str], ...] = ()) -> Family:
    """A histogram of one series with so much in each bucket, all before it included."""
    buckets = tuple(Sample(f"{name}_bucket", (*labels, ("le", bound)), count) for bound, count in zip(bounds, counts, strict=True))
    return Family(name, "histogram", "Words.", (*buckets, Sample(f"{name}_count", labels, counts[-1]), Sample(f"{name}_sum", labels, 1.5)))
