"""What every chart keeps to, and which there are of a run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bench.report.chart import Chart
from bench.report.charts import CHARTS, charts, draw
from bench.report.seen import Seen, see
from bench.report.themes import properties
from bench.report.told import outcome
from bench.results.importing import import_records
from bench.results.listing import find_run
from bench.results.reading import Run
from bench.results.reprocessing import reprocess
from tests.bench.report.drawn import ENGINES, drawn_run

ALL = ["ttft", "load", "sweep", "radar", "breakdown", "queue", "tokens", "itl", "rhythm", "shift", "timeline"]


def test_a_run_with_everything_has_all_charts_in_the_order_of_a_report(seen: Seen) -> None:
    assert [chart.name for chart in charts(seen)] == list(CHARTS) == ALL


def test_one_engine_at_one_load_lacks_what_needs_more_and_says_why(tmp_path: Path) -> None:
    seen = see(drawn_run(tmp_path, {"ollama": ENGINES["ollama"]}, users=(2,), slos={}))
    found, missing = draw(seen, ALL)
    assert [chart.name for chart in found] == ["ttft", "breakdown", "queue", "tokens", "itl", "rhythm", "timeline"]
    assert {one.name: one.why for one in missing} == {
        "load": "it takes two or more levels that differ in their number of users, or in their rate, alone",
        "sweep": "it takes 4 levels that differ in their number of users, or in their rate, alone",
        "radar": "no level has two engines to be compared",
        "shift": "the run has one engine, and it takes two",
    }


def test_two_engines_that_were_not_compared_have_no_shift(seen: Seen) -> None:
    never = replace(seen, summary=replace(seen.summary, shifts=()))
    assert draw(never, ["shift"])[1][0].why == "no two engines had one load in 3 rounds or more"


def test_a_run_that_ended_before_its_first_chat_has_no_chart_and_says_why_of_each(tmp_path: Path) -> None:
    found, missing = draw(see(drawn_run(tmp_path, users=())), ALL)
    assert found == []
    assert [one.name for one in missing] == ALL


def test_an_engine_that_refuses_everything_has_charts_of_that_and_breaks_none(tmp_path: Path) -> None:
    broken = replace(ENGINES["ollama"], failing_at=1, failing_every=1)
    found, missing = draw(see(drawn_run(tmp_path, {"broken": broken}, users=(2, 4))), ALL)
    assert [chart.name for chart in found] == ["load", "timeline"]
    assert "no chat had a first token" in {one.why for one in missing}


def test_records_from_elsewhere_have_charts_in_the_colours_of_their_engines(drawn: Run, tmp_path: Path) -> None:
    imported = import_records([drawn.folder / "records.ndjson"], tmp_path, "elsewhere")
    run = reprocess(find_run(tmp_path, imported.folder.name), at=1.0)
    seen = see(run)
    assert seen.backends == {target: engine.backend for target, engine in sorted(ENGINES.items())}
    assert {"ttft", "itl", "rhythm"} <= {chart.name for chart in charts(seen)}


@pytest.mark.parametrize("name", ALL)
def test_its_words_and_its_table_stand_for_the_picture(by_name: dict[str, Chart], name: str) -> None:
    chart = by_name[name]
    assert chart.title
    assert re.search(r"\d", chart.takeaway)
    assert chart.takeaway.endswith(".")
    assert chart.table.rows
    assert {len(row) for row in chart.table.rows} == {len(chart.table.head)}
    assert all(isinstance(cell, str) for row in chart.table.rows for cell in row)


@pytest.mark.parametrize("name", ALL)
def test_every_colour_is_one_of_the_look(by_name: dict[str, Chart], name: str) -> None:
    known = properties()
    used = set(_colours(by_name[name].figure.to_dict()))
    assert used
    assert {colour for colour in used if colour[:7] not in known} == set()


@pytest.mark.parametrize("name", sorted({*ALL} - {"breakdown", "shift"}))
def test_each_engine_has_its_colour_and_its_marker_dash_or_pattern(by_name: dict[str, Chart], seen: Seen, name: str) -> None:
    for target in ("vllm", "vllm-int4", "ollama"):
        traces = [trace for trace in by_name[name].figure.to_dict()["data"] if trace["name"] == target]
        if not traces:
            assert (name, target) == ("queue", "vllm-int4")  # its engine told nothing
            continue
        mark = seen.marks[target]
        for trace in traces:
            assert mark.colour in {colour[:7] for colour in _colours(trace)}
    assert len({(mark.colour, mark.symbol) for mark in seen.marks.values()}) == 3
    assert seen.marks["vllm"].colour == seen.marks["vllm-int4"].colour
    assert seen.marks["vllm"].dash != seen.marks["vllm-int4"].dash
    assert seen.marks["vllm"].pattern != seen.marks["vllm-int4"].pattern


@pytest.mark.parametrize("name", ALL)
def test_it_has_a_shape_for_narrow_screens_without_panels_beside_each_other(by_name: dict[str, Chart], name: str) -> None:
    meta = by_name[name].figure.layout.meta
    assert meta["narrow"].keys() >= meta["wide"].keys()
    across = [value for key, value in meta["narrow"].items() if key.startswith("xaxis")]
    assert all(domain == [0, 1] for domain in across)
    up = sorted(value for key, value in meta["narrow"].items() if key.startswith("yaxis"))
    assert all(below[1] < above[0] for below, above in pairwise(up))


@pytest.mark.parametrize("name", ALL)
def test_it_stays_small(by_name: dict[str, Chart], name: str) -> None:
    assert len(by_name[name].figure.to_json()) < 100_000


def _colours(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for each in value.values():
                yield from _colours(each)
        case list() | tuple():
            for each in value:
                yield from _colours(each)
        case str() if re.fullmatch(r"#[0-9a-fA-F]{3,8}", value):
            yield value


@pytest.mark.parametrize("kind", ["knee", "wait", "capacity"])
def test_what_a_summary_does_not_tell_of_an_outcome_is_not_drawn(kind: str, compared: Seen) -> None:
    told = {"kind": kind, "target": "vllm", "words": "", "figures": {"at": 4.0}}
    assert outcome(replace(compared, summary=replace(compared.summary, outcomes=(told,))), kind, "vllm") is None
