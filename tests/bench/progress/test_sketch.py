"""Live quantiles, in bounded memory."""

from __future__ import annotations

import numpy as np
import pytest

from bench.progress.sketch import ACCURACY, Sketch


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9, 0.95, 0.99, 1.0])
def test_each_quantile_is_right_to_a_hundredth_of_itself(share: float) -> None:
    values = np.random.default_rng(1).lognormal(-2.5, 1.0, 5000)
    sketch = Sketch()
    for value in values:
        sketch.add(float(value))
    true = float(np.quantile(values, share, method="inverted_cdf"))
    assert sketch.quantile(share) == pytest.approx(true, rel=ACCURACY * 1.0001)


def test_memory_is_bounded_whatever_comes() -> None:
    sketch = Sketch()
    for exponent in np.linspace(-12, 12, 20_000):
        sketch.add(float(10**exponent))
    sketch.add(0.0)
    assert len(sketch._bins) <= 1300
    assert sketch.count == 20_001


def test_no_values_have_no_quantile() -> None:
    assert Sketch().quantile(0.5) is None
