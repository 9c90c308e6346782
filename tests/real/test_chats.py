"""Against a real engine: what chatprobe measures agrees with what the engine says of itself."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from typing import Any

import pytest

from probes import backends
from tests.real.engines import Running

pytestmark = pytest.mark.real

WARM_UPS = 10
ROUNDS = 5
CHATS_A_ROUND = 10
CLOSE_SECONDS = 0.02


def probe(engine: Running, *options: str) -> list[dict[str, Any]]:
    records, said = probed(engine, *options)
    assert said == ""
    return records


def probed(engine: Running, *options: str) -> tuple[list[dict[str, Any]], str]:
    """The records, and what else was said."""
    done = subprocess.run(
        [sys.executable, "-m", "cli", "probe", engine.url, "--backend", engine.backend, "--output", "json", "--no-chunks", *options],
        check=False,
        capture_output=True,
        text=True,
    )
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, [record["detail"] for record in records]
    return records, done.stderr


def test_fifty_chats_and_the_engine_counts_the_same_tokens(engine: Running) -> None:
    before = engine.native(engine.engine.generated_tokens)
    records = probe(engine, "--count", "50", "--concurrency", "8")
    assert [record["outcome"] for record in records] == ["ok"] * 50
    assert {record["clock"] for record in records} == {"kernel"}
    assert {record["token_source"] for record in records} == {"usage"}
    tokens = sum(record["output_tokens"] for record in records)
    assert tokens == engine.grown(engine.engine.generated_tokens, before, tokens)


def test_a_chat_needs_no_name_of_a_model(engine: Running) -> None:
    """The engine may be too busy to list its models when the first chat is due."""
    (record,), said = probed(engine, "--model", "unknown")
    assert record["outcome"] == "ok"
    assert bool(said) is (record["model"] != "unknown") is backends.get(engine.backend).ignores_names


def test_the_time_to_first_token_is_the_engines_own_and_little_more(engine: Running) -> None:
    """What lies between the two: the request's way through the kernel and the engine's HTTP server, and the first chunk's way back."""
    probe(engine, "--count", str(WARM_UPS))
    more = [between(engine) for _ in range(ROUNDS)]
    assert 0 <= statistics.median(more) < CLOSE_SECONDS, more


def between(engine: Running) -> float:
    """Seconds by which our mean time to first token is above the engine's own, for the chats of one round."""
    if engine.engine.ttft_seconds is None:
        records = probe(engine, "--count", str(CHATS_A_ROUND))
        return statistics.fmean(record["ttft_seconds"] - record["native"]["prefill_seconds"] for record in records)
    seconds, chats = engine.engine.ttft_seconds
    seconds_before, chats_before = engine.native(seconds), engine.native(chats)
    records = probe(engine, "--count", str(CHATS_A_ROUND))
    assert engine.grown(chats, chats_before, CHATS_A_ROUND) == CHATS_A_ROUND
    own = (engine.native(seconds) - seconds_before) / CHATS_A_ROUND
    return statistics.fmean(record["ttft_seconds"] for record in records) - own
