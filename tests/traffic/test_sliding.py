from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from traffic.sliding import SlidingSum

STEPS, STEP_NS = 5, 10


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 100)), max_size=60))
def test_it_holds_all_that_is_younger_than_the_span_and_nothing_older_than_a_step_more(entries: list[tuple[int, int]]) -> None:
    sliding = SlidingSum(STEPS, STEP_NS)
    now_ns = 0
    added: list[tuple[int, int]] = []
    for pause_ns, amount in entries:
        now_ns += pause_ns
        assert_right(sliding, added, now_ns)
        sliding.add(amount, now_ns)
        added.append((now_ns, amount))
        assert_right(sliding, added, now_ns)


def assert_right(sliding: SlidingSum, added: list[tuple[int, int]], now_ns: int) -> None:
    young = sum(amount for at_ns, amount in added if now_ns - at_ns <= STEPS * STEP_NS)
    not_too_old = sum(amount for at_ns, amount in added if now_ns - at_ns < (STEPS + 1) * STEP_NS)
    assert young <= sliding.total(now_ns) <= not_too_old


def test_its_memory_is_bounded_by_the_steps() -> None:
    sliding = SlidingSum(STEPS, STEP_NS)
    for now_ns in range(10_000):
        sliding.add(1, now_ns)
    assert len(sliding._sums) == STEPS + 1
    assert sliding.total(9_999) == (STEPS + 1) * STEP_NS
