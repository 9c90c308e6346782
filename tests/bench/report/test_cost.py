"""Capacity and cost, from what was measured and a price."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from bench.report.cost import Price, costs, read_price
from bench.report.seen import Seen

CAPACITY = {"kind": "capacity", "target": "vllm", "words": "40 users", "figures": {"users": 40.0, "slo": "interactive"}}


@pytest.mark.parametrize(
    ("written", "price"),
    [
        ("vllm=2x1.99USD", Price("vllm", 1.99, "USD", 2)),
        ("team/tgi=3.98", Price("team/tgi", 3.98)),
        ("a=b=4 × 0.5€/h", Price("a=b", 0.5, "€", 4)),
    ],
)
def test_a_price_is_read(written: str, price: Price) -> None:
    assert read_price(written) == price


@pytest.mark.parametrize("written", ["vllm", "=2", "vllm=", "vllm=cheap", "vllm=-1", "vllm=0x2USD", "vllm=2x"])
def test_what_is_no_price_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(repr(written))} .*like vllm=2x1.99USD"):
        read_price(written)


def test_cost_is_that_of_the_level_with_most_tokens(compared: Seen) -> None:
    summary = replace(compared.summary, outcomes=(CAPACITY,))
    found = {cost.target: cost for cost in costs(summary, {}, [Price("vllm", 1.8, "USD", 2)]).engines}
    vllm = found["vllm"]
    measured = {target.throughput.value for level in summary.levels for target in level.targets if target.target == "vllm"}
    assert vllm.level == "16 users"
    assert vllm.tokens_per_second == max(value for value in measured if value is not None)
    assert vllm.tokens_per_second_per_gpu == pytest.approx(vllm.tokens_per_second / 2)
    assert vllm.per_million == pytest.approx(3.6 / 3600 / vllm.tokens_per_second * 1e6)
    assert vllm.users_per_gpu == 20
    assert vllm.per_user_hour == pytest.approx(3.6 / 40)
    assert (found["tgi"].gpus, found["tgi"].per_million) == (None, None)


def test_what_is_missing_is_told_with_how_to_give_it(compared: Seen) -> None:
    told = costs(replace(compared.summary, outcomes=()), {"ollama": 1}, [Price("vllm", 1.8, "USD", 2)])
    gpus, users = told.missing
    assert gpus.startswith("How many GPUs tgi runs on is not known.")
    assert "--price tgi=2x1.99USD" in gpus
    assert users.startswith("How many users vllm, tgi and ollama can serve within an SLO is not known")
    assert next(cost for cost in told.engines if cost.target == "ollama").gpus_told_by == "as NVIDIA's DCGM told"


def test_a_price_alone_is_missed_where_gpus_were_seen(compared: Seen) -> None:
    told = costs(compared.summary, dict.fromkeys(compared.summary.targets, 1), [])
    assert told.missing[0].startswith("What an hour of vllm, tgi and ollama costs is not known")
