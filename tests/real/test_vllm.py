"""Against a real vLLM: what chatprobe measures agrees with what the engine says of itself.

`tests/real/vllm/up` starts one and prints its URL, for CHATPROBE_VLLM_URL. The engine is to be idle otherwise.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
import urllib.request
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.real

WARM_UPS = 10
ROUNDS = 5
CHATS_A_ROUND = 10
CLOSE_SECONDS = 0.02


def probe(url: str, *options: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "cli", "probe", url, "--backend", "vllm", "--output", "json", "--no-chunks", *options],
        check=False,
        capture_output=True,
        text=True,
    )
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (0, ""), [record["detail"] for record in records]
    return records


def native(url: str, sample: str) -> float:
    """The sum of the engine's samples of this name."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as response:
        families = text_string_to_metric_families(response.read().decode())
    values = [each.value for family in families for each in family.samples if each.name == sample]
    assert values, f"the engine has no {sample}"
    return sum(values)


def native_after(url: str, chats: float, sample: str) -> float:
    """The same, once the engine has counted so many chats as ended: it does so a moment after their last byte."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while native(url, "vllm:request_success_total") < chats:
        assert time.monotonic() < deadline, "the engine did not count all the chats"
    return native(url, sample)


def test_fifty_chats_and_the_engine_counts_the_same_tokens(url: str) -> None:
    chats = native(url, "vllm:request_success_total")
    tokens = native(url, "vllm:generation_tokens_total")
    records = probe(url, "--count", "50", "--concurrency", "8")
    assert [record["outcome"] for record in records] == ["ok"] * 50
    assert {record["clock"] for record in records} == {"kernel"}
    assert {record["token_source"] for record in records} == {"usage"}
    assert sum(record["output_tokens"] for record in records) == native_after(url, chats + 50, "vllm:generation_tokens_total") - tokens


def test_a_chat_needs_no_name_of_a_model(url: str) -> None:
    """The engine may be too busy to list its models when the first chat is due."""
    assert [record["outcome"] for record in probe(url, "--model", "unknown")] == ["ok"]


def test_the_time_to_first_token_is_the_engines_own_and_little_more(url: str) -> None:
    """What lies between the two: the request's way through the kernel and vLLM's HTTP server, and the first chunk's way back."""
    probe(url, "--count", str(WARM_UPS))
    more = []
    for _ in range(ROUNDS):
        chats = native(url, "vllm:request_success_total")
        before = native(url, "vllm:time_to_first_token_seconds_sum")
        ours = statistics.fmean(record["ttft_seconds"] for record in probe(url, "--count", str(CHATS_A_ROUND)))
        engines = (native_after(url, chats + CHATS_A_ROUND, "vllm:time_to_first_token_seconds_sum") - before) / CHATS_A_ROUND
        more.append(ours - engines)
    assert 0 <= statistics.median(more) < CLOSE_SECONDS, more
