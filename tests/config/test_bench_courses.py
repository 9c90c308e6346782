from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from pydantic import BaseModel, ValidationError

from config.bench_courses import BenchReplay, BenchSearch, BenchSweep, RateSteps

SWEEPS: list[dict[str, object]] = [
    {"rate": {"from": "1/s", "to": "32/s", "steps": 6}},
    {"rate": ["30/m", "1/s", "2/s"]},
    {"users": {"from": 1, "to": 64, "steps": 7}},
    {"users": [1, 2, 5]},
]
SEARCHES: list[dict[str, object]] = [
    {"slo": "conversational", "of": "users", "objective": "95%", "from": 1, "most": 200, "resolution": "5%", "probes": 20, "rounds": 3},
    {"slo": {"ttft": "500ms"}, "of": "rate", "objective": "99%", "from": "30/m", "most": "50/s", "resolution": "10%", "probes": 9, "rounds": 5},
]
REPLAY = {
    "file": "trace.jsonl", "format": "mooncake", "speed": 2.0, "from": "10m", "for": "5m", "chats": 100, "longest": 8192, "target": "vllm",
}  # fmt: skip


@pytest.mark.parametrize(
    ("model", "written"),
    [*((BenchSweep, written) for written in SWEEPS), *((BenchSearch, written) for written in SEARCHES), (BenchReplay, REPLAY)],
)
def test_what_is_written_reads_back(model: type[BaseModel], written: dict[str, object]) -> None:
    assert model.model_validate(written).model_dump(by_alias=True, exclude_none=True) == written


def test_what_is_left_out() -> None:
    search = BenchSearch.model_validate({"slo": "instant", "most": 8})
    assert (search.of, search.bounds, search.objective) == ("users", (Fraction(1), Fraction(8)), Decimal("0.95"))
    sweep = BenchSweep.model_validate({"rate": {"from": "1/s", "to": "2/s"}})
    assert isinstance(sweep.rate, RateSteps)
    assert sweep.rate.steps == 8
    assert BenchReplay.model_validate({"file": "x"}).speed == 1.0


def problems(model: type[BaseModel], written: object) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(written)
    errors = caught.value.errors(include_url=False)
    return [
        f"{'.'.join(map(str, error['loc']))}: {error.get('ctx', {}).get('text') or error.get('ctx', {}).get('error') or error['type']}"
        for error in errors
    ]


@pytest.mark.parametrize(
    ("model", "written", "said"),
    [
        (BenchSweep, {}, ": does not sweep one thing; write rate: {from: 1/s, to: 32/s, steps: 8}, or users: [1, 2, 4, 8]"),
        (BenchSweep, SWEEPS[0] | SWEEPS[3], ": does not sweep one thing; write rate: {from: 1/s, to: 32/s, steps: 8}, or users: [1, 2, 4, 8]"),
        (BenchSweep, {"rate": 5}, "rate: is no sweep of rates; write {from: 1/s, to: 32/s, steps: 8}, or a list like [1/s, 2/s, 4/s]"),
        (BenchSweep, {"users": "5"}, "users: is no sweep of users; write {from: 1, to: 64, steps: 7}, or a list like [1, 2, 4]"),
        (BenchSweep, {"rate": {"from": "2/s", "to": "2/s"}}, "rate.to: is not above from; write the lowest and the highest amount"),
        (BenchSweep, {"rate": {"from": "0/s", "to": "2/s"}}, "rate.from: is out of range; write a rate from 1/d to 1000/s"),
        (BenchSweep, {"users": {"from": 0, "to": 2}}, "users.from: greater_than_equal"),
        (BenchSweep, {"users": {"from": 1, "to": 2, "step": 2}}, "users.step: extra_forbidden"),
        (BenchSweep, {"users": [1]}, "users: has 1 amounts; write 2 to 100"),
        (BenchSweep, {"users": [1, 3, 2]}, "users: does not rise from each amount to the next; write the lowest first, and each once"),
        (BenchSweep, {"users": [1, 0.5]}, "users.1: is no number of users; write a whole one from 1 to 10000"),
        (BenchSweep, {"rate": ["1/s", 2]}, "rate.1: is not a rate; write a number per s, m, h or d, like 2/s, 30/m or 120/h"),
        (BenchSweep, {"rate": ["0/s", "1/s"]}, "rate.0: is out of range; write a rate from 1/d to 1000/s"),
        (BenchSearch, {"slo": "fast", "most": 8}, "slo: is no SLO of a chat; write one of instant, interactive, conversational, reading, "
         "or thresholds like {ttft: 500ms, tpot: 50ms}"),
        (BenchSearch, {"slo": {}, "most": 8}, "slo: has no threshold; write one at least, like {ttft: 500ms, tpot: 50ms}"),
        (BenchSearch, {"slo": "instant"}, "most: missing"),
        (BenchSearch, {"slo": "instant", "most": "8/s"}, "most: is no amount of users; write a whole number, like 200"),
        (BenchSearch, {"slo": "instant", "of": "rate", "most": 8}, "most: is no amount of rate; write a rate, like 50/s"),
        (BenchSearch, {"slo": "instant", "most": 10_001}, "most: is out of range; write 1 to 10000 users"),
        (BenchSearch, {"slo": "instant", "most": 1}, "most: is not above from; write the most that is to be tried"),
        (BenchSearch, {"slo": "instant", "most": 9, "resolution": "0%"},
         "resolution: is out of range; write a percentage above 0% and below 100%, like 5%"),
        (BenchReplay, {}, "file: missing"),
        (BenchReplay, {"file": "x", "speed": 0.0}, "speed: greater_than_equal"),
        (BenchReplay, {"file": "x", "format": "burst"}, "format: literal_error"),
    ],
)  # fmt: skip
def test_says_what_is_wrong(model: type[BaseModel], written: object, said: str) -> None:
    assert problems(model, written) == [said]
