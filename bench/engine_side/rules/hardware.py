"""Rules on what the engine runs on: GPUs by DCGM's exporter, and a model's memory."""

from __future__ import annotations

from collections import Counter

from bench.engine_side.case import Case
from bench.engine_side.finding import Fact, Rule
from bench.engine_side.gpus import Gpu
from bench.engine_side.rules.capacity import at_limit
from bench.summary.words import percent
from probes import backends
from probes.numbers.number import Number
from probes.numbers.page import amount
from probes.wording import listed

IDLE_BELOW = 0.5
HELD_SHARE = 0.1
FEWEST_LOOKS = 3
QUEUEING_SHARE = 0.5
OFF_GPU_SHARE = 0.01


def _gpus(case: Case) -> list[Gpu]:
    return [gpu for reading in case.gpus for gpu in reading.gpus]


def _queueing(case: Case) -> float | None:
    """The share of looks that saw requests waiting; None where that is not told."""
    waiting = [look.waiting for look in case.looks if look.waiting is not None]
    return sum(one > 0 for one in waiting) / len(waiting) if waiting else None


def _busy(case: Case) -> float | None:
    """How busy the GPUs were on average, from 0 to 1; None where it is not told, or too seldom."""
    told = [gpu.utilisation_ratio for gpu in _gpus(case) if gpu.utilisation_ratio is not None]
    return sum(told) / len(told) if len(case.gpus) >= FEWEST_LOOKS and told else None


def _idle(case: Case) -> Fact | None:
    busy, queueing = _busy(case), _queueing(case)
    if busy is None or queueing is None or busy >= IDLE_BELOW or queueing < QUEUEING_SHARE:
        return None
    limit, knob = at_limit(case), case.knobs.batch
    what = f"a larger {knob} (it ran {limit.most:g} at once at most)" if limit and limit.held and knob else "look at the engine's own CPU time"
    return Fact(
        words=f"requests wait in {percent(queueing)} of the looks, and the GPUs are busy {percent(busy)} of the time,",
        short=percent(busy),
        figures={"gpu_utilisation_ratio_mean": busy, "looks_with_queue_share": queueing},
        advice=what,
    )


def _held(case: Case) -> Fact | None:
    told = [gpu for gpu in _gpus(case) if gpu.held_back is not None]
    held = [gpu for gpu in told if gpu.held_back]
    if len(case.gpus) < FEWEST_LOOKS or not held or len(held) < HELD_SHARE * len(told):
        return None
    reasons = Counter(reason for gpu in held for reason in gpu.held_back or ())
    clocks = [gpu.sm_clock_megahertz for gpu in held if gpu.sm_clock_megahertz is not None]
    at = f", at {sum(clocks) / len(clocks):.0f} MHz on average" if clocks else ""
    figures = {"looks_share": len(held) / len(told)}
    return Fact(
        words=f"GPUs are held back in {percent(len(held) / len(told))} of the looks ({listed([reason for reason, _ in reasons.most_common()])}){at},",
        short=percent(len(held) / len(told)),
        figures=figures | ({"sm_clock_megahertz_mean": sum(clocks) / len(clocks)} if clocks else {}),
        advice="better cooling, or a higher power limit; a comparison with GPUs that are not held back is one of cooling too",
    )


def _memory(case: Case) -> tuple[float, float] | None:
    """(Bytes of the model on GPUs, all its bytes), the least share that was seen; None where it is not told."""
    told = [
        (on_gpus, whole)
        for account in case.accounts
        if (on_gpus := amount(account.edge, Number.MODEL_VRAM)) is not None and (whole := amount(account.edge, Number.MODEL_MEMORY))
    ]
    return min(told, key=lambda pair: pair[0] / pair[1]) if told else None


def _off_gpu(case: Case) -> Fact | None:
    found = _memory(case)
    if found is None or found[0] <= 0 or 1 - found[0] / found[1] < OFF_GPU_SHARE:
        return None
    share = 1 - found[0] / found[1]
    return Fact(
        words=f"{percent(share)} of the model's memory is not on a GPU",
        short=percent(share),
        figures={"off_gpu_share": share, "model_memory_bytes": found[1]},
        advice="a smaller or more quantised model, a shorter context, or fewer slots, so that all of it fits",
    )


RULES = (
    Rule(
        name="gpu_idle",
        kind="cause",
        needs="how busy its GPUs are",
        known=lambda case: _busy(case) is not None and _queueing(case) is not None,
        concerns=lambda case: bool(case.gpus),
        look=_idle,
        fact="requests waited while the GPUs had little to do",
        limit=f"a mean utilisation below {percent(IDLE_BELOW)}, and a queue in {percent(QUEUEING_SHARE)} of the looks",
        remedy="a larger batch where it ran into its limit; else the engine's own CPU time",
    ),
    Rule(
        name="gpu_held_back",
        kind="caveat",
        needs="why the clocks of its GPUs are low",
        known=lambda case: any(gpu.held_back is not None for gpu in _gpus(case)),
        concerns=lambda case: bool(case.gpus),
        look=_held,
        fact="looks at GPUs whose clocks were lowered by power or temperature",
        limit=f"{percent(HELD_SHARE)} of the looks, at least {FEWEST_LOOKS} of them",
        remedy="cooling, or a higher power limit",
    ),
    Rule(
        name="model_off_gpu",
        kind="cause",
        needs="where its model's memory is",
        known=lambda case: _memory(case) is not None,
        concerns=lambda case: backends.get(case.backend).on_demand is not None,
        look=_off_gpu,
        fact="the share of the model's memory that is not on a GPU, of an engine that has some of it on one",
        limit=percent(OFF_GPU_SHARE),
        remedy="a smaller model, a shorter context, fewer slots",
    ),
)
