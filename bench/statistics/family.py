"""Many comparisons at once: how sure each must be, so that all of them together are wrong as seldom as one alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import ndtr, ndtri

from bench.statistics.samples import Floats

_DRAWS = 20_000
_SEED = 20


@dataclass(frozen=True, slots=True)
class Family:
    """Comparisons that are looked at together.

    `largest` has draws of the largest of that many correlated standard normal values (Hothorn, Bretz and
    Westfall, Biometrical Journal 50, 2008). Comparisons that are wrong together (p90 and p95 of one run) count as little
    more than one. Never is a comparison held to less than it would be alone, nor to more than Šidák's bound (JASA 62,
    1967), which knows nothing of what is wrong together.
    """

    count: int
    largest: Floats

    def error_each(self, error: float) -> float:
        """With which probability each interval may be wrong, so that any of them is with the probability `error` at most."""
        if self.count == 1:
            return error
        place = math.ceil((1 - error) * len(self.largest)) - 1
        each = 2 * float(ndtr(-np.partition(self.largest, place)[place]))
        return float(np.clip(each, 1 - (1 - error) ** (1 / self.count), error))

    def corrected(self, p_value: float) -> float:
        """How probable it is that any of the comparisons has such a p-value, where nothing differs."""
        if self.count == 1:
            return p_value
        above = np.count_nonzero(self.largest >= -ndtri(p_value / 2))
        return float(np.clip(above / len(self.largest), p_value, 1 - (1 - p_value) ** self.count))


def family_of(directions: Floats) -> Family:
    """The family of comparisons whose errors, part by part, are the rows of `directions`: always the same for the same."""
    if len(directions) == 1:
        return Family(1, np.zeros(1))
    norms = np.linalg.norm(directions, axis=1)
    units = directions[norms > 0] / norms[norms > 0, None]
    largest = np.zeros(_DRAWS)
    if len(units):
        sides, scales = np.linalg.svd(units, full_matrices=False)[:2]
        largest = np.abs((sides * scales) @ _normal(len(scales))).max(axis=0)
    return Family(len(directions), largest)


@lru_cache(maxsize=8)
def _normal(directions: int) -> Floats:
    return np.random.default_rng(_SEED).standard_normal((directions, _DRAWS))
