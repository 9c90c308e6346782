"""Alerts on how engines compare, in the situations that they are for, and in those that only look like them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, chain, repeat
from pathlib import Path

import pytest

from catalogue import own
from tests.alerts.cases import Case, Firing, check
from tests.alerts.series import (
    NO_TOKEN_IN_TIME,
    NOTHING,
    OK,
    OTHER_INSTANCE,
    REFUSED,
    RESTARTED,
    TGI,
    VLLM,
    Chat,
    Series,
    chats,
    lasting,
    series,
)

pytestmark = pytest.mark.prometheus

SLOW = Chat(ttft=0.4)
DAYS = 24 * 60
SPARSE = 240

SLOWER_THAN_PEER = (
    Case(
        "LLMEngineSlowerThanPeer",
        "five times as slow for forty minutes; fifty chats take twelve and a quarter, and the hour forgets them slowly",
        chats(lasting(120, OK)) | chats(lasting(40, SLOW) + lasting(80, OK), target=TGI),
        119.5,
        (
            Firing(
                27.25,
                101.5,
                {**TGI, "scenario": "heartbeat"},
                "The 95th percentile of the time to first token of llm/tgi (tgi) in 1h is 4 times that of the best healthy target "
                "in the same scenario (heartbeat).",
            ),
        ),
    ),
    Case(
        "LLMEngineSlowerThanPeer",
        "its answers time out before they begin",
        chats(lasting(60, OK)) | chats(lasting(60, NO_TOKEN_IN_TIME), target=TGI),
        59.5,
        (Firing(27.25, 59.5, TGI),),
    ),
    Case(
        "LLMEngineSlowerThanPeer",
        "the peer is quick to fail, and quick in what is left",
        chats(lasting(60, OK, REFUSED)) | chats(lasting(60, SLOW), target=TGI),
        59.5,
    ),
    Case(
        "LLMEngineSlowerThanPeer",
        "a little slower, less than half as much again",
        chats(lasting(60, Chat(ttft=0.2))) | chats(lasting(60, Chat(ttft=0.25)), target=TGI),
        59.5,
    ),
    Case(
        "LLMEngineSlowerThanPeer",
        "too few chats",
        chats(lasting(90, OK, *[NOTHING] * 5), interval=90) | chats(lasting(90, SLOW, *[NOTHING] * 5), target=TGI, interval=90),
        89.5,
    ),
    Case(
        "LLMEngineSlowerThanPeer",
        "one slow chat in thirty",
        chats(lasting(60, OK)) | chats(lasting(60, SLOW, *[OK] * 29), target=TGI),
        59.5,
    ),
    Case("LLMEngineSlowerThanPeer", "it has no peer", chats(lasting(60, SLOW), target=TGI), 59.5),
    Case(
        "LLMEngineSlowerThanPeer",
        "other chats are quicker",
        chats(lasting(60, OK), scenario="short") | chats(lasting(60, SLOW), target=TGI),
        59.5,
    ),
    Case(
        "LLMEngineSlowerThanPeer",
        "chatprobe is started anew meanwhile, and its shards tell of one engine each",
        chats([*lasting(30, OK), RESTARTED, *lasting(30, OK)]) | chats(lasting(60, SLOW), target=TGI, instance=OTHER_INSTANCE),
        59.5,
        (Firing(27.25, 59.5, TGI),),
    ),
)


def pairs(*stretches: tuple[float, float | None], each: float = 16, restarts_at: int | None = None) -> Series:
    """Prompts that went to vLLM and TGI, `each` in four minutes, for so many days at a time, of which vLLM won such a share on TTFT; None: nobody
    tells of them."""
    shares = list(chain.from_iterable(repeat(share, round(days * DAYS * 60 / SPARSE)) for days, share in stretches))
    told: Series = {}
    for metric, more, steps in (
        (own.PAIRS, {}, [each for _ in shares]),
        (own.PAIR_WINS, {"measure": "ttft"}, [each * (share or 0) for share in shares]),
        (own.PAIR_WINS, {"measure": "tpot"}, [each / 2 for _ in shares]),
    ):
        counted = _counted(steps, restarts_at)
        samples = [None if share is None else sample for share, sample in zip(shares, counted, strict=True)]
        told |= series(metric, samples, **VLLM, scenario="heartbeat", peer=TGI["target"], **more)
    return told


def _counted(steps: Sequence[float], restarts_at: int | None) -> list[float]:
    """The counter of these steps, which begins at 0 again with one of them."""
    counted = list(accumulate(map(float, steps)))
    if restarts_at is None:
        return counted
    return counted[:restarts_at] + [value - counted[restarts_at] for value in counted[restarts_at:]]


TURNED_AT = 8 * DAYS
KNOWN = ((2, 0.7), (5, None), (1, 0.7))
WINS_TURNED = (
    Case(
        "LLMPairWinsTurned",
        "won 70 in a hundred, and 30 since: the day's mean is below 40 after eighteen and a half hours, and an hour later it is told",
        pairs(*KNOWN, (1, 0.3)),
        9 * DAYS - 4,
        (
            Firing(
                TURNED_AT + 1168,
                9 * DAYS - 4,
                {**VLLM, "scenario": "heartbeat", "peer": "llm/tgi", "measure": "ttft"},
                "On ttft, llm/vllm does better than llm/tgi in 38.31% of the pairs of a day (heartbeat), after more than 60% a week ago.",
            ),
        ),
        every_seconds=SPARSE,
        since=TURNED_AT,
    ),
    Case(
        "LLMPairWinsTurned",
        "chatprobe is started anew meanwhile",
        pairs(*KNOWN, (1, 0.3), restarts_at=3000),
        9 * DAYS - 4,
        (Firing(TURNED_AT + 1168, 9 * DAYS - 4, {"measure": "ttft"}),),
        every_seconds=SPARSE,
        since=TURNED_AT,
    ),
    Case("LLMPairWinsTurned", "too few pairs", pairs(*KNOWN, (1, 0.3), each=0.1), 9 * DAYS - 4, every_seconds=SPARSE, since=TURNED_AT),
    Case("LLMPairWinsTurned", "it did not win before", pairs((2, 0.5), (6, None), (1, 0.3)), 9 * DAYS - 4, every_seconds=SPARSE, since=TURNED_AT),
    Case("LLMPairWinsTurned", "a bad night", pairs(*KNOWN, (0.4, 0), (0.6, 0.7)), 9 * DAYS - 4, every_seconds=SPARSE, since=TURNED_AT),
    Case(
        "LLMPairWinsTurned",
        "a bad morning after days of which nothing is known",
        pairs((2, 0.7), (6, None), (0.4, 0.1)),
        TURNED_AT + 560,
        every_seconds=SPARSE,
        since=TURNED_AT,
    ),
    Case("LLMPairWinsTurned", "nothing is known of last week", pairs((1, 0.7), (1, 0.3)), 2 * DAYS - 4, every_seconds=SPARSE),
)


def gap(*stretches: tuple[float, float, int], basis: str = "request", restarts_at: int | None = None) -> Series:
    """Chats of which the engine tells, one a scrape: for so many minutes at a time, whose first token came so much later, so many at once."""
    each = list(chain.from_iterable(repeat((late, count), round(minutes * 4)) for minutes, late, count in stretches))
    told: Series = {}
    for metric, steps in (
        (own.GAP_CHATS, [count for _, count in each]),
        (own.GAP_ENGINE_TTFT, [0.1 * count for _, count in each]),
        (own.GAP_CLIENT_TTFT, [(0.1 + late) * count for late, count in each]),
    ):
        told |= series(metric, _counted(steps, restarts_at), **VLLM, basis=basis)
    return told


CLIENT_SERVER_GAP = (
    Case(
        "LLMClientServerGap",
        "0.4 s from the twentieth minute on: the mean of fifteen minutes is above 0.25 s with the 35th chat of them",
        gap((20, 0.05, 1), (40, 0.4, 1), (30, 0.05, 1)),
        89.5,
        (
            Firing(
                43.5,
                66,
                {**VLLM, "basis": "request"},
                "The first token of the same chats with llm/vllm (Qwen/Qwen2.5-7B-Instruct) reaches the client 400ms later than the engine says "
                "it had it: the network, a router or the engine's HTTP server takes that time.",
            ),
        ),
    ),
    Case("LLMClientServerGap", "0.2 s", gap((60, 0.2, 1)), 59.5),
    Case("LLMClientServerGap", "one chat comes 30 s late", gap((20, 0.05, 1), (0.25, 30, 1), (40, 0.05, 1)), 60),
    Case("LLMClientServerGap", "there are no chats any more", gap((5, 0.05, 1), (0.25, 30, 1), (40, 0.05, 0)), 45),
    Case(
        "LLMClientServerGap",
        "chatprobe is started anew meanwhile",
        gap((20, 0.05, 1), (40, 0.4, 1), restarts_at=140),
        59.5,
        (Firing(43.5, 59.5, {"basis": "request"}),),
    ),
    Case(
        "LLMClientServerGap",
        "an engine tells it in two ways",
        gap((60, 0.4, 1)) | gap((60, 0.05, 1), basis="window"),
        59.5,
        (Firing(15.25, 59.5, {"basis": "request"}),),
    ),
)

CASES = (*SLOWER_THAN_PEER, *WINS_TURNED, *CLIENT_SERVER_GAP)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_alert_on_a_comparison(case: Case, tmp_path: Path) -> None:
    check(case, tmp_path)
