from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from bench.courses.evidence import Goal
from bench.courses.making import replay_of, search_of, sweep_of
from bench.courses.search import Bounds
from bench.courses.traces import TraceError
from config.bench_courses import BenchReplay, BenchSearch, BenchSweep
from config.bench_slos import PRESETS
from config.load import ClosedLoop, Every, Fixed, OpenLoop, RateStage, UserStage

LIKE = ClosedLoop((UserStage(3),), Fixed(2.0), 4.0)


def test_a_sweep_as_it_is_written() -> None:
    sweep = sweep_of(BenchSweep.model_validate({"rate": {"from": "1/s", "to": "4/s", "steps": 3}}), ("vllm",), LIKE, "poisson")
    assert sweep.amounts == (Fraction(1), Fraction(2), Fraction(4))
    level = sweep.next([])
    assert level is not None
    assert level.loads == {"vllm": OpenLoop((RateStage(Fraction(1)),), "poisson")}


def test_users_think_and_join_as_those_of_the_scenario() -> None:
    written = BenchSweep.model_validate({"users": [2, 5]})
    thinking, plain = (sweep_of(written, ("vllm",), like, "poisson").next([]) for like in (LIKE, Every(15)))
    assert thinking is not None
    assert plain is not None
    assert thinking.loads == {"vllm": ClosedLoop((UserStage(2),), Fixed(2.0), 4.0)}
    assert plain.loads == {"vllm": ClosedLoop((UserStage(2),))}


def test_a_search_as_it_is_written() -> None:
    written = BenchSearch.model_validate({"slo": "interactive", "of": "rate", "most": "32/s", "objective": "90%", "rounds": 5, "probes": 7})
    search = search_of(written, ("vllm", "tgi"), LIKE, "constant")
    assert search.bounds == Bounds(Fraction(1), Fraction(32), Fraction(1, 20), 7)
    assert search.goal == Goal(PRESETS["interactive"], 0.9, rounds=5)
    level = search.next([])
    assert level is not None
    assert level.loads == dict.fromkeys(("vllm", "tgi"), OpenLoop((RateStage(Fraction(1)),), "constant"))


def test_a_replay_as_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "trace").write_text("".join(f'{{"timestamp": {1000 * at}, "input_length": 10, "output_length": 5}}\n' for at in range(10)))
    written = BenchReplay.model_validate({"file": "trace", "speed": 2.0, "from": "2s", "for": "5s", "chats": 3})
    replay, recorded = replay_of(written, ("vllm",), tmp_path)
    assert [arrival.at_seconds for arrival in replay.trace.arrivals] == [0.0, 1.0, 2.0]
    assert (recorded.format, replay.trace.seconds) == ("mooncake", 1.0)
    with pytest.raises(TraceError, match="other: cannot be read"):
        replay_of(BenchReplay.model_validate({"file": "other"}), ("vllm",), tmp_path)
