"""Rules on what the time between tokens is spent with."""

from __future__ import annotations

from statistics import mean, median

from bench.engine_side.case import Case
from bench.engine_side.finding import Fact, Rule
from bench.summary.words import percent
from probes.wording import duration

SLOWER = 1.25
FEWEST_CHATS = 30
"""Of each level: fewer have a median that says little."""


def batch(case: Case) -> float | None:
    """How many requests ran at once, mean over the looks at which any did; None where it is not told, or none was seen."""
    running = [look.running for look in case.looks if look.running]
    return mean(running) if running else None


def _slower(case: Case) -> Fact | None:
    light = case.lightest
    if light is None or min(len(case.tpots), len(light.tpots)) < FEWEST_CHATS:
        return None
    now, then, running, ran = median(case.tpots), median(light.tpots), batch(case), batch(light)
    if running is None or ran is None or running <= ran or now < SLOWER * then:
        return None
    knob = case.knobs.batch
    fewer = f", or a smaller {knob} where tokens are to come sooner than first tokens" if knob else ""
    return Fact(
        words=f"each token takes {now / then:.2g} times as long as at {light.level} ({duration(now)} against {duration(then)}, p50), "
        f"with {running:.3g} requests in the batch on average against {ran:.3g},",
        short=f"{now / then:.2g} times",
        figures={
            "tpot_seconds_p50": now, "tpot_seconds_p50_lightest": then, "ratio": now / then,
            "running_mean": running, "running_mean_lightest": ran,
        },
        advice=f"more replicas{fewer}",
    )  # fmt: skip


RULES = (
    Rule(
        name="decode",
        kind="cause",
        needs="how many requests run",
        known=lambda case: any(look.running is not None for look in case.looks),
        look=_slower,
        fact="how many times as long a token takes as at the lightest level (the client's TPOT, p50), with more requests in the batch",
        limit=f"{percent(SLOWER - 1)} longer, at least {FEWEST_CHATS} chats at both levels, and a larger batch by the looks",
        remedy="more replicas, a smaller batch",
    ),
)
