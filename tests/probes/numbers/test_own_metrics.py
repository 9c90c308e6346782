"""What is promised of the metrics of every engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from probes import backends
from probes.numbers.family import Family, Sample
from probes.numbers.number import Number
from probes.numbers.own_metrics import Derived, OwnMetrics, Sum, Told
from probes.numbers.page import Page

EVERY = [(backend.metrics, told) for backend in backends.BACKENDS.values() if backend.metrics for told in backend.metrics.numbers]


class Watched(Page):
    """A page that knows which names it was asked for."""

    def __init__(self, families: Iterable[Family]) -> None:
        super().__init__(families)
        self.asked: set[str] = set()

    def samples(self, *names: str) -> Sequence[Sample]:
        self.asked.update(names)
        return super().samples(*names)


@pytest.mark.parametrize(("own", "told"), EVERY, ids=lambda value: value.number if isinstance(value, Told) else "")
def test_a_number_names_every_family_that_it_looks_at(own: OwnMetrics, told: Told) -> None:
    families = [Family(name, "unknown", "", (Sample(name, (), 1.0),)) for name in own.sources]
    for there in [[], families, *([family] for family in families)]:
        page = Watched(there)
        told.read(page)
        assert {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in page.asked} <= set(told.read.names)


def test_no_number_is_made_of_what_could_not_all_be_read() -> None:
    own = OwnMetrics(
        prefixes=("x_",),
        numbers=(
            Told(Number.REQUESTS_RUNNING, Sum("x_a"), ""),
            Told(Number.REQUESTS_WAITING, Derived(lambda page: 5.0, "x_a", "x_b"), ""),
            Told(Number.PREEMPTIONS, Sum("x_c"), ""),
        ),
    )
    families = [Family(name, "gauge", "", (Sample(name, (), 1.0),)) for name in ("x_a", "x_b", "x_c")]
    assert own.sources == {"x_a", "x_b", "x_c"}
    assert own.read(families).keys() == {Number.REQUESTS_RUNNING, Number.REQUESTS_WAITING, Number.PREEMPTIONS}
    assert own.read(families, {"x_b_count"}).keys() == {Number.REQUESTS_RUNNING, Number.PREEMPTIONS}
    assert own.read(families, {"x_a", "x_else"}).keys() == {Number.PREEMPTIONS}
