"""Sums over the time just past, in bounded memory."""

from __future__ import annotations

from collections import deque


class SlidingSum:
    """Adds up what fell within the last `steps` steps of `step_ns` nanoseconds, and within the step that has begun.

    So it never leaves out what is younger than `steps × step_ns`. It may still hold what is older by less than one
    step. Instants are on the monotonic clock, and must not go back.
    """

    def __init__(self, steps: int, step_ns: int) -> None:
        self._steps = steps
        self._step_ns = step_ns
        self._sums: deque[tuple[int, int]] = deque()
        self._total = 0

    def add(self, amount: int, now_ns: int) -> None:
        """Add an amount that fell at this instant."""
        step = now_ns // self._step_ns
        before = self._sums.pop()[1] if self._sums and self._sums[-1][0] == step else 0
        self._sums.append((step, before + amount))
        self._total += amount
        self._drop_old(now_ns)

    def total(self, now_ns: int) -> int:
        """The sum at this instant."""
        self._drop_old(now_ns)
        return self._total

    def _drop_old(self, now_ns: int) -> None:
        oldest = now_ns // self._step_ns - self._steps
        while self._sums and self._sums[0][0] < oldest:
            self._total -= self._sums.popleft()[1]
