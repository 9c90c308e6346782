from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.comparing.opening import OpeningError, open_runs, open_side
from bench.comparing.own import DEFINITIONS
from bench.events import End
from bench.question import QUALITIES
from bench.results.problem import ResultsError
from tests.bench.comparing.folders import CONFIGURATION, left


def test_a_run_is_read_with_its_facts(tmp_path: Path) -> None:
    folder = left(tmp_path, "a", ttft_ms={"vllm": 100})
    (run,) = open_runs(str(folder), tmp_path)
    target = run.targets["vllm"]
    assert target.facts == {"model": "tiny", "engine": "vllm", "engine.version": "0.11.0", "engine.flags": '{"context_tokens": "8192"}'}
    assert run.facts["seed"] == "7"
    assert run.facts["prompts"] == '{"max_tokens": 16, "prompt": "short-question"}', "without what says when chats come"
    assert set(run.facts) == {"seed", "prompts", "prober", "tool.version"}
    assert run.distrust == ()
    taken = target.levels["5 users"]
    assert (taken.load, taken.timed, taken.attempts) == ("5 users", True, 400)
    assert taken.sample is not None
    assert len(taken.sample.rounds) == 4


def test_what_the_engine_tells_of_itself_comes_before_what_was_said_of_it(tmp_path: Path) -> None:
    said = {"hardware": "8 × H100", "engine.version": "0.9", "engine.flags": "--enforce-eager"}
    folder = left(tmp_path, "a", ttft_ms={"vllm": 100}, settings={"block_size": "16"}, facts={"vllm": said})
    (run,) = open_runs(str(folder), tmp_path)
    facts = run.targets["vllm"].facts
    assert facts["hardware"] == "8 × H100"
    assert facts["engine.version"] == "0.11.0"
    assert json.loads(facts["engine.flags"]) == {"block_size": "16", "context_tokens": "8192", "said": "--enforce-eager"}


def test_hardware_is_the_gpus_that_were_watched(tmp_path: Path) -> None:
    (run,) = open_runs(str(left(tmp_path, "a", ttft_ms={"vllm": 100}, gpus=["NVIDIA L4", "NVIDIA H100", "NVIDIA L4"])), tmp_path)
    assert run.targets["vllm"].facts["hardware"] == "1 × NVIDIA H100, 2 × NVIDIA L4"


def test_runs_are_found_by_name_and_by_latest(tmp_path: Path) -> None:
    left(tmp_path, "a", ttft_ms={"vllm": 100})
    for written in ("a", "latest"):
        assert [run.name.startswith("test_a_") for run in open_runs(written, tmp_path)] == [True]


def test_one_target_of_a_run_is_chosen_by_its_name(tmp_path: Path) -> None:
    folder = left(tmp_path, "a", ttft_ms={"vllm": 100, "team/tgi": 200})
    for written in ("a:team/tgi", f"{folder}:team/tgi"):
        (run,) = open_runs(written, tmp_path)
        assert list(run.targets) == ["team/tgi"]
    with pytest.raises(OpeningError, match=r"has no target 'sglang'; write .*:NAME with 'vllm' or 'team/tgi'"):
        open_runs("a:sglang", tmp_path)


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OpeningError, match=r"there is no nowhere/a\.json; give a run's folder or name, latest, or a result file"):
        open_side("baseline", ["nowhere/a.json"], tmp_path)
    for name in ("a", "x" * 5000, f"{'x' * 5000}:vllm"):
        with pytest.raises(ResultsError, match="has no run"):
            open_side("baseline", [name], tmp_path)


def test_late_starts_are_a_ground_for_no_verdict(tmp_path: Path) -> None:
    (run,) = open_runs(str(left(tmp_path, "a", ttft_ms={"vllm": 100}, lag_ms=500)), tmp_path)
    assert run.distrust
    assert "started late" in run.distrust[0]


def test_so_is_a_run_without_a_summary_and_one_that_broke(tmp_path: Path) -> None:
    (run,) = open_runs(str(left(tmp_path, "a", ttft_ms={"vllm": 100}, with_summary=False)), tmp_path)
    assert any("chatprobe results reprocess" in why for why in run.distrust)
    (broken,) = open_runs(str(left(tmp_path, "b", ttft_ms={"vllm": 100}, end=End.FAILED)), tmp_path)
    assert any("the run broke" in why for why in broken.distrust)


def test_an_interrupted_run_is_told_and_compared(tmp_path: Path) -> None:
    (run,) = open_runs(str(left(tmp_path, "a", ttft_ms={"vllm": 100}, end=End.INTERRUPTED)), tmp_path)
    assert run.distrust == ()
    assert any("was interrupted" in note for note in run.notes)


def test_the_scenario_that_the_run_named_says_what_the_prompts_were(tmp_path: Path) -> None:
    configuration = CONFIGURATION.replace("bench: {}", "bench: {scenario: other}").replace(
        "scenarios: {", "scenarios: {other: {rate: 2/s, max_tokens: 99}, "
    )
    (run,) = open_runs(str(left(tmp_path, "a", ttft_ms={"vllm": 100}, configuration=configuration)), tmp_path)
    assert run.facts["prompts"] == '{"max_tokens": 99}'


def test_every_measure_of_ours_is_defined() -> None:
    assert DEFINITIONS.keys() == QUALITIES.keys()


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ('{"a": 1}', r"native\.ndjson:2: is no line of a run \(target is missing\)"),
        ('{"target": []}', r"native\.ndjson:2: is no line of a run \(target is no text\)"),
        ('{"target": "other", "gpus": [1]}', r"native\.ndjson: has a line whose gpus are none"),
    ],
)
def test_what_is_no_line_of_the_engines_side_is_named(tmp_path: Path, line: str, wrong: str) -> None:
    folder = left(tmp_path, "a", ttft_ms={"vllm": 100}, gpus=["NVIDIA L4"])
    with (folder / "native.ndjson").open("a") as native:
        native.write(f"{line}\n")
    with pytest.raises(ResultsError, match=wrong):
        open_runs(str(folder), tmp_path)


def test_a_summary_with_nonsense_is_as_good_as_none(tmp_path: Path) -> None:
    folder = left(tmp_path, "a", ttft_ms={"vllm": 100})
    summary = json.loads((folder / "summary.json").read_text())
    summary["levels"][0]["targets"][0]["measures"]["e2e"] = [1]
    (folder / "summary.json").write_text(json.dumps(summary))
    (run,) = open_runs(str(folder), tmp_path)
    assert any("no summary that this version can read" in ground for ground in run.distrust)


@pytest.mark.parametrize("configuration", ["scenarios: {chat: &a {prompt: *a}}", "scenarios: {chat: {at: 2026-99-99}}", "[" * 100_000])
def test_a_configuration_that_cannot_be_read_tells_nothing_of_the_prompts(tmp_path: Path, configuration: str) -> None:
    (run,) = open_runs(str(left(tmp_path, "a", ttft_ms={"vllm": 100}, configuration=configuration)), tmp_path)
    assert "prompts" not in run.facts
