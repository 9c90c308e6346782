"""Simulated engines whose true quantiles are known, for the calibration of the statistics: a world is how chats come to be slow."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, ...]], Floats]


def lognormal(random: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Seconds with a deviation of half their logarithm: most measures of most engines."""
    return 0.1 * random.lognormal(0.0, 0.5, shape)


def pareto(random: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """A heavy tail with a mean but no variance: tail index 1.5."""
    return 0.1 * (0.5 + random.pareto(1.5, shape))


def two_modes(random: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Seven chats of ten hit the cache; the others take five times as long."""
    return 0.1 * random.lognormal(0.0, 0.2, shape) * np.where(random.random(shape) < 0.7, 1.0, 5.0)


@dataclass(frozen=True, slots=True)
class World:
    """What the logarithms of two engines' values are made of, besides the draw of each chat.

    Each number is a deviation of the logarithm: 0.1 is about 10 %. Of waves, `length` is their correlation time as a share
    of a round.
    """

    name: str
    draw: Draw = lognormal
    chats: int = 120
    """In each round, of each engine."""
    tokens: int = 0
    """So many values for each chat, which share half of their variance, in place of one."""
    shared_rounds: float = 0.0
    """Rounds that are good or bad for both engines."""
    own_rounds: float = 0.0
    """Rounds that are good or bad for one of them."""
    shared_waves: float = 0.0
    own_waves: float = 0.0
    length: float = 0.05
    drift: float = 0.0
    """By how much both become slower from the beginning of the run to its end."""
    failed: float = 0.0
    """The share of chats that fail."""
    paired: bool = True

    def logs(self, random: np.random.Generator, rounds: int) -> Floats:
        """A run: the logarithms of the values of both engines, `[engine, round, chat]` or `[engine, round, chat, token]`."""
        shape = (2, rounds, self.chats)
        logs = self._chats(random, shape)
        common = np.zeros((1, rounds, self.chats))
        if self.shared_rounds:
            common = common + self.shared_rounds * random.standard_normal((1, rounds, 1))
        if self.shared_waves:
            common = common + self.shared_waves * waves(random, (1, rounds, self.chats), self.length)
        if self.drift:
            common = common + self.drift * np.linspace(-0.5, 0.5, rounds * self.chats).reshape(1, rounds, self.chats)
        own = np.zeros(shape)
        if self.own_rounds:
            own = own + self.own_rounds * random.standard_normal((2, rounds, 1))
        if self.own_waves:
            own = own + self.own_waves * waves(random, shape, self.length)
        return logs + (common + own)[..., None] if self.tokens else logs + common + own

    def truths(self, quantiles: Sequence[float]) -> Floats:
        """The logarithms of the true quantiles over all runs that could be, by a very large one."""
        random = np.random.default_rng(7)
        shape = (1, 1, 1_000_000 // (self.tokens or 1))
        logs = self._chats(random, shape)
        deviation = math.hypot(self.shared_rounds, self.own_rounds, self.shared_waves, self.own_waves)
        moved = deviation * random.standard_normal(shape) + self.drift * random.uniform(-0.5, 0.5, shape)
        return np.asarray(np.quantile(logs + moved[..., None] if self.tokens else logs + moved, quantiles))

    def _chats(self, random: np.random.Generator, shape: tuple[int, ...]) -> Floats:
        if self.tokens:
            each = math.sqrt(0.5) * (np.log(self.draw(random, shape))[..., None] + np.log(self.draw(random, (*shape, self.tokens))))
            return np.asarray(each)
        logs = np.log(self.draw(random, shape))
        if self.failed:
            logs[random.random(shape) < self.failed] = math.inf
        return logs


@dataclass(frozen=True, slots=True)
class Attempts:
    """Attempts of two engines that are the same, which end well or badly.

    Spells are waves of the logarithm of the odds, rounds a deviation of it.
    """

    name: str
    good: float
    """The share that ends well in usual times."""
    shared_spells: float = 0.0
    own_spells: float = 0.0
    length: float = 0.05
    own_rounds: float = 0.0
    chats: int = 120

    def drawn(self, random: np.random.Generator, rounds: int) -> Floats:
        """A run: 1 for each attempt that ended well, else 0, `[engine, round, chat]`."""
        shape = (2, rounds, self.chats)
        odds = np.zeros(shape)
        if self.shared_spells:
            odds = odds + self.shared_spells * waves(random, (1, *shape[1:]), self.length)
        if self.own_spells:
            odds = odds + self.own_spells * waves(random, shape, self.length)
        if self.own_rounds:
            odds = odds + self.own_rounds * random.standard_normal((2, rounds, 1))
        return (random.random(shape) < self._chance(odds)).astype(float)

    def truth(self) -> float:
        """The share that ends well of all attempts that could be."""
        deviation = math.hypot(self.shared_spells, self.own_spells, self.own_rounds)
        return float(self._chance(deviation * np.random.default_rng(7).standard_normal(1_000_000)).mean())

    def _chance(self, odds: Floats) -> Floats:
        return np.asarray(1 / (1 + np.exp(-(math.log(self.good / (1 - self.good)) + odds))))


def waves(random: np.random.Generator, shape: tuple[int, ...], length: float) -> Floats:
    """What chats near each other in time share: an autoregressive process of variance 1, new in each round."""
    count = shape[-1]
    keep = math.exp(-1 / max(length * count, 1e-9))
    noise = random.standard_normal(shape)
    found = np.empty(shape)
    found[..., 0] = noise[..., 0]
    for one in range(1, count):
        found[..., one] = keep * found[..., one - 1] + math.sqrt(1 - keep * keep) * noise[..., one]
    return found
