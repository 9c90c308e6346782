"""Files that the tools themselves wrote (GuideLLM 0.8.1, AIPerf 0.13.0, vllm bench 0.32.0, SGLang 0.5.23) against the simulated vLLM."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from bench.chat import Chat
from bench.comparing.run import ComparedRun, Taken
from bench.foreign.file import MOST_BYTES, ForeignError
from bench.foreign.reading import read_foreign
from bench.question import Question

FIXTURES = Path(__file__).parent / "fixtures"


def the_one(path: Path) -> ComparedRun:
    (run,) = read_foreign(path)
    return run


def taken(run: ComparedRun) -> Taken:
    ((_, found),) = run.targets[""].levels.items()
    return found


def chats(run: ComparedRun, outcome: str = "ok") -> list[Chat]:
    found = taken(run).sample
    assert found is not None
    return [chat for chat in found.attempts if chat.outcome == outcome]


def p50(run: ComparedRun, name: str) -> float:
    return float(np.median([getattr(chat, name) for chat in chats(run)]))


def changed(name: str, tmp_path: Path, **changes: Any) -> Path:
    """A copy of a fixture of one line, with other values; None takes a key out."""
    content = {**json.loads((FIXTURES / name).read_text().splitlines()[0]), **changes}
    path = tmp_path / name
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
    return path


def test_guidellm() -> None:
    run = the_one(FIXTURES / "guidellm.json")
    report = json.loads((FIXTURES / "guidellm.json").read_text())["benchmarks"][0]["metrics"]
    assert (run.tool, run.facts["tool.version"], run.facts["seed"], run.targets[""].facts) == ("guidellm", "0.8.1", "42", {"model": "tiny"})
    assert list(run.targets[""].levels) == ["4 at once"]
    assert (len(chats(run)), len(chats(run, "failed"))) == (3, 5)
    assert p50(run, "ttft_seconds") == pytest.approx(report["time_to_first_token_ms"]["successful"]["median"] / 1000)
    assert p50(run, "tpot_seconds") == pytest.approx(report["inter_token_latency_ms"]["successful"]["median"] / 1000)
    assert p50(run, "e2e_seconds") == pytest.approx(report["request_latency"]["successful"]["median"])
    assert json.loads(run.facts["prompts"])[0]["output_tokens"] == 12
    assert any("GuideLLM warns" in note for note in run.notes)


def test_guidellms_own_tpot_contains_the_first_token_and_is_not_read() -> None:
    run = the_one(FIXTURES / "guidellm.json")
    report = json.loads((FIXTURES / "guidellm.json").read_text())["benchmarks"][0]["metrics"]
    assert p50(run, "tpot_seconds") < report["time_per_output_token_ms"]["successful"]["median"] / 1000
    assert run.definitions["tpot"].quantity == "tpot"
    assert "itl" not in run.definitions


def test_guidellms_yaml_says_the_same(tmp_path: Path) -> None:
    path = tmp_path / "report.yaml"
    path.write_text(yaml.safe_dump(json.loads((FIXTURES / "guidellm.json").read_text())))
    assert [chat.ttft_seconds for chat in chats(the_one(path))] == [chat.ttft_seconds for chat in chats(the_one(FIXTURES / "guidellm.json"))]


def test_what_yaml_can_say_and_json_cannot_is_no_fact_of_the_prompts(tmp_path: Path) -> None:
    report = json.loads((FIXTURES / "guidellm.json").read_text())
    (source,) = report["config"]["spec"]["data"]
    itself: list[Any] = []
    itself.append(itself)
    source["name"], source["path"] = itself, datetime(2026, 1, 1)
    path = tmp_path / "report.yaml"
    path.write_text(yaml.safe_dump(report))
    assert not {"name", "path"} & set(json.loads(the_one(path).facts["prompts"])[0])


def test_guidellm_says_which_requests_its_end_cut_off(tmp_path: Path) -> None:
    report = json.loads((FIXTURES / "guidellm.json").read_text())
    requests = report["benchmarks"][0]["requests"]
    requests["incomplete"], requests["errored"] = requests["errored"], []
    path = tmp_path / "report.json"
    path.write_text(json.dumps(report))
    assert taken(the_one(path)).attempts == 3


def test_guidellms_requests_before_and_after_the_measured_time_are_none(tmp_path: Path) -> None:
    report = json.loads((FIXTURES / "guidellm.json").read_text())
    benchmark = report["benchmarks"][0]
    first, *_ = sorted(benchmark["requests"]["successful"], key=lambda request: request["request_start_time"])
    last = max(request["request_end_time"] for request in benchmark["requests"]["successful"])
    benchmark["start_time"] = first["request_start_time"] + 0.01
    benchmark["duration"] = last - benchmark["start_time"] - 0.01
    benchmark["cooldown_duration"] = 0.01
    path = tmp_path / "report.json"
    path.write_text(json.dumps(report))
    assert len(chats(the_one(path))) < 3


def test_each_benchmark_of_a_sweep_is_a_level(tmp_path: Path) -> None:
    report = json.loads((FIXTURES / "guidellm.json").read_text())
    rate = json.loads(json.dumps(report["benchmarks"][0]))
    rate["config"]["strategy"] = {"type_": "constant", "rate": 2.5}
    burst = json.loads(json.dumps(report["benchmarks"][0]))
    burst["config"]["strategy"] = {"type_": "throughput"}
    report["benchmarks"] += [rate, burst]
    path = tmp_path / "report.json"
    path.write_text(json.dumps(report))
    levels = the_one(path).targets[""].levels
    assert {name: (one.load, one.burst) for name, one in levels.items()} == {
        "4 at once": ("4 at once", False),
        "2.5/s": ("2.5/s, constant", False),
        "all at once": ("all at once, throughput", True),
    }


@pytest.mark.parametrize("name", [".", "profile_export.jsonl", "profile_export_aiperf.json"])
def test_aiperf(name: str) -> None:
    run = the_one(FIXTURES / "aiperf" / name)
    told = json.loads((FIXTURES / "aiperf" / "profile_export_aiperf.json").read_text())
    assert (run.tool, run.facts["tool.version"], run.facts["seed"], run.targets[""].facts) == ("aiperf", "0.13.0", "7", {"model": "tiny"})
    assert list(run.targets[""].levels) == ["4 at once"]
    assert (len(chats(run)), len(chats(run, "failed"))) == (3, 9), "requests of the warm-up are none"
    assert p50(run, "ttft_seconds") == pytest.approx(told["time_to_first_token"]["p50"] / 1000)
    assert p50(run, "tpot_seconds") == pytest.approx(told["inter_token_latency"]["p50"] / 1000)
    assert p50(run, "e2e_seconds") == pytest.approx(told["request_latency"]["p50"] / 1000)
    assert taken(run).told[Question("success")] == 0.25
    assert taken(run).told[Question("throughput")] == told["output_token_throughput"]["avg"]


def test_aiperf_without_its_records_has_values_of_the_run_alone(tmp_path: Path) -> None:
    path = tmp_path / "run7_aiperf.json"
    path.write_bytes((FIXTURES / "aiperf" / "profile_export_aiperf.json").read_bytes())
    found = taken(the_one(path))
    assert (found.sample, found.attempts) == (None, 12)
    assert found.told[Question("ttft", 0.95)] == pytest.approx(0.2149, abs=1e-4)


def test_aiperfs_records_alone_do_not_say_what_was_measured(tmp_path: Path) -> None:
    path = tmp_path / "profile_export.jsonl"
    path.write_bytes((FIXTURES / "aiperf" / "profile_export.jsonl").read_bytes())
    with pytest.raises(ForeignError, match=r"there is no profile_export_aiperf\.json beside it"):
        read_foreign(path)


def test_vllm_bench_with_details() -> None:
    run = the_one(FIXTURES / "vllm-detailed.json")
    told = json.loads((FIXTURES / "vllm-detailed.json").read_text())
    assert (run.tool, run.targets[""].facts) == ("vllm bench", {"model": "tiny"})
    assert (len(chats(run)), len(chats(run, "failed"))) == (3, 9)
    assert {chat.ttft_seconds for chat in chats(run, "failed")} == {None}
    assert p50(run, "ttft_seconds") * 1000 == pytest.approx(told["median_ttft_ms"])
    assert p50(run, "tpot_seconds") * 1000 == pytest.approx(told["median_tpot_ms"])
    assert run.definitions["itl"].quantity != "chatprobe itl", "gaps between chunks, the one behind the role among them"
    assert not any(len(chat.gaps_seconds) for chat in chats(run))


def test_vllm_bench_without_details() -> None:
    run = the_one(FIXTURES / "vllm-aggregate.json")
    found = taken(run)
    assert (found.sample, found.attempts, found.told[Question("success")]) == (None, 12, 1.0)
    assert found.told[Question("e2e", 0.99)] == pytest.approx(0.28607, abs=1e-5)
    assert "--save-detailed" in run.notes[0]


def test_vllm_bench_keeps_what_users_say_of_the_engine(tmp_path: Path) -> None:
    path = changed("vllm-aggregate.json", tmp_path, version="0.11.2", tp="2")
    assert the_one(path).targets[""].facts == {"model": "tiny", "engine.version": "0.11.2", "engine.flags": '{"tp": "2"}'}


def test_no_secret_comes_from_another_tools_metadata(tmp_path: Path) -> None:
    path = changed("vllm-aggregate.json", tmp_path, hf_token="letmein", note="Bearer abcdefgh12345", tp="2")
    assert the_one(path).targets[""].facts["engine.flags"] == '{"hf_token": "<secret>", "note": "<secret>", "tp": "2"}'


@pytest.mark.parametrize(
    ("rate", "at_most", "level", "burst"),
    [
        ("inf", None, "all at once", True),
        ("inf", 8, "8 at once", False),
        (4.0, None, "4/s", False),
        (4.0, 8, "4/s, at most 8 at once", False),
        (None, None, "as it comes", False),
        (None, 8, "8 at once", False),
    ],
)
def test_loads_of_vllm_bench(rate: object, at_most: int | None, level: str, burst: bool, tmp_path: Path) -> None:
    run = the_one(changed("vllm-aggregate.json", tmp_path, request_rate=rate, max_concurrency=at_most))
    assert list(run.targets[""].levels) == [level]
    assert taken(run).burst is burst


def test_lines_of_one_file_are_runs_or_levels_of_one(tmp_path: Path) -> None:
    path = tmp_path / "sweep.json"
    line = json.loads((FIXTURES / "vllm-aggregate.json").read_text())
    path.write_text("\n".join(json.dumps({**line, "request_rate": rate, "max_concurrency": None}) for rate in (1, 2, 1, 2)))
    assert [list(run.targets[""].levels) for run in read_foreign(path)] == [["1/s", "2/s"], ["1/s", "2/s"]]


def test_sglang_with_details() -> None:
    run = the_one(FIXTURES / "sglang-details.jsonl")
    told = json.loads((FIXTURES / "sglang-details.jsonl").read_text())
    assert (len(chats(run)), len(chats(run, "failed"))) == (3, 9)
    assert {chat.ttft_seconds for chat in chats(run, "failed")} == {None}
    assert p50(run, "ttft_seconds") * 1000 == pytest.approx(told["median_ttft_ms"])
    assert p50(run, "tpot_seconds") * 1000 <= told["median_tpot_ms"], "which goes on to the end of the stream"
    assert run.definitions["tpot"].quantity == "tpot"
    assert run.facts["prompts"] == "random-ids, random_input_len 32, random_output_len 12, random_range_ratio 1"


def test_sglang_without_details_has_another_tpot() -> None:
    first, second = read_foreign(FIXTURES / "sglang-aggregate.jsonl")
    assert taken(first).sample is None
    assert taken(first).told[Question("ttft", 0.95)] != taken(second).told[Question("ttft", 0.95)]
    assert first.definitions["tpot"].quantity != "tpot"


def test_of_sglangs_server_nothing_is_read_that_may_be_a_secret(tmp_path: Path) -> None:
    server = {"version": "0.5.23", "model_path": "m", "served_model_name": "tiny", "tp_size": 2, "api_key": "hush", "admin_api_key": "hush"}
    run = the_one(changed("sglang-details.jsonl", tmp_path, server_info=server))
    assert run.targets[""].facts == {"engine": "sglang", "engine.version": "0.5.23", "model": "tiny", "engine.flags": '{"tp_size": "2"}'}
    assert "hush" not in repr(run)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ('{"some": "thing"}', "is of no tool that is known: GuideLLM 0.8"),
        ("[1, 2]", "is of no tool that is known"),
    ],
)
def test_what_is_no_result_file_is_refused(content: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(ForeignError) as refused:
        read_foreign(path)
    assert str(refused.value).startswith(str(path))
    assert said in str(refused.value)


@pytest.mark.parametrize("content", ["a: 2024-99-99", "[" * 100_000])
def test_yaml_that_cannot_be_read_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(content)
    with pytest.raises(ForeignError, match="is no YAML"):
        read_foreign(path)


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("vllm-aggregate.json", {"completed": float("nan")}, "completed: is NaN, not a number"),
        ("vllm-aggregate.json", {"completed": float("inf")}, "completed: is infinite, not a number of something"),
        ("vllm-aggregate.json", {"output_throughput": 10**400}, "output_throughput: is larger than any number that this tool writes"),
        ("vllm-detailed.json", {"output_lens": [float("inf")] * 12}, "output_lens[0]: is infinite, not a number of something"),
        ("vllm-detailed.json", {"ttfts": [float("nan")] * 12}, "ttfts[0]: is NaN, not a number"),
    ],
)
def test_a_number_that_is_none_is_named(name: str, changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(ForeignError) as refused:
        read_foreign(changed(name, tmp_path, **changes))
    assert str(refused.value).endswith(said)


def test_nan_is_no_value(tmp_path: Path) -> None:
    run = the_one(changed("vllm-aggregate.json", tmp_path, p95_ttft_ms=float("nan")))
    assert Question("ttft", 0.95) not in taken(run).told
    report = json.loads((FIXTURES / "guidellm.json").read_text())
    report["benchmarks"][0]["requests"]["successful"][0]["time_to_first_token_ms"] = float("nan")
    path = tmp_path / "report.json"
    path.write_text(json.dumps(report))
    assert [chat.ttft_seconds is None for chat in chats(the_one(path))].count(True) == 1


def test_what_a_terminal_would_take_for_a_command_is_not_passed_on(tmp_path: Path) -> None:
    evil = "a\x1b[2J\ud800b"
    vllm = the_one(changed("vllm-aggregate.json", tmp_path, model_id=evil, label=evil, note=evil))
    assert (vllm.name, vllm.targets[""].facts["model"]) == ("a�[2J�b", "a�[2J�b")
    assert '"note": "a�[2J�b"' in vllm.targets[""].facts["engine.flags"]
    sglang = the_one(changed("sglang-details.jsonl", tmp_path, server_info={"version": evil, "model_path": evil, "dtype": evil}))
    assert set(sglang.targets[""].facts.values()) == {"sglang", "a�[2J�b"}


def test_a_list_that_was_cut_is_named(tmp_path: Path) -> None:
    path = changed("vllm-detailed.json", tmp_path, errors=["", ""])
    with pytest.raises(ForeignError, match=r"has 12 ttfts and lists of other lengths"):
        read_foreign(path)


def test_the_place_of_what_is_wrong_is_named(tmp_path: Path) -> None:
    report = json.loads((FIXTURES / "guidellm.json").read_text())
    report["benchmarks"][0]["requests"]["successful"][1]["time_to_first_token_ms"] = "soon"
    path = tmp_path / "report.json"
    path.write_text(json.dumps(report))
    with pytest.raises(ForeignError) as refused:
        read_foreign(path)
    assert str(refused.value).endswith("report.json:1: benchmarks[0].requests.successful[1].time_to_first_token_ms: is a text, not a number")


def test_a_folder_of_nobody_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ForeignError, match="is no run of chatprobe's, and has no file of another tool"):
        read_foreign(tmp_path)


def test_a_pipe_is_no_file_of_a_tool_and_nothing_waits_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "report.json")
    with pytest.raises(ForeignError, match=r"report\.json: cannot be read: it is no regular file"):
        read_foreign(tmp_path / "report.json")


def test_a_file_that_memory_has_no_room_for_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "report.json").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(ForeignError, match=r"report\.json: is longer than 256 MiB; compare runs with fewer requests"):
        read_foreign(tmp_path / "report.json")
