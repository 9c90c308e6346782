"""What stands in the pictures is what the run's lines say, computed here in another way: from the lines themselves."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.report.chart import Chart
from bench.report.charts import charts
from bench.report.seen import Seen, see
from bench.results.listing import find_run
from bench.results.reading import Run
from tests.bench.report.drawn import CHATS, ENGINES, PREFILL_SECONDS, QUEUE_SECONDS, ROUNDS, SLO, TOKENS, USERS

FOCUS = "4 users"
"""The heaviest level that all engines carried."""
Line = dict[str, Any]


@pytest.fixture(scope="module")
def lines(drawn: Run) -> list[Line]:
    """The records that count: sent after the warm-up, and not cut off."""
    every = [json.loads(line) for line in (drawn.folder / "records.ndjson").read_text().splitlines()]
    return [line for line in every if not line["cut"] and not line["bench"]["warm_up"]]


def of(lines: list[Line], target: str, level: str = FOCUS, *, ok: bool = True) -> list[Line]:
    return [line for line in lines if line["target"] == target and line["bench"]["level"] == level and (line["outcome"] == "ok" or not ok)]


def traces(chart: Chart, target: str, test: Callable[[Any], bool] = lambda _: True) -> list[Any]:
    return [trace for trace in chart.figure.data if trace.name == target and test(trace)]


def test_nothing_was_steady_later_than_its_warm_up(seen: Seen) -> None:
    """Else the lines above would not be those that count."""
    assert {level.steady.from_seconds for level in seen.levels.values()} == {4.0}


@pytest.mark.parametrize("target", ENGINES)
def test_ttft_has_the_quartiles_of_the_waits_and_their_histogram(by_name: dict[str, Chart], lines: list[Line], target: str) -> None:
    at_levels = traces(by_name["ttft"], target, lambda trace: trace.type == "box")
    assert len(at_levels) == 3
    waits = [1000 * line["ttft_seconds"] for line in of(lines, target)]
    box = at_levels[1]
    shown = [box.lowerfence[0], box.q1[0], box.median[0], box.q3[0], box.upperfence[0]]
    assert shown == pytest.approx(np.quantile(waits, (0.05, 0.25, 0.5, 0.75, 0.95)))
    hill = traces(by_name["ttft"], target, lambda trace: trace.type == "scatter" and trace.fill == "toself")[1]
    assert (min(hill.x), max(hill.x)) == pytest.approx((min(waits), max(waits)))


def test_ttft_tells_how_many_met_the_target_and_who_failed(by_name: dict[str, Chart]) -> None:
    takeaway = by_name["ttft"].takeaway
    assert f"At {FOCUS} half of the first tokens came within" in takeaway
    assert "What failed is not in the picture: 32 % of the chats with ollama at 8 users." in takeaway
    lines_ = [shape for shape in by_name["ttft"].figure.layout.shapes if shape.type == "line"]
    assert {line.x0 for line in lines_} == {1000 * SLO["ttft"]}


@pytest.mark.parametrize("target", ENGINES)
def test_load_has_median_wait_goodput_and_failures_at_each_level(by_name: dict[str, Chart], lines: list[Line], target: str) -> None:
    wait, _, throughput, good, lost = traces(by_name["load"], target)
    assert list(wait.x) == list(throughput.x) == list(good.x) == list(lost.x) == list(USERS)
    for number, users in enumerate(USERS):
        level = f"{users} user{'' if users == 1 else 's'}"
        attempts, served = of(lines, target, level, ok=False), of(lines, target, level)
        assert wait.y[number] == pytest.approx(1000 * np.median([line["ttft_seconds"] for line in served]))
        met = [line for line in served if line["ttft_seconds"] <= SLO["ttft"] and line["tpot_seconds"] <= SLO["tpot"]]
        assert good.y[number] == pytest.approx(len(met) / len(attempts))
        assert lost.y[number] == pytest.approx(1 - len(served) / len(attempts))
    # a chat a second, 40 tokens each, less those that were refused
    assert throughput.y[0] == pytest.approx(TOKENS * CHATS / 30, rel=0.05)


def test_load_shows_the_knee_where_the_run_found_it(by_name: dict[str, Chart]) -> None:
    figure = by_name["load"].figure
    bands = {(shape.x0, shape.x1) for shape in figure.layout.shapes if shape.type == "rect"}
    assert bands == {(2.8, 3.4)}
    assert "The knee of vllm lies at 3.1 users." in by_name["load"].takeaway
    assert [note.text for note in figure.layout.annotations if "knee" in note.text] == ["knee of vllm"]


def test_sweep_has_what_was_carried_and_the_knee_of_its_two_lines(by_name: dict[str, Chart], lines: list[Line]) -> None:
    carried, wait, pace, knee = traces(by_name["sweep"], "vllm")
    assert list(carried.x) == list(USERS)
    assert list(carried.y) == pytest.approx([1.0] * 4, rel=0.06)
    assert pace.y[2] == pytest.approx(1000 * np.median([line["tpot_seconds"] for line in of(lines, "vllm")]))
    assert wait.y[2] == pytest.approx(1000 * np.quantile([line["ttft_seconds"] for line in of(lines, "vllm")], 0.9))
    assert (max(knee.y), knee.y[0]) == pytest.approx((2.0, 2.0 / 3.1))
    (capacity,) = [trace for trace in traces(by_name["sweep"], "ollama") if trace.marker.symbol == "triangle-down"]
    assert list(capacity.x) == [4.0]
    assert by_name["sweep"].takeaway.startswith("vllm: the knee lies at 3.1 users")


def test_radar_has_each_value_as_a_share_of_the_best_and_says_the_best(by_name: dict[str, Chart], lines: list[Line]) -> None:
    medians = {target: np.median([line["ttft_seconds"] for line in of(lines, target)]) for target in ENGINES}
    for target in ENGINES:
        (shape,) = traces(by_name["radar"], target)
        assert shape.theta[0].startswith("TTFT p50<br>best 5")
        assert shape.r[0] == pytest.approx(min(medians.values()) / medians[target])
        assert (shape.r[0], shape.theta[0]) == (shape.r[-1], shape.theta[-1])
        assert max(shape.r) <= 1
    assert "Farther out is better" in by_name["radar"].reading
    assert f"{medians['vllm'] * 1000:#.3g} ms (100% of the best)" in by_name["radar"].table.rows[0]


def test_breakdown_adds_up_to_the_mean_chat_and_takes_queue_and_prefill_from_the_engine(by_name: dict[str, Chart], lines: list[Line]) -> None:
    figure = by_name["breakdown"].figure
    targets = list(figure.data[0].y)
    assert targets == list(ENGINES)
    shown = {trace.name: dict(zip(trace.y, trace.x, strict=True)) for trace in figure.data}
    for target in targets:
        mean = np.mean([line["e2e_seconds"] + line["schedule_lag_seconds"] for line in of(lines, target)])
        assert sum(part[target] for part in shown.values()) == pytest.approx(1000 * mean)
    assert shown["queue"]["vllm"] == pytest.approx(1000 * QUEUE_SECONDS)
    assert shown["prefill"]["vllm"] == pytest.approx(1000 * PREFILL_SECONDS)
    told = [line["native"]["queue_seconds"] for line in of(lines, "ollama")]
    assert shown["queue"]["ollama"] == pytest.approx(1000 * np.mean(told), rel=0.05)
    assert (shown["queue"]["vllm-int4"], shown["prefill"]["vllm-int4"]) == (0, 0)
    waits = [line["ttft_seconds"] for line in of(lines, "vllm-int4")]
    assert shown["wait that is not told"]["vllm-int4"] == pytest.approx(1000 * np.mean(waits))


def test_queue_has_what_the_engines_told_and_names_the_silent(by_name: dict[str, Chart]) -> None:
    running, waiting, seconds = traces(by_name["queue"], "vllm")
    assert list(running.y) == [3.0] * 4
    assert (list(waiting.y), list(waiting.base)) == ([1.0] * 4, [3.0] * 4)
    assert list(seconds.y) == pytest.approx([1000 * QUEUE_SECONDS] * 4)
    assert traces(by_name["queue"], "vllm-int4") == []
    assert by_name["queue"].takeaway.endswith("Of vllm-int4 nothing is known here.")


@pytest.mark.parametrize("target", ENGINES)
def test_tokens_has_pace_and_the_share_of_tokens_that_served_well(by_name: dict[str, Chart], lines: list[Line], target: str) -> None:
    pace, use = traces(by_name["tokens"], target)
    assert pace.x[2] == pytest.approx(1 / np.median([line["tpot_seconds"] for line in of(lines, target)]))
    served = of(lines, target)
    met = [line for line in served if line["ttft_seconds"] <= SLO["ttft"] and line["tpot_seconds"] <= SLO["tpot"]]
    assert use.y[2] == pytest.approx(sum(line["output_tokens"] for line in met) / sum(line["output_tokens"] for line in served))


@pytest.mark.parametrize("target", ENGINES)
def test_itl_has_the_share_of_gaps_that_are_longer_down_to_the_rarest(by_name: dict[str, Chart], lines: list[Line], target: str) -> None:
    curve = traces(by_name["itl"], target, lambda trace: trace.mode == "lines")[0]
    gaps = np.concatenate([np.diff([at for at, _ in line["chunks"]]) for line in of(lines, target)])
    for share, shown in list(zip(curve.y, curve.x, strict=True))[::16]:
        assert (1000 * gaps > shown).mean() == pytest.approx(share, abs=2 / len(gaps))
    assert curve.y[-1] == pytest.approx(10 / len(gaps))
    assert len(curve.x) < 200


def test_rhythm_has_each_token_of_one_real_answer(by_name: dict[str, Chart], lines: list[Line]) -> None:
    usual, paused = traces(by_name["rhythm"], "vllm")
    requests = {row[6] for row in by_name["rhythm"].table.rows if row[0] == "vllm"}
    chosen = [line for line in of(lines, "vllm") if line["request_id"] in requests]
    assert len(chosen) == 2
    steps = [[0.0, *(1000 * at for at, _ in line["chunks"])] for line in chosen]
    assert [list(trace.x) for trace in (usual, paused)] in ([pytest.approx(each) for each in steps], [pytest.approx(each) for each in steps[::-1]])
    assert list(usual.y) == list(range(TOKENS + 1))
    paces = sorted(line["tpot_seconds"] for line in of(lines, "vllm"))
    assert (usual.x[-1] - usual.x[1]) / (TOKENS - 1) == pytest.approx(1000 * paces[len(paces) // 2])
    stalls = [line["stall_seconds"] for line in of(lines, "vllm")]
    assert max(np.diff(paused.x[1:])) == pytest.approx(1000 * np.quantile(stalls, 0.95), rel=0.02)


def test_shift_has_the_deciles_of_the_summary_with_their_bounds(by_name: dict[str, Chart], seen: Seen) -> None:
    shift = next(each for each in seen.summary.shifts if (each.level, each.measure, each.a, each.b) == (FOCUS, "ttft", "vllm", "ollama"))
    points = [trace for trace in traces(by_name["shift"], "ollama") if list(trace.y) == [one.ratio for one in shift.deciles]]
    assert len(points) == 1
    assert list(points[0].error_y.array) == pytest.approx([one.high - one.ratio for one in shift.deciles])
    assert list(points[0].error_y.arrayminus) == pytest.approx([one.ratio - one.low for one in shift.deciles])
    assert by_name["shift"].title.endswith(f"at {FOCUS}")


def test_timeline_counts_what_was_cut_and_what_failed(by_name: dict[str, Chart], drawn: Run) -> None:
    every = [json.loads(line) for line in (drawn.folder / "records.ndjson").read_text().splitlines()]
    failed = traces(by_name["timeline"], "ollama", lambda trace: trace.type == "bar" and "failed" in trace.hovertemplate)
    assert sum(failed[0].y) == sum(line["outcome"] == "failed" for line in every)
    cut = [trace for trace in by_name["timeline"].figure.data if trace.type == "bar" and "cut off" in trace.hovertemplate]
    assert sum(sum(trace.y) for trace in cut) == sum(line["cut"] for line in every)
    warm = [shape for shape in by_name["timeline"].figure.layout.shapes if shape.type == "rect" and shape.xref == "x"]
    assert (warm[0].x0, warm[0].x1) == (32.0, 36.0)
    assert len(warm) == ROUNDS * len(USERS)
    counting = sum(not line["cut"] and not line["bench"]["warm_up"] for line in every)
    assert by_name["timeline"].takeaway.startswith(f"{len(every):,} chats in 12 blocks; {counting} count.")
    waits = traces(by_name["timeline"], "vllm", lambda trace: trace.type == "scatter" and trace.mode == "lines+markers")[0]
    longest = traces(by_name["timeline"], "vllm", lambda trace: trace.type == "scatter" and trace.mode == "lines")[0]
    most = max(line["ttft_seconds"] for line in every if line["target"] == "vllm" and line["ttft_seconds"])
    assert np.nanmax(longest.y) == pytest.approx(1000 * most)
    assert len(waits.x) <= 240 + ROUNDS * len(USERS) * 2


def test_what_is_of_no_user_is_told_apart(drawn: Run, tmp_path: Path) -> None:
    """Of one chat the model was loaded first, one failed by our own fault, and all with vllm began 40 ms late."""
    copy = tmp_path / drawn.folder.name
    shutil.copytree(drawn.folder, copy)
    every = [json.loads(line) for line in (copy / "records.ndjson").read_text().splitlines()]
    ours, loaded = of([line for line in every if not line["cut"] and not line["bench"]["warm_up"]], "ollama")[:2]
    loaded["load"] = {"seconds": 3.0, "by": "engine"}
    ours.update(outcome="failed", reason="internal", detail="a fault")
    for line in every:
        line["schedule_lag_seconds"] = 0.04 if line["target"] == "vllm" else 0.0
    (copy / "records.ndjson").write_text("".join(f"{json.dumps(line)}\n" for line in every))
    changed = {chart.name: chart for chart in charts(see(find_run(tmp_path, copy.name)))}
    counting = sum(not line["cut"] and not line["bench"]["warm_up"] for line in every) - 2
    warm = sum(line["bench"]["warm_up"] for line in every)
    cut = sum(line["cut"] and not line["bench"]["warm_up"] for line in every)
    assert changed["timeline"].takeaway.startswith(
        f"{len(every):,} chats in 12 blocks; {counting} count. Of the others {warm} began in warm-ups, {cut} were cut off by the end of a block, "
        "1 failed by chatprobe's own fault and 1 waited for the model to be loaded."
    )
    assert "to its first token, of which 40.0 ms for which chatprobe was late and 10.0 ms in its queue, then" in changed["breakdown"].takeaway
