"""Answers that come over a socket, and what their checks make of them."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace

import pytest

from probes.ask import Ask, Endpoint, Timeouts
from probes.checks import Checks, Contains, Expected, Expression, JsonSchema, Language, Matches, MinTokens, NotRefusal, Printable
from probes.failure import Failure, Reason
from probes.probing import CHECKS_AT_ONCE, Prober
from probes.record import ChatRecord
from tests.answers import stream, token, usage
from tests.servers import serving, then_hold
from tests.waiting import PATIENCE_SECONDS, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

TIMEOUTS = Timeouts(connect_seconds=5, first_token_seconds=5, stall_seconds=5, total_seconds=8)
ANSWER = "I'm sorry, but I can't help with that."


async def answered(prober: Prober, ask: Ask, text: str, **expected: Expected) -> ChatRecord:
    """The record of a chat in which a server says this text, in two tokens."""
    half = len(text) // 2
    frames = (token(text[:half], 1), token(text[half:], 2), usage(2))
    with serving(then_hold(stream(*frames))) as server:
        endpoint = Endpoint("engine", "vllm", server.url)
        return await prober.chat(endpoint, replace(ask, check=Checks(expected)), scenario="cli", timeouts=TIMEOUTS)


@pytest.mark.parametrize(
    ("expectation", "detail"),
    [
        (Contains("welcome"), "does not contain welcome"),
        (Matches(Expression(r"\d+")), r"does not match \d+"),
        (JsonSchema({"type": "object"}), "is no JSON at line 1, column 1"),
        (MinTokens(3), "has 2 tokens, fewer than 3"),
        (Language("de"), "is in en, where de is expected"),
        (NotRefusal(), "is a refusal"),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_check_that_is_not_met(expectation: Expected, detail: str, prober: Prober, ask: Ask) -> None:
    record = await answered(prober, ask, ANSWER, readable=Printable(), named=expectation)
    assert record.failure == Failure(Reason.VALIDATION, f"named: {detail}", record.ended_ns)
    assert (record.outcome, record.failed_check, record.answer_head) == ("failed", "named", ANSWER)
    assert record.ended_ns == record.finished_ns
    assert record.ttft_seconds is not None
    told = record.to_json()
    assert (told["reason"], told["failed_check"], told["answer_head"], told["text"]) == ("validation", "named", ANSWER, None)


async def test_checks_that_are_met(prober: Prober, ask: Ask) -> None:
    record = await answered(prober, ask, '{"answer": 42}', shape=JsonSchema({"required": ["answer"]}), long=MinTokens(2), readable=Printable())
    assert (record.outcome, record.failed_check, record.answer_head) == ("ok", None, None)


async def test_an_expression_that_goes_astray_is_our_fault_and_soon_over(prober: Prober, ask: Ask) -> None:
    began = time.monotonic()
    record = await answered(prober, ask, "a" * 50_000 + "!", astray=Matches(Expression("(a+)+$")))
    assert record.failure == Failure(Reason.INTERNAL, "the check astray took longer than 0.1 s", record.ended_ns)
    assert (record.failed_check, record.answer_head) == (None, None)
    assert record.ended_ns == record.finished_ns
    assert time.monotonic() - began < 5


async def test_checks_that_take_long_leave_threads_to_others(prober: Prober, ask: Ask) -> None:
    loop = asyncio.get_running_loop()
    looking: asyncio.Queue[None] = asyncio.Queue()
    go_on = threading.Event()

    class TakesLong:
        def wrong(self, _: object) -> None:
            loop.call_soon_threadsafe(looking.put_nowait, None)
            go_on.wait()

    chats = [asyncio.create_task(answered(prober, ask, "yes", slow=TakesLong())) for _ in range(40)]
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            for _ in range(CHECKS_AT_ONCE):
                await looking.get()
            await eventually(lambda: prober._checks._work_queue.qsize() == len(chats) - CHECKS_AT_ONCE)
            await asyncio.to_thread(int)
        assert looking.empty()
    finally:
        go_on.set()
    assert {record.outcome for record in await asyncio.gather(*chats)} == {"ok"}


async def test_chats_go_on_while_an_answer_is_looked_at(prober: Prober, ask: Ask) -> None:
    """The event loop is not held by a check: it turns while the check waits for it."""
    loop = asyncio.get_running_loop()
    turned = threading.Event()

    class WaitsForTheLoop:
        def wrong(self, _: object) -> str | None:
            loop.call_soon_threadsafe(turned.set)
            return None if turned.wait(PATIENCE_SECONDS) else "the loop was held"

    record = await answered(prober, ask, "yes", waits=WaitsForTheLoop())
    assert record.outcome == "ok"
