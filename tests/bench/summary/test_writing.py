"""The JSON of real summaries is what the schema says, and comes back as it was."""

from __future__ import annotations

import csv
import json
from typing import Any

import jsonschema_rs
import orjson
import pytest

from bench.caveat import Caveat
from bench.engine_side.finding import Finding
from bench.level import Level, Measured
from bench.summary.given import Given
from bench.summary.making import summarise
from bench.summary.scope import SCOPES
from bench.summary.shape import Summary
from bench.summary.writing import COLUMNS, from_json, to_csv, to_json
from config.bench_slos import PRESETS
from tests.bench.summary.chats import RATE, USERS, Engine, level
from tests.docs.pages import ROOT

SCHEMA = json.loads((ROOT / "docs" / "summary.schema.json").read_text())
VALIDATOR = jsonschema_rs.validator_for(SCHEMA)


def run(name: str) -> Summary:
    fast, slow = Engine(tokens=10), Engine(ttft=0.3, tokens=10)
    match name:
        case "two engines":
            return summarise(Given(targets=("vllm", "tgi"), measured=[level({"vllm": fast, "tgi": slow})], slos=[PRESETS["interactive"]]))
        case "arrivals, failures and a dead engine":
            engines = {"vllm": fast, "tgi": Engine(failing=0.2, tokens=10), "dead": Engine(failing=1.0)}
            caveat = Caveat("tgi has a shorter context", ("tgi",))
            finding = Finding(
                rule="queue", kind="cause", target="vllm", level=None, words="the queue", figures={"share": 0.63}, advice="more"
            ).to_json()
            given = Given(
                targets=tuple(engines), measured=[level(engines, load=RATE)], caveats=[caveat], findings=[finding], part="it was interrupted"
            )
            return summarise(given, SCOPES["stress"])
        case "too little of everything":
            return summarise(Given(targets=("vllm", "tgi"), measured=[level({"vllm": fast, "tgi": slow}, rounds=1, chats=3)], lost_records=3))
        case "nothing":
            return summarise(Given(targets=("vllm",), measured=[Measured(Level("1 user", {"vllm": USERS}), (), [])]))
    raise AssertionError(name)


RUNS = ("two engines", "arrivals, failures and a dead engine", "too little of everything", "nothing")


@pytest.fixture(scope="module", params=RUNS)
def summary(request: pytest.FixtureRequest) -> Summary:
    return run(request.param)


def test_it_is_what_the_schema_says(summary: Summary) -> None:
    assert [f"{error.instance_path}: {error.message}" for error in VALIDATOR.iter_errors(to_json(summary))] == []


def test_it_comes_back_from_any_json_as_it_was(summary: Summary) -> None:
    assert from_json(orjson.loads(orjson.dumps(to_json(summary)))) == summary
    assert from_json(json.loads(json.dumps(to_json(summary), allow_nan=False))) == summary


def test_the_table_has_every_statistic(summary: Summary) -> None:
    rows = list(csv.DictReader(to_csv(summary).splitlines()))
    assert all(list(row) == list(COLUMNS) for row in rows)
    p50 = {(row["target"], row["value"]) for row in rows if (row["measure"], row["statistic"]) == ("ttft", "p50")}
    values = {
        (target.target, "" if (value := target.measures["ttft"].quantiles[0.5].value) is None else str(value))
        for level in summary.levels
        for target in level.targets
        if "ttft" in target.measures
    }
    assert p50 == values


def test_the_contract() -> None:
    """What other programs read: the keys that issue and design name."""
    written = to_json(run("two engines"))
    first = written["comparisons"][0]
    assert (first["measure"], first["quantile"], first["a"], first["b"], first["confidence"], first["winner"]) == (
        "ttft",
        0.5,
        "vllm",
        "tgi",
        0.95,
        "vllm",
    )
    assert 1 < first["low"] <= first["low_alone"] <= first["ratio"] <= first["high_alone"] <= first["high"]
    assert written["verdict"]["trusted"] is True
    target = written["levels"][0]["targets"][0]
    assert target["measures"]["ttft"]["p95"]["value"] > target["measures"]["ttft"]["p50"]["value"]
    assert target["measures"]["since_due"] is None
    assert target["goodput"]["interactive"]["value"] > 0.9
    assert written["slos"] == {"interactive": {"ttft": 0.45, "tpot": 0.04}}


def test_a_quantile_among_failed_chats_is_inf() -> None:
    written = to_json(run("arrivals, failures and a dead engine"))
    tgi = written["levels"][0]["targets"][1]
    assert tgi["measures"]["ttft_failures_worst"]["p95"]["value"] == "inf"
    assert tgi["measures"]["since_due"]["p50"]["value"] > 0


def spoilt(change: str) -> dict[str, Any]:
    written = to_json(run("nothing"))
    match change:
        case "more":
            written["score"] = 7
        case "less":
            del written["verdict"]
        case "otherwise":
            written["targets"] = "vllm"
    return written


@pytest.mark.parametrize("change", ["more", "less", "otherwise"])
def test_the_schema_refuses_what_is_not_of_it(change: str) -> None:
    assert not VALIDATOR.is_valid(spoilt(change))


def test_of_another_version_or_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="this version reads 1"):
        from_json({**to_json(run("nothing")), "schema": 2})
    with pytest.raises(ValueError, match="targets"):
        from_json(spoilt("otherwise"))


@pytest.mark.parametrize("levels", [7, [{}], [{"targets": ["vllm"]}], [{"targets": [{"measures": 7}]}], [{"targets": [{"measures": {"ttft": {}}}]}]])
def test_levels_of_another_shape_are_refused(levels: object) -> None:
    with pytest.raises(ValueError, match="levels: are none of a summary"):
        from_json({**to_json(run("nothing")), "levels": levels})
