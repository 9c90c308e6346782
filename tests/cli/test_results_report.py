"""`chatprobe results report`, on a computed run."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from bench.results.reading import Run
from cli import results_report
from cli.results import command
from probes import extras
from tests.bench.report.computed import Plan, computed_run
from tests.bench.results.runs import written


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return computed_run(tmp_path_factory.mktemp("results"), Plan(users=(1, 4), rounds=3, tokens=4))


def report(run: Run, *arguments: str) -> Result:
    return CliRunner().invoke(command, ["report", str(run.folder), *arguments])


def test_the_page_is_in_the_runs_folder_unless_told_otherwise(run: Run, tmp_path: Path) -> None:
    result = report(run)
    assert (result.exit_code, result.output) == (0, f"{run.folder / 'report.html'}\n")
    result = report(run, "--output", str(tmp_path / "new" / "x.html"))
    assert (result.exit_code, result.output) == (0, f"{tmp_path / 'new' / 'x.html'}\n")
    text = (tmp_path / "new" / "x.html").read_text()
    assert text == (run.folder / "report.html").read_text()
    assert "vllm, tgi and ollama compared" in text
    assert 'id="chart-ttft"' in text


def test_without_the_library_of_charts_it_says_how_to_have_them(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results_report, "find_spec", lambda _: None)
    monkeypatch.setitem(extras.LIBRARIES, "report", ("nowhere_to_be_found",))
    result = report(run, "--output", str(tmp_path / "x.html"))
    assert result.exit_code == 0
    assert "the report has no charts, which need the extra 'report'" in result.stderr
    assert "They need the extra &#39;report&#39;" in (tmp_path / "x.html").read_text()


def test_the_summary_goes_to_the_terminal_or_a_file(run: Run, tmp_path: Path) -> None:
    result = report(run, "--summary", "--price", "vllm=2x1.99USD")
    assert result.output.startswith("# vllm, tgi and ollama compared\n")
    assert "USD a million tokens" in result.output
    report(run, "--summary", "--price", "vllm=2x1.99USD", "--output", str(tmp_path / "summary.md"))
    assert (tmp_path / "summary.md").read_text() == result.output


def test_pdf_and_browser_get_what_was_written(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    launched: list[str] = []
    monkeypatch.setattr(click, "launch", launched.append)
    monkeypatch.setattr("bench.report.pdf.printed", lambda page, pdf: pdf.write_bytes(page.read_bytes()[:9]))
    result = report(run, "--pdf", "--open", "--output", str(tmp_path / "x.html"))
    assert result.output.splitlines() == [str(tmp_path / "x.html"), str(tmp_path / "x.pdf")]
    assert launched == [str(tmp_path / "x.pdf")]
    assert (tmp_path / "x.pdf").read_bytes() == b"<!doctype"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("--price", "vllm"), "'vllm' is no price; write NAME=GPUSxPRICE"),
        (("--price", "other=2"), "other is no target of this run; there are vllm, tgi, ollama"),
        (("--summary", "--pdf"), "--summary is Markdown in place of the report"),
        (("--output", "/proc/nowhere/x.html"), "/proc/nowhere/x.html cannot be written: "),
    ],
)
def test_what_cannot_be_is_refused(run: Run, arguments: tuple[str, ...], error: str) -> None:
    result = report(run, *arguments)
    assert result.exit_code != 0
    assert error in result.stderr.replace("\n", " ")


def test_a_run_without_a_summary_says_how_to_make_one(tmp_path: Path) -> None:
    folder, _ = written(tmp_path)
    (folder / "summary.json").unlink()
    result = CliRunner().invoke(command, ["report", str(folder)])
    assert result.exit_code == 1
    assert f"{folder.name} has no summary; chatprobe results reprocess {folder} makes one of its chats" in result.stderr
