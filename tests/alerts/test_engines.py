"""Alerts on what engines say of themselves, in the situations that they are for, and in those that only look like them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import pytest

from catalogue import unified as native
from catalogue.metric import Metric
from tests.alerts.cases import Case, Firing, check
from tests.alerts.series import INSTANCE, OTHER_INSTANCE, VLLM, Series, series

pytestmark = pytest.mark.prometheus

ONE, TWO = "http://10.0.0.1:8000/metrics", "http://10.0.0.2:8000/metrics"


def of_engine(metric: Metric, samples: Sequence[float | None], *, replica: str | None = None, instance: str = INSTANCE) -> Series:
    return series(metric, samples, instance=instance, **VLLM, **({"replica": replica} if replica else {}))


def with_gaps(samples: Sequence[float]) -> list[float | None]:
    """Every fourth time the engine does not answer for its metrics in time."""
    return [None if index % 4 == 2 else sample for index, sample in enumerate(samples)]


WAITING, CACHE, PREEMPTIONS = native.REQUESTS_WAITING, native.KV_CACHE_USAGE, native.PREEMPTIONS
GROWS = [*[0] * 40, *range(1, 81), *[0] * 40]
FILLS = [*[0.5] * 40, *[0.99] * 80, *[0.5] * 40]
PUTS_BACK = list(accumulate([*[0] * 40, *[1] * 80, *[0] * 60]))

QUEUE_GROWING = (
    Case(
        "LLMQueueGrowing",
        "from the tenth minute to the thirtieth one more each time: it was never empty for ten minutes, and five more",
        of_engine(WAITING, GROWS),
        39.5,
        (
            Firing(
                25,
                34.75,
                VLLM,
                "llm/vllm (Qwen/Qwen2.5-7B-Instruct) has 61 requests waiting. The queue was never empty in 10m, and it grows: "
                "more is asked of the engine than it can do.",
            ),
        ),
    ),
    Case(
        "LLMQueueGrowing",
        "one of two processes, by the word of two exporters: one alert",
        of_engine(WAITING, GROWS, replica=ONE)
        | of_engine(WAITING, GROWS, replica=ONE, instance=OTHER_INSTANCE)
        | of_engine(WAITING, [0] * 160, replica=TWO),
        39.5,
        (
            Firing(
                25,
                34.75,
                {**VLLM, "replica": ONE},
                f"llm/vllm (Qwen/Qwen2.5-7B-Instruct), replica {ONE}, has 61 requests waiting. The queue was never empty in 10m, and it grows: "
                "more is asked of the engine than it can do.",
            ),
        ),
    ),
    Case("LLMQueueGrowing", "its metrics cannot be read now and then", of_engine(WAITING, with_gaps(GROWS)), 29.5, (Firing(25, 29.5, VLLM),)),
    Case("LLMQueueGrowing", "five wait all the time", of_engine(WAITING, [5] * 160), 39.5),
    Case("LLMQueueGrowing", "two wait instead of one", of_engine(WAITING, [1] * 80 + [2] * 80), 39.5),
    Case("LLMQueueGrowing", "it is emptied every five minutes", of_engine(WAITING, [*range(20)] * 8), 39.5),
    Case("LLMQueueGrowing", "a burst of four minutes", of_engine(WAITING, [*[0] * 40, *range(0, 160, 10), *[0] * 80]), 33.5),
    Case("LLMQueueGrowing", "the engine is started anew", of_engine(WAITING, [*range(1, 60), None, None, *[0] * 60]), 30, (Firing(5.25, 20, VLLM),)),
)

CACHE_NEAR_FULL = (
    Case(
        "LLMKVCacheNearFull",
        "full from the tenth minute to the thirtieth",
        of_engine(CACHE, FILLS),
        39.5,
        (
            Firing(
                20,
                34.75,
                VLLM,
                "At least 99% of the KV cache of llm/vllm (Qwen/Qwen2.5-7B-Instruct) was taken at any time in 5m. "
                "When it is full, requests wait, or are put back and computed again.",
            ),
        ),
    ),
    Case(
        "LLMKVCacheNearFull",
        "one of two processes, by the word of two exporters: one alert",
        of_engine(CACHE, FILLS, replica=ONE)
        | of_engine(CACHE, FILLS, replica=ONE, instance=OTHER_INSTANCE)
        | of_engine(CACHE, [0.1] * 160, replica=TWO),
        39.5,
        (Firing(20, 34.75, {**VLLM, "replica": ONE}),),
    ),
    Case("LLMKVCacheNearFull", "its metrics cannot be read now and then", of_engine(CACHE, with_gaps(FILLS)), 29.5, (Firing(20, 29.5, VLLM),)),
    Case("LLMKVCacheNearFull", "full for four minutes in five", of_engine(CACHE, [*[0.99] * 16, *[0.9] * 4] * 8), 39.5),
    Case("LLMKVCacheNearFull", "it does much, and has room", of_engine(CACHE, [0.94] * 160), 39.5),
    Case("LLMKVCacheNearFull", "taken out of the configuration", of_engine(CACHE, FILLS[:100] + [None] * 60), 39.5, (Firing(20, 34.75, VLLM),)),
)

PREEMPTIONS_CASES = (
    Case(
        "LLMPreemptions",
        "four a minute from the tenth minute to the thirtieth: the eleventh, and five minutes",
        of_engine(PREEMPTIONS, PUTS_BACK),
        44.5,
        (
            Firing(
                17.5,
                42,
                VLLM,
                "llm/vllm (Qwen/Qwen2.5-7B-Instruct) put 31 running requests back in 10m because its KV cache was full: "
                "their users see the stream stop.",
            ),
        ),
    ),
    Case(
        "LLMPreemptions",
        "one of two processes, by the word of two exporters: one alert",
        of_engine(PREEMPTIONS, PUTS_BACK, replica=ONE)
        | of_engine(PREEMPTIONS, PUTS_BACK, replica=ONE, instance=OTHER_INSTANCE)
        | of_engine(PREEMPTIONS, [7] * 180, replica=TWO),
        44.5,
        (Firing(17.5, 42, {**VLLM, "replica": ONE}),),
    ),
    Case("LLMPreemptions", "one a minute", of_engine(PREEMPTIONS, [index // 4 for index in range(160)]), 39.5),
    Case("LLMPreemptions", "eight at once", of_engine(PREEMPTIONS, [0] * 40 + [8] * 120), 39.5),
    Case("LLMPreemptions", "the engine is started anew, and has put back many before", of_engine(PREEMPTIONS, [500] * 80 + [0] * 80), 39.5),
    Case(
        "LLMPreemptions",
        "the engine is started anew meanwhile",
        of_engine(PREEMPTIONS, [*PUTS_BACK[:80], *range(80)]),
        39.5,
        (Firing(17.5, 39.5, VLLM),),
    ),
)

CASES = (*QUEUE_GROWING, *CACHE_NEAR_FULL, *PREEMPTIONS_CASES)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_alert_on_an_engine(case: Case, tmp_path: Path) -> None:
    check(case, tmp_path)
