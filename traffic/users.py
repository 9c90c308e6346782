"""When each user of a closed loop is there, and how long they think. This is timing alone, without the chats."""

from __future__ import annotations

import math

from config.load import Between, ClosedLoop, Exponential, Fixed
from traffic.schedule import FIRST_CHAT_WITHIN_NS, NANOSECONDS, SHARES, nanoseconds, share
from traffic.stages import Span, Stages

LONGEST_IN_MEANS = 10
"""The longest exponential think time. Chance would make one in 22,000 longer, without a bound, and the user would be
as good as gone."""


class Users:
    """The users of a load, numbered from 0. User k takes part in each stage that has more than k users.

    The users that a stage adds to the stage before it join one by one, evenly over the ramp-up, which is no longer than
    the stage. At the start all users are added. A user who was there in the stage before is there from the stage's
    beginning. All of it follows from the load, the seed and the names.
    """

    def __init__(self, load: ClosedLoop, start_ns: int, *, target: str, scenario: str, seed: int) -> None:
        self._counts = [stage.users for stage in load.stages]
        self._stages = Stages([stage.seconds for stage in load.stages], start_ns)
        self._think_time = load.think_time
        self._ramp_up_ns = _ramp_up_ns(load)
        self._phase = share(target, scenario)
        self._source = (target, scenario, seed)
        self._thoughts = [0] * self.most

    @property
    def most(self) -> int:
        """How many users the largest stage has."""
        return max(self._counts)

    def due_ns(self, user: int, earliest_ns: int) -> int | None:
        """The first instant, no earlier than this one, at which the user is there. None if the user never is again."""
        if user >= self.most:
            return None
        span: Span | None = self._stages.at(earliest_ns)
        while span is not None and user >= self._counts[span.index]:
            span = self._stages.after(span)
        return None if span is None else max(earliest_ns, self._joins_ns(user, span))

    def think_ns(self, user: int) -> int:
        """How long the user thinks after the next chat; 0 where there is no think time. Each call draws anew."""
        match self._think_time:
            case None:
                return 0
            case Fixed(seconds):
                return nanoseconds(seconds)
            case Between(shortest_seconds, longest_seconds):
                return nanoseconds(shortest_seconds + (longest_seconds - shortest_seconds) * self._chance(user))
            case Exponential(mean_seconds):
                return nanoseconds(mean_seconds * min(-math.log1p(-self._chance(user)), LONGEST_IN_MEANS))

    def _joins_ns(self, user: int, span: Span) -> int:
        """From when on the user is there, in a run of a stage in which the user takes part."""
        before = self._counts[span.index - 1] if (span.number, span.index) != (0, 0) else 0
        if user < before:
            return span.begin_ns
        added = self._counts[span.index] - before
        ramp_up_ns = self._ramp_up_ns if span.end_ns is None else min(self._ramp_up_ns, span.end_ns - span.begin_ns)
        return span.begin_ns + ((user - before) * SHARES + self._phase) * ramp_up_ns // (added * SHARES)

    def _chance(self, user: int) -> float:
        """The user's next number from 0 to below 1.

        It is a hash of how many were drawn before, which for ten thousand users is cheaper than as many generators.
        """
        self._thoughts[user] += 1
        return (share(*self._source, user, self._thoughts[user]) >> 11) / (1 << 53)


def _ramp_up_ns(load: ClosedLoop) -> int:
    """The ramp-up that is configured.

    Where none is, it is one mean think time: no less than a second, and no more than lets the first user come within
    five.
    """
    if load.ramp_up_seconds is not None:
        return nanoseconds(load.ramp_up_seconds)
    thinking_ns = nanoseconds(load.think_time.mean_seconds) if load.think_time else 0
    return max(NANOSECONDS, min(thinking_ns, FIRST_CHAT_WITHIN_NS * max(stage.users for stage in load.stages)))
