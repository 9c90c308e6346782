"""Alerts on one target, in the situations that they are for, and in those that only look like them."""

from __future__ import annotations

from math import inf
from pathlib import Path

import pytest

from alerts.recordings import UP
from alerts.rules import rules
from catalogue import own
from tests.alerts.cases import Case, Firing, check
from tests.alerts.promtool import config, firing, needed
from tests.alerts.series import (
    CUT,
    GATHERED,
    GONE,
    LOAD_FAILED,
    LOADS,
    MODEL_MISSING,
    NO_TOKEN_IN_TIME,
    NOTHING,
    OK,
    OLLAMA,
    OTHER_INSTANCE,
    REFUSED,
    RESTARTED,
    STALLED,
    TIMED_OUT_WITHOUT_TOKEN,
    VLLM,
    WRONG,
    Chat,
    Skip,
    Story,
    chats,
    lasting,
    seldom,
    series,
    without_fraction,
)

pytestmark = pytest.mark.prometheus

INACTIVE, NOT_LOADED, LOADS_MODEL = Skip("inactive"), Skip("model_not_loaded"), Skip("loads_model")
REJECTED = Chat("rejected", ttft=None, stall=None, e2e=0.01, token=False)
BROKEN = Chat("server_error", ttft=None, stall=None, e2e=0.01, token=False)
UNKNOWN = {**VLLM, "model": "unknown"}
DAYS = 24 * 60

TARGET_DOWN = (
    Case(
        "LLMTargetDown",
        "refused from the fifth minute to the tenth: three failed chats, and a minute",
        chats(lasting(5, OK) + lasting(5, REFUSED) + lasting(5, OK)),
        14.5,
        (
            Firing(
                6.5,
                9.75,
                VLLM,
                "No chat with llm/vllm (Qwen/Qwen2.5-7B-Instruct) has succeeded for 1m 45s. The most frequent failure in 10m: connect.",
            ),
        ),
    ),
    Case(
        "LLMTargetDown",
        "has never succeeded since chatprobe runs",
        chats(lasting(3, GONE) + lasting(5, REFUSED)),
        8,
        (
            Firing(
                4.5,
                8,
                VLLM,
                "No chat with llm/vllm (Qwen/Qwen2.5-7B-Instruct) has succeeded since chatprobe runs. The most frequent failure in 10m: connect.",
            ),
        ),
    ),
    Case(
        "LLMTargetDown",
        "one scenario is refused all the time, and is not why the engine is down",
        chats(lasting(5, OK) + lasting(5, BROKEN))
        | chats(lasting(10, [REJECTED] * 5), scenario="too-long")
        | series(own.LAST_FAILURE, [300] * 40, **VLLM, scenario="heartbeat", reason="server_error", detail="CUDA out of memory")
        | series(own.LAST_FAILURE, [390] * 40, **VLLM, scenario="too-long", reason="rejected", detail="max_new_tokens"),
        8,
        (
            Firing(
                6.5,
                8,
                VLLM,
                "No chat with llm/vllm (Qwen/Qwen2.5-7B-Instruct) has succeeded for 1m 45s. The most frequent failure in 10m: server_error. "
                "The last failure: server_error, CUDA out of memory.",
            ),
        ),
    ),
    Case(
        "LLMTargetDown",
        "all that is asked is refused",
        chats(lasting(5, OK) + lasting(5, REJECTED)),
        8,
        (
            Firing(
                6.5,
                8,
                VLLM,
                "No chat with llm/vllm (Qwen/Qwen2.5-7B-Instruct) has succeeded for 1m 45s. The most frequent failure in 10m: rejected.",
            ),
        ),
    ),
    Case("LLMTargetDown", "two chats of three fail, all the time", chats(lasting(30, OK, REFUSED, REFUSED)), 30),
    Case(
        "LLMTargetDown",
        "the breaker is open, and lets a chat through every ten seconds",
        chats(
            [*lasting(5, [OK] * 15), [REFUSED] * 5 + [Skip("breaker")] * 10, *lasting(5, [REFUSED, Skip("breaker")], [REFUSED, REFUSED])],
            scenario="chat",
            interval=1,
        ),
        10,
        (Firing(6.5, 10, VLLM),),
    ),
    Case(
        "LLMTargetDown",
        "rests by its calendar, and the last chat before that failed",
        chats([*lasting(5, OK), REFUSED, *lasting(60, INACTIVE)]),
        60,
    ),
    Case(
        "LLMTargetDown",
        "rests by its calendar in the middle of an outage: nobody knows, and nobody is kept awake",
        chats(lasting(5, OK) + lasting(5, REFUSED) + lasting(20, INACTIVE)),
        30,
        (Firing(6.5, 13.75, VLLM),),
    ),
    Case(
        "LLMTargetDown",
        "one of two exporters cannot reach it",
        chats(lasting(30, OK)) | chats(lasting(30, REFUSED), instance=OTHER_INSTANCE),
        30,
    ),
    Case(
        "LLMTargetDown",
        "two exporters say so: one alert",
        chats(lasting(5, OK) + lasting(5, REFUSED)) | chats(lasting(5, OK) + lasting(5, REFUSED), instance=OTHER_INSTANCE),
        10,
        (Firing(6.5, 10, VLLM),),
    ),
    Case(
        "LLMTargetDown",
        "down at first, then up, and its model becomes known",
        chats(lasting(2, REFUSED) + lasting(10, GONE), target=UNKNOWN) | chats(lasting(2, GONE) + lasting(10, OK)),
        12,
        (Firing(1.5, 1.75, UNKNOWN),),
    ),
    Case(
        "LLMTargetDown",
        "taken out of the configuration while it is down",
        chats(lasting(5, OK) + lasting(5, REFUSED) + lasting(10, GONE)),
        20,
        (Firing(6.5, 9.75, VLLM),),
    ),
    Case(
        "LLMTargetDown",
        "a scenario that chats once an hour hides no outage",
        chats(lasting(5, OK) + lasting(15, REFUSED))
        | chats([*lasting(4, NOTHING), OK, *lasting(16, NOTHING)], scenario="hourly", interval=3600, timeout=120),
        20,
        (Firing(6.5, 20, VLLM),),
    ),
    Case(
        "LLMTargetDown",
        "only the chats of one scenario fail",
        chats(lasting(30, OK)) | chats(lasting(30, WRONG), scenario="chat"),
        30,
    ),
    Case(
        "LLMTargetDown",
        "only the chats of one scenario fail: it looks like an outage until another one's next chat succeeds",
        chats(lasting(2, OK) + lasting(28, WRONG)) | chats(seldom(*[OK] * 6, minutes=5), scenario="chat", interval=300),
        29.5,
        (Firing(3.5, 4.75, VLLM),),
    ),
    Case(
        "LLMTargetDown",
        "the chats of one scenario have never succeeded, and another one that succeeds seldom chats",
        chats(lasting(30, WRONG)) | chats(seldom(*[OK] * 6, minutes=5), scenario="chat", interval=300),
        29.5,
    ),
    Case(
        "LLMTargetDown",
        "a load test that has ended, and whose last chats failed",
        chats(lasting(5, OK) + lasting(1, REFUSED) + lasting(30, NOTHING), interval=inf),
        36,
    ),
    Case(
        "LLMTargetDown",
        "a load test that has ended, and of which no chat succeeded, is not told of for ever",
        chats(lasting(2, REFUSED) + lasting(30, NOTHING), interval=inf),
        32,
        (Firing(1.5, 8, VLLM),),
    ),
    Case(
        "LLMTargetDown",
        "chatprobe is started anew during the outage",
        chats(lasting(5, OK) + lasting(3, REFUSED) + [RESTARTED] + lasting(5, REFUSED)),
        13,
        (Firing(6.5, 13, VLLM),),
    ),
    Case(
        "LLMTargetDown",
        "the first chat of a slow scenario after a new start fails",
        chats([OK, *lasting(10, NOTHING), RESTARTED, REFUSED, *lasting(10, NOTHING), OK], interval=600, timeout=120),
        21,
    ),
    Case(
        "LLMTargetDown",
        "chats come every ten minutes: the third that fails",
        chats(seldom(OK, OK, REFUSED, REFUSED, REFUSED, REFUSED, minutes=10), interval=600, timeout=120),
        60,
        (Firing(41, 60, VLLM),),
    ),
    Case(
        "LLMTargetDown",
        "it hangs: each chat takes until its timeout",
        chats(lasting(5, OK) + lasting(0.5, NOTHING) + lasting(5, TIMED_OUT_WITHOUT_TOKEN)),
        10,
        (Firing(6.5, 10, VLLM),),
    ),
)

MODEL_MISSING_CASES = (
    Case(
        "LLMModelMissing",
        "the engine has another model for ten minutes",
        chats(lasting(5, OK) + lasting(10, MODEL_MISSING) + lasting(5, OK)),
        19.5,
        (
            Firing(
                7.5,
                14.75,
                VLLM,
                "The engine answers that it has no model Qwen/Qwen2.5-7B-Instruct: 11 chats with llm/vllm failed by that in 30m, "
                "and none succeeds. Users who ask for it get an error.",
            ),
        ),
    ),
    Case("LLMModelMissing", "one chat came while the engine was starting", chats([*lasting(5, OK), MODEL_MISSING, *lasting(10, OK)]), 15),
    Case(
        "LLMModelMissing",
        "one chat of a slow scenario came while the engine was starting",
        chats([NOTHING, OK, *[NOTHING] * 39, MODEL_MISSING, *[NOTHING] * 39, OK], interval=600),
        20,
    ),
    Case("LLMModelMissing", "it is down for another reason", chats(lasting(5, OK) + lasting(10, REFUSED)), 15),
    Case(
        "LLMModelMissing",
        "a scenario that rests since its last chat succeeded hides nothing",
        chats(lasting(5, OK) + lasting(5, MODEL_MISSING)) | chats(lasting(2, OK) + lasting(8, INACTIVE), scenario="office"),
        10,
        (Firing(7.5, 10, VLLM),),
    ),
    Case(
        "LLMModelMissing",
        "chatprobe is started anew meanwhile",
        chats(lasting(5, OK) + lasting(10, MODEL_MISSING) + [RESTARTED] + lasting(5, MODEL_MISSING)),
        20,
        (Firing(7.5, 20, VLLM),),
    ),
)


def loaded(*samples: float | None) -> dict[str, str]:
    return series(own.MODEL_LOADED, samples, **OLLAMA)


def load_failures(*samples: float) -> dict[str, str]:
    return series(own.MODEL_LOAD_FAILURES, samples, reason="refused", **OLLAMA)


RESTS, LOADING = Skip("load_failed"), Skip("loading")
LOADS_FOR_LONG = chats(lasting(5, OK) + lasting(10, LOADING) + lasting(5, OK), target=OLLAMA) | loaded(*[1] * 20, *[0] * 40, *[1] * 20)
MODEL_LOAD_FAILED = (
    Case(
        "LLMModelLoadFailed",
        "the model cannot be loaded for ten minutes",
        chats([*lasting(5, OK), LOAD_FAILED, *lasting(1, RESTS), LOAD_FAILED, *lasting(9, RESTS), *lasting(5, OK)], target=OLLAMA)
        | loaded(*[1] * 20, *[0] * 42, *[1] * 20)
        | load_failures(*[0] * 20, *[1] * 5, *[2] * 57),
        19,
        (
            Firing(
                10,
                17.25,
                OLLAMA,
                "The engine was to load gemma3:4b, which is allowed, and 2 loads failed with llm/ollama in 30m. "
                "It is not slow: nothing is asked of the model until it is in memory. Users who ask for it wait for a load that fails.",
            ),
        ),
    ),
    Case(
        "LLMModelLoadFailed",
        "one load fails, the next one takes its time and succeeds",
        chats([*lasting(5, OK), LOAD_FAILED, *lasting(4, LOADING), *lasting(10, OK)], target=OLLAMA)
        | loaded(*[1] * 20, *[0] * 17, *[1] * 40)
        | load_failures(*[0] * 20, *[1] * 57),
        19,
    ),
    Case("LLMModelLoadFailed", "it loads for ten minutes", LOADS_FOR_LONG | load_failures(*[0] * 80), 19.5),
    Case("LLMTargetDown", "it loads for ten minutes", LOADS_FOR_LONG, 19.5),
    Case("LLMTTFTRegression", "it loads for ten minutes", LOADS_FOR_LONG, 19.5),
)


MODEL_NOT_LOADED = (
    Case(
        "LLMModelNotLoaded",
        "let go for half an hour",
        chats(lasting(5, OK) + lasting(30, NOT_LOADED) + lasting(5, OK), target=OLLAMA) | loaded(*[1] * 20, *[0] * 120, *[1] * 20),
        39.5,
        (
            Firing(
                20,
                34.75,
                {**OLLAMA, "scenario": "heartbeat"},
                "61 chats of heartbeat were not sent to llm/ollama in 1h, as the engine does not tell that the model is in memory, "
                "and chatprobe may not load it. Nothing is measured meanwhile, and the first user waits where the model has to be loaded.",
            ),
        ),
    ),
    Case(
        "LLMModelNotLoaded",
        "let go for ten minutes now and then",
        chats(lasting(60, *[OK] * 20, *[NOT_LOADED] * 40), target=OLLAMA) | loaded(*([1] * 20 + [0] * 40) * 4),
        59.5,
    ),
    Case(
        "LLMModelNotLoaded",
        "chats come every half hour",
        chats(lasting(1, NOTHING) + seldom(NOT_LOADED, NOT_LOADED, minutes=30), target=OLLAMA, interval=1800) | loaded(*[0] * 244),
        60,
        (Firing(16, 60, OLLAMA),),
    ),
    Case(
        "LLMModelNotLoaded",
        "it is not told what is in memory",
        chats(lasting(5, OK) + lasting(30, NOT_LOADED) + lasting(5, OK), target=OLLAMA) | loaded(*[1] * 20, *[None] * 120, *[1] * 20),
        39.5,
        (Firing(20, 34.75, OLLAMA),),
    ),
    Case(
        "LLMModelNotLoaded",
        "nothing is due while it is not loaded",
        chats(lasting(5, OK) + lasting(60, INACTIVE), target=OLLAMA) | loaded(*[1] * 20, *[0] * 240),
        64,
    ),
    Case(
        "LLMModelNotLoaded",
        "taken out of the configuration meanwhile",
        chats(lasting(5, OK) + lasting(20, NOT_LOADED) + lasting(10, GONE), target=OLLAMA) | loaded(*[1] * 20, *[0] * 80, *[None] * 40),
        34.5,
        (Firing(20, 24.75, OLLAMA),),
    ),
)

PROBE_LOADS_MODEL = (
    Case(
        "LLMProbeLoadsModel",
        "a chat loads the model, the others of ten minutes are held back, and then all is well",
        chats([*lasting(5, OK), LOADS, *lasting(10, LOADS_MODEL), *lasting(75, OK)], target=OLLAMA),
        89,
        (
            Firing(
                6.25,
                79.75,
                {**OLLAMA, "scenario": "heartbeat"},
                "Chats of heartbeat with llm/ollama had the model loaded anew although it was in memory. Its users wait for that, and again "
                "when it is loaded as they want it. chatprobe holds these chats back, and tries again ever more seldom.",
            ),
        ),
    ),
    Case(
        "LLMProbeLoadsModel",
        "held back for hours after a single load",
        chats([*lasting(5, OK), LOADS, *lasting(170, LOADS_MODEL)], target=OLLAMA),
        175,
        (Firing(6.25, 175, OLLAMA),),
    ),
    Case(
        "LLMProbeLoadsModel",
        "chats come each half hour, and each loads the model",
        chats(lasting(1, NOTHING) + seldom(LOADS, LOADS, LOADS, minutes=30), target=OLLAMA, interval=1800),
        90,
        (Firing(32, 90, OLLAMA),),
    ),
    Case(
        "LLMProbeLoadsModel",
        "a busy engine took long once, and chats went on",
        chats([*lasting(5, OK), LOADS, *lasting(70, OK)], target=OLLAMA),
        75,
    ),
    Case(
        "LLMProbeLoadsModel",
        "the model is not in memory, and no chat is sent",
        chats(lasting(5, OK) + lasting(60, NOT_LOADED), target=OLLAMA),
        64,
    ),
)

ONE_IN_FIVE_STALLS = (STALLED, OK, OK, OK, OK)
STREAM_STALLED = (
    Case(
        "LLMStreamStalled",
        "one chat in five falls silent, for twenty minutes",
        chats(lasting(10, OK) + lasting(20, *ONE_IN_FIVE_STALLS) + lasting(20, OK)),
        49.5,
        (
            Firing(
                17.5,
                41,
                {**VLLM, "scenario": "heartbeat"},
                "17.5% of the chats with llm/vllm (Qwen/Qwen2.5-7B-Instruct) in 10m fell silent for more than 2s "
                "after their first token (heartbeat).",
            ),
        ),
    ),
    Case(
        "LLMStreamStalled",
        "boundaries are written without a fraction",
        chats(lasting(10, OK) + lasting(20, *ONE_IN_FIVE_STALLS), le=without_fraction),
        29.5,
        (Firing(17.5, 29.5, VLLM),),
    ),
    Case("LLMStreamStalled", "two chats in a row", chats([*lasting(10, OK), STALLED, STALLED, *lasting(20, OK)]), 30),
    Case("LLMStreamStalled", "of a hundred chats a minute, three", chats(lasting(60, [OK] * 24 + [STALLED], *[[OK] * 25] * 9)), 59.5),
    Case("LLMStreamStalled", "every chat, but there are too few", chats(lasting(60, STALLED, *[NOTHING] * 19), interval=300), 60),
    Case("LLMStreamStalled", "it is refused", chats(lasting(10, OK) + lasting(30, REFUSED)), 39.5),
    Case(
        "LLMStreamStalled",
        "chatprobe is started anew meanwhile",
        chats(lasting(10, OK) + lasting(5, *ONE_IN_FIVE_STALLS) + [RESTARTED] + lasting(15, *ONE_IN_FIVE_STALLS)),
        30,
        (Firing(17.5, 30, VLLM),),
    ),
)

STREAM_GATHERED = (
    Case(
        "LLMStreamGathered",
        "by way of a plain Route, for half an hour",
        chats(lasting(30, OK) + lasting(30, GATHERED) + lasting(40, OK)),
        99.5,
        (
            Firing(
                41,
                88.5,
                {**VLLM, "scenario": "heartbeat"},
                "37.5% of the chats with llm/vllm (Qwen/Qwen2.5-7B-Instruct) in 30m had their tokens several at once, and then none for a while "
                "(heartbeat): a router, a proxy or a gateway on the way holds them back. Until it hands them on as they come, times of tokens say "
                "how it gathers, and not how fast the engine is.",
            ),
        ),
    ),
    Case("LLMStreamGathered", "one chat in ten, on a busy machine", chats(lasting(90, GATHERED, *[OK] * 9)), 89.5),
    Case("LLMStreamGathered", "two chats of a scenario that seldom chats", chats(seldom(OK, GATHERED, GATHERED, OK, minutes=10), interval=600), 39.5),
    Case(
        "LLMStreamGathered",
        "every chat of a scenario that chats each ten minutes",
        chats(seldom(*[GATHERED] * 8, minutes=10), interval=600),
        79.5,
        (Firing(35, 79.5, VLLM),),
    ),
    Case("LLMStreamGathered", "it is refused", chats(lasting(10, OK) + lasting(30, REFUSED)), 39.5),
    Case(
        "LLMStreamGathered",
        "chatprobe is started anew meanwhile",
        chats([*lasting(30, GATHERED), RESTARTED, *lasting(20, GATHERED)]),
        50,
        (Firing(5.5, 50, VLLM),),
    ),
)

_ELSE_A_PROXY = (
    " If that does not say why: a router or proxy that cuts long streams looks like this. vLLM shows a chat in its trace, whose id is the request "
    "id, with `--otlp-traces-endpoint`; its log, by the request id with `--enable-log-requests`, else by time and client; its metric "
    "`vllm:request_success_total` by `finished_reason`."
)
NO_COMPLETION = (
    Case(
        "LLMFirstTokenButNoCompletion",
        "a proxy cuts every other chat, for twenty minutes",
        chats(lasting(10, OK) + lasting(20, CUT, OK) + lasting(20, OK)),
        49.5,
        (
            Firing(
                17,
                42.25,
                {**VLLM, "scenario": "heartbeat"},
                "37.5% of the chats with llm/vllm (Qwen/Qwen2.5-7B-Instruct) that had a first token in the last 10m did not come to their end "
                f"(heartbeat). The most frequent failure in 10m: truncated.{_ELSE_A_PROXY}",
            ),
        ),
    ),
    Case(
        "LLMFirstTokenButNoCompletion",
        "of an outage just before, and of another scenario that fails by itself, it says nothing",
        chats(lasting(10, OK) + lasting(4, REFUSED) + lasting(10, CUT, OK)) | chats(lasting(24, [NO_TOKEN_IN_TIME] * 4), scenario="long"),
        23.75,
        (
            Firing(
                20,
                23.75,
                {**VLLM, "scenario": "heartbeat"},
                "52% of the chats with llm/vllm (Qwen/Qwen2.5-7B-Instruct) that had a first token in the last 10m did not come to their end "
                f"(heartbeat). The most frequent failure in 10m: truncated.{_ELSE_A_PROXY}",
            ),
        ),
    ),
    Case(
        "LLMFirstTokenButNoCompletion",
        "Ollama cuts a model that repeats itself",
        chats(lasting(10, OK) + lasting(20, CUT, OK), target=OLLAMA)
        | series(
            own.LAST_FAILURE, [1800] * 120, **OLLAMA, scenario="heartbeat", reason="truncated", detail="Ollama cuts a model that repeats itself"
        ),
        29.5,
        (
            Firing(
                17,
                29.5,
                {**OLLAMA, "scenario": "heartbeat"},
                "37.5% of the chats with llm/ollama (gemma3:4b) that had a first token in the last 10m did not come to their end (heartbeat). "
                "The most frequent failure in 10m: truncated. The last failure: truncated, Ollama cuts a model that repeats itself. "
                "If that does not say why: a router or proxy that cuts long streams looks like this. Ollama shows a chat in its log, by time and "
                "client: lines that begin with `[GIN]`, and those of its runner around them; `OLLAMA_DEBUG=1` says more.",
            ),
        ),
    ),
    Case("LLMFirstTokenButNoCompletion", "no first token comes in time", chats(lasting(10, OK) + lasting(20, NO_TOKEN_IN_TIME, OK)), 29.5),
    Case(
        "LLMFirstTokenButNoCompletion",
        "the whole chat's time is over before its first token came",
        chats(lasting(10, OK) + lasting(20, TIMED_OUT_WITHOUT_TOKEN, OK)),
        29.5,
    ),
    Case("LLMFirstTokenButNoCompletion", "answers are wrong", chats(lasting(10, OK) + lasting(20, WRONG)), 29.5),
    Case("LLMFirstTokenButNoCompletion", "it is refused", chats(lasting(10, OK) + lasting(20, REFUSED)), 29.5),
    Case("LLMFirstTokenButNoCompletion", "two chats in a row", chats([*lasting(10, OK), CUT, CUT, *lasting(20, OK)]), 30),
    Case("LLMFirstTokenButNoCompletion", "every chat, but there are too few", chats(lasting(60, CUT, *[NOTHING] * 19), interval=300), 60),
    Case(
        "LLMFirstTokenButNoCompletion",
        "chatprobe is started anew meanwhile",
        chats(lasting(10, OK) + lasting(5, CUT, OK) + [RESTARTED] + lasting(15, CUT, OK)),
        30,
        (Firing(17, 30, VLLM),),
    ),
)

SPARSE = 240


def _weekly(before: Chat, after: Chat, *, each: int = 16, last_week: bool = True) -> Story:
    """Six hours of chats, and a week later two of the same, two of others, and two as before; `each` of them in four minutes."""
    usual, other = [before] * each, [after] * each
    then = lasting(360, usual if last_week else NOTHING, every_seconds=SPARSE)
    now = lasting(120, usual, every_seconds=SPARSE) + lasting(120, other, every_seconds=SPARSE) + lasting(120, usual, every_seconds=SPARSE)
    return chats(then + lasting(7 * DAYS - 360, GONE, every_seconds=SPARSE) + now, every_seconds=SPARSE)


SLOWER = Chat(ttft=0.4)
REGRESSION = (
    Case(
        "LLMTTFTRegression",
        "four times as slow as a week ago, for two hours",
        _weekly(OK, SLOWER),
        7 * DAYS + 356,
        (
            Firing(
                7 * DAYS + 152,
                7 * DAYS + 292,
                {**VLLM, "scenario": "heartbeat"},
                "The 95th percentile of the time to first token of llm/vllm (Qwen/Qwen2.5-7B-Instruct) in 1h is 3.983 times that of the same hour "
                "last week (heartbeat).",
            ),
        ),
        every_seconds=SPARSE,
        since=7 * DAYS,
    ),
    Case(
        "LLMTTFTRegression",
        "three times as slow, and nobody notices",
        _weekly(Chat(ttft=0.02), Chat(ttft=0.07)),
        7 * DAYS + 356,
        every_seconds=SPARSE,
        since=7 * DAYS,
    ),
    Case("LLMTTFTRegression", "too few chats", _weekly(OK, SLOWER, each=3), 7 * DAYS + 356, every_seconds=SPARSE, since=7 * DAYS),
    Case(
        "LLMTTFTRegression",
        "nothing is known of last week",
        _weekly(OK, SLOWER, last_week=False),
        7 * DAYS + 356,
        every_seconds=SPARSE,
        since=7 * DAYS,
    ),
)


def _certificate(*samples: float | None, instance: str = "chatprobe-0:9840") -> dict[str, str]:
    return series(own.CERTIFICATE_EXPIRY, samples, instance=instance, **VLLM)


DAY, HOUR = 86400.0, 3600.0
CERTIFICATE = (
    Case(
        "LLMCertificateExpiry",
        "fourteen days are left at the first hour's end, and it is renewed in the third",
        _certificate(*[14 * DAY + HOUR] * 150, *[90 * DAY] * 50),
        199,
        (
            Firing(
                121,
                149,
                VLLM,
                "The certificate that llm/vllm (Qwen/Qwen2.5-7B-Instruct) shows ends in 13d 22h 59m 0s. From then on clients refuse it.",
            ),
        ),
        every_seconds=60,
    ),
    Case("LLMCertificateExpiry", "fifteen days are left", _certificate(*[15 * DAY] * 240), 239, every_seconds=60),
    Case(
        "LLMCertificateExpiry",
        "an old certificate for half an hour",
        _certificate(*[90 * DAY] * 60, *[DAY] * 30, *[90 * DAY] * 90),
        179,
        every_seconds=60,
    ),
    Case(
        "LLMCertificateExpiry",
        "two exporters see it: one alert",
        _certificate(*[DAY] * 90) | _certificate(*[2 * DAY] * 90, instance=OTHER_INSTANCE),
        89,
        (Firing(60, 89, VLLM),),
        every_seconds=60,
    ),
    Case(
        "LLMCertificateExpiresSoon",
        "two days are left at the first hour's end",
        _certificate(*[2 * DAY + HOUR] * 90, *[None] * 30),
        119,
        (Firing(66, 89, VLLM),),
        every_seconds=60,
    ),
    Case(
        "LLMCertificateExpiresSoon",
        "it has ended",
        _certificate(*[0] * 30),
        29,
        (Firing(5, 29, VLLM, "The certificate that llm/vllm (Qwen/Qwen2.5-7B-Instruct) shows has ended: clients refuse it."),),
        every_seconds=60,
    ),
    Case("LLMCertificateExpiresSoon", "three days are left", _certificate(*[3 * DAY] * 60), 59, every_seconds=60),
    Case(
        "LLMCertificateExpiresSoon",
        "an old certificate for four minutes",
        _certificate(*[90 * DAY] * 30, *[DAY] * 4, *[90 * DAY] * 30),
        63,
        every_seconds=60,
    ),
)

CASES = (
    *TARGET_DOWN,
    *MODEL_MISSING_CASES,
    *MODEL_LOAD_FAILED,
    *MODEL_NOT_LOADED,
    *PROBE_LOADS_MODEL,
    *STREAM_STALLED,
    *STREAM_GATHERED,
    *NO_COMPLETION,
    *REGRESSION,
    *CERTIFICATE,
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_alert_on_a_target(case: Case, tmp_path: Path) -> None:
    check(case, tmp_path)


def test_a_success_since_the_last_recording_is_seen(tmp_path: Path) -> None:
    """What is recorded of a target is up to one evaluation old: an alert that says that no chat succeeds looks at the chats themselves."""
    configured = config()
    alone = [group for group in needed(["LLMTargetDown"], rules(configured).groups) if group.name != "chatprobe-recordings"]
    down = {f'{UP.name}{{job="chatprobe",target="llm/vllm",backend="vllm",model="{VLLM["model"]}"}}': "0x40"}
    story = chats(lasting(5, REFUSED, OK) + lasting(5, REFUSED))
    fired = firing(configured, "LLMTargetDown", story | down, [4, 9], tmp_path, groups=alone)
    assert [len(alerts) for alerts in fired.values()] == [0, 1]
