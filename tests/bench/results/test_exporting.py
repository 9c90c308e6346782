"""A run for other programs."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest

from bench.results.exporting import COLUMNS, as_csv, as_json, as_ndjson, summary_of
from bench.results.problem import ResultsError
from bench.results.reading import Run, open_run
from bench.results.writing import Ending
from probes.failure import Failure, Reason
from tests.bench.results.runs import SUMMARY, begun, block, ended, written
from tests.exporter.chats import STARTED_AT, failed


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return open_run(written(tmp_path)[0])


def test_a_table_has_a_line_for_each_chat(run: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(b"".join(as_csv(run)).decode())))
    assert len(rows) == 16
    warm_up, whole, late, cut = rows[:4]
    assert tuple(warm_up) == COLUMNS
    assert (warm_up["warm_up"], whole["warm_up"], cut["cut"], whole["cut"]) == ("true", "false", "true", "false")
    assert (whole["target"], whole["level"], whole["round"], whole["block"], whole["since_seconds"]) == ("vllm", "2 users", "1", "1", "2.0")
    assert (whole["ttft_seconds"], whole["wait_seconds"], whole["tls_seconds"], whole["output_tokens"]) == ("0.05", "0.0499", "", "4")
    assert (late["reason"], late["ttft_seconds"], late["waited_seconds"]) == ("first_token_timeout", "", "29.998")


def test_what_an_engine_says_is_no_formula(tmp_path: Path) -> None:
    writer = begun(tmp_path)
    record = failed(Reason.SERVER_ERROR, failure=Failure(Reason.SERVER_ERROR, '=HYPERLINK("http://evil")', STARTED_AT.__trunc__()))
    writer(ended(record, block(1)))
    writer.settle()
    [row] = csv.DictReader(io.StringIO(b"".join(as_csv(open_run(writer.folder))).decode()))
    assert row["detail"] == '\'=HYPERLINK("http://evil")'


def test_lines_are_the_records(run: Run) -> None:
    assert b"".join(as_ndjson(run)) == (run.folder / "records.ndjson").read_bytes()


def test_one_document_has_everything(run: Run) -> None:
    document = json.loads(b"".join(as_json(run)))
    assert document["manifest"] == json.loads((run.folder / "manifest.json").read_bytes())
    assert document["summary"] == SUMMARY.json
    assert len(document["records"]) == 16


def test_a_document_of_a_run_without_chats_and_without_a_summary(tmp_path: Path) -> None:
    writer = begun(tmp_path)
    writer.finish(Ending(at=STARTED_AT))
    run = open_run(writer.folder)
    document = json.loads(b"".join(as_json(run)))
    assert (document["summary"], document["records"]) == (None, [])
    assert summary_of(run) is None


@pytest.mark.parametrize(("content", "wrong"), [("{", "is no JSON"), ("[]", "is no summary")])
def test_a_summary_that_was_spoilt_is_named(run: Run, content: str, wrong: str) -> None:
    (run.folder / "summary.json").write_text(content)
    with pytest.raises(ResultsError, match=rf"summary\.json.*{wrong}.*make it anew with chatprobe results reprocess {re.escape(str(run.folder))}"):
        summary_of(run)


def test_a_line_that_is_no_record_is_named(run: Run) -> None:
    (run.folder / "records.ndjson").write_text('{"target": "vllm"}\n')
    with pytest.raises(ResultsError, match=r"records\.ndjson:1: is no line of a run \(phases is missing\)"):
        list(as_csv(run))
