"""The real Ollama: its own account of a chat's time, prompts that do not fit, and its guard against repeating.

Each server here is one of the test's own, since the slots and the context are chosen when a server starts.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from cli.remedies import remedy
from probes.ask import Ask, Endpoint, Message
from probes.failure import Reason
from probes.probing import Prober
from probes.prompts import Prompter, Synthetic
from probes.record import ChatRecord

pytestmark = pytest.mark.asyncio(loop_scope="module")

UP = Path(__file__).parent / "ollama" / "up"
CONTEXT = 2048
OVERHEAD_SECONDS = 0.25
"""The template, the frontend and a busy machine; a chat with 256 tokens takes that long alone."""


@contextmanager
def started(*settings: str) -> Iterator[str]:
    """The URL of a server with these settings. Skips where none is to be had: the first start builds it."""
    if not os.environ.get("CHATPROBE_OLLAMA_URL"):
        pytest.skip("CHATPROBE_OLLAMA_URL is not set; tests/real/ollama/up starts the engine")
    if not UP.exists():
        pytest.skip(f"{UP} is not there, which starts a server with other settings")
    made = subprocess.run([UP, "", *settings], capture_output=True, text=True, check=False)
    found = re.search(r"ollama (\S+) pid (\d+)", made.stdout)
    assert found, made.stderr
    try:
        yield found[1]
    finally:
        os.killpg(int(found[2]), signal.SIGTERM)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with started("OLLAMA_NUM_PARALLEL=1", f"OLLAMA_CONTEXT_LENGTH={CONTEXT}") as url:
        for model in ("tiny", "rep", "loop", "utf", "reason"):
            httpx.post(f"{url}/api/chat", json={"model": model, "stream": False}, timeout=120).raise_for_status()
        yield url


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def prober() -> AsyncIterator[Prober]:
    async with Prober() as prober:
        yield prober


def ask(model: str, **changes: object) -> Ask:
    plain = Ask(model=model, messages=(Message("user", "Why is the sky blue?"),), max_tokens=48, prompt_id="text")
    return replace(plain, **changes)  # type: ignore[arg-type]


async def chat(prober: Prober, url: str, asked: Ask) -> ChatRecord:
    return await prober.chat(Endpoint("ollama", "ollama", url), replace(asked, context_tokens=CONTEXT), scenario="real")


async def test_chats_that_wait_for_the_one_slot_are_told_as_the_engines_queue(prober: Prober, url: str) -> None:
    records = await asyncio.gather(*(chat(prober, url, ask("loop", max_tokens=256)) for _ in range(4)))
    assert [record.outcome for record in records] == ["ok"] * 4
    ordered = sorted(records, key=lambda record: record.ttft_seconds or 0)
    for place, record in enumerate(ordered):
        told = record.native
        assert record.ttft_seconds is not None
        assert told.queue_seconds is not None
        assert told.first_token_seconds is not None
        before = sum(earlier.native.decode_seconds or 0 for earlier in ordered[:place])
        assert before - 0.05 <= told.queue_seconds <= before + (place + 1) * OVERHEAD_SECONDS
        assert record.ttft_seconds - told.first_token_seconds == pytest.approx(0, abs=OVERHEAD_SECONDS)


@pytest.mark.parametrize("input_tokens", [CONTEXT + 500, 6000, 20_000])
async def test_a_prompt_that_does_not_fit_is_refused(input_tokens: int, prober: Prober, url: str) -> None:
    prompt = Prompter(Synthetic(input_tokens), cache="cold", seed=1).next()
    asked = ask("tiny", messages=prompt.messages, nonce=prompt.nonce, fewest_tokens=prompt.fewest_tokens)
    record = await chat(prober, url, asked)
    assert record.failure is not None
    assert (record.outcome, record.reason) == ("failed", Reason.REJECTED)
    assert "exceeds the available context size" in record.failure.detail
    assert remedy(record.failure, "ollama").startswith("the prompt and its answer are longer than the engine's context")


async def test_one_that_it_cuts_all_the_same_is_no_answer(prober: Prober, url: str) -> None:
    """As every Ollama before 0.12.11 does it."""
    prompt = Prompter(Synthetic(6000), cache="cold", seed=1).next()
    asked = ask("tiny", messages=prompt.messages, nonce=prompt.nonce, fewest_tokens=prompt.fewest_tokens)
    endpoint = Endpoint("ollama", "ollama", url)
    cutting = replace(endpoint, adaptation=endpoint.adaptation.without(["truncate"]))
    record = await prober.chat(cutting, asked, scenario="real")
    assert (record.outcome, record.reason, record.failed_check) == ("failed", Reason.VALIDATION, "whole_prompt")
    assert record.input_tokens is not None
    assert record.input_tokens <= CONTEXT


async def test_a_prompt_that_fits_is_whole(prober: Prober, url: str) -> None:
    prompt = Prompter(Synthetic(400), cache="cold", seed=1).next()
    record = await chat(prober, url, ask("tiny", messages=prompt.messages, fewest_tokens=prompt.fewest_tokens))
    assert (record.outcome, record.prompt_cut) == ("ok", False)


async def test_its_guard_against_repeating_is_told(prober: Prober, url: str) -> None:
    record = await chat(prober, url, ask("rep"))
    assert record.failure is not None
    assert (record.reason, len(record.chunks)) == (Reason.TRUNCATED, 31)
    assert "Ollama cuts a model that repeats itself" in record.failure.detail


async def test_words_again_and_again_are_none_of_it(prober: Prober, url: str) -> None:
    record = await chat(prober, url, ask("loop", max_tokens=200))
    assert (record.outcome, record.finish_reason, record.output_tokens) == ("ok", "length", 200)


async def test_characters_of_several_tokens_have_their_time(prober: Prober, url: str) -> None:
    record = await chat(prober, url, ask("utf"))
    assert (record.outcome, record.chunk_token_source, len(record.chunks)) == ("ok", "apportioned", 13)
    assert record.native_tpot_factor is None
    assert record.output_tokens == 34


async def test_thinking_is_in_its_time_to_first_token(prober: Prober, url: str) -> None:
    record = await chat(prober, url, ask("reason", thinking=True))
    assert (record.outcome, record.reasoned) == ("ok", True)
    assert record.native.queue_seconds is not None
    assert record.ttft_seconds is not None
    assert record.first_content_seconds is not None
    assert record.ttft_seconds < record.first_content_seconds
