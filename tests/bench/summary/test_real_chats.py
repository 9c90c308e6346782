"""The summary of chats that were really held: with two simulated engines, by the probes, over sockets."""

from __future__ import annotations

import asyncio
import time

import jsonschema_rs
import numpy as np
import orjson
import pytest

from bench.chat import Chat, Place, chat_of
from bench.level import Block, Level, Measured
from bench.summary.given import Given
from bench.summary.making import summarise
from bench.summary.writing import to_json
from config.bench_slos import ChatSlo
from config.load import ClosedLoop, UserStage
from probes.ask import Ask, Endpoint, Message
from probes.probing import Prober
from probes.record import ChatRecord
from simulator import Latency, Options, simulated
from tests.docs.pages import ROOT

pytestmark = pytest.mark.asyncio(loop_scope="module")
USERS, TOKENS, BLOCK_SECONDS = 3, 12, 2.0
ASK = Ask(model="tiny", messages=(Message("user", "Say something."),), max_tokens=TOKENS, prompt_id="short-question")


async def held(prober: Prober, endpoints: list[Endpoint], number: int) -> tuple[float, list[tuple[Chat, ChatRecord]]]:
    """One block and how many seconds it took. Some users of each engine chat one chat after another, all engines at once."""
    began_ns, found = time.monotonic_ns(), list[tuple[Chat, ChatRecord]]()

    async def user(endpoint: Endpoint) -> None:
        while time.monotonic_ns() - began_ns < BLOCK_SECONDS * 1e9:
            record = await prober.chat(endpoint, ASK, scenario="bench", due_ns=time.monotonic_ns())
            place = Place("3 users", number, number, (record.started_ns - began_ns) / 1e9, warm_up=False)
            found.append((chat_of(record, place, cut=False), record))

    await asyncio.gather(*(user(endpoint) for endpoint in endpoints for _ in range(USERS)))
    return (time.monotonic_ns() - began_ns) / 1e9, found


async def test_it_says_what_the_records_say(prober: Prober) -> None:
    fast, slow = (Options(latency=Latency(decode_seconds=seconds), answer_tokens=200) for seconds in (0.004, 0.02))
    async with simulated("vllm", fast) as vllm, simulated("tgi", slow) as tgi:
        endpoints = [Endpoint("vllm", "vllm", vllm.url), Endpoint("tgi", "tgi", tgi.url)]
        rounds = [await held(prober, endpoints, number) for number in (1, 2, 3, 4)]
    found = [each for _, pairs in rounds for each in pairs]
    longest = max(seconds for seconds, _ in rounds)
    blocks = tuple(Block(number, "3 users", number, ("vllm", "tgi"), 0.0, longest) for number in (1, 2, 3, 4))
    load = ClosedLoop((UserStage(USERS),))
    level = Level("3 users", {"vllm": load, "tgi": load})
    measured = Measured(level, blocks, [chat for chat, _ in found])
    slo = ChatSlo("mine", tpot_seconds=10.0)
    summary = summarise(Given(targets=("vllm", "tgi"), measured=[measured], models={"vllm": "tiny", "tgi": "tiny"}, slos=[slo]))

    schema = orjson.loads((ROOT / "docs" / "summary.schema.json").read_bytes())
    assert [error.message for error in jsonschema_rs.validator_for(schema).iter_errors(to_json(summary))] == []
    for target in summary.levels[0].targets:
        records = [record for _, record in found if record.target == target.target]
        kept = summary.levels[0].steady.from_seconds == 0
        assert target.counts.ok + target.counts.unsteady == len(records) > 0
        if kept:
            ttft = [record.ttft_seconds for record in records if record.ttft_seconds is not None]
            assert target.measures["ttft"].quantiles[0.5].value == pytest.approx(float(np.median(ttft)))
            assert target.throughput.value == pytest.approx(sum(record.output_tokens or 0 for record in records) / target.seconds, rel=0.05)
        assert (target.success.value, target.goodput["mine"].value) == (1.0, 1.0)
        assert target.token_sources == {"usage": target.counts.ok}
    tpot = next(each for each in summary.comparisons if each.measure == "tpot")
    assert tpot.ratio is not None
    assert tpot.ratio > 1
    assert {each.winner for each in summary.comparisons} == {None} or summary.verdict.trusted
