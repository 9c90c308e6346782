"""`chatprobe results charts`, on a run that was written to disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bench.report.chromium import chromium
from bench.results.reading import Run
from cli.results import command
from probes import extras
from tests.bench.report.drawn import ENGINES, drawn_run
from tests.bench.results.runs import written

needs_chromium = pytest.mark.skipif(chromium() is None and not os.environ.get("CI"), reason="no Chromium on the PATH, which draws pictures")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One engine at one load, so that some charts have no data."""
    return drawn_run(tmp_path_factory.mktemp("results"), {"vllm": ENGINES["vllm"]}, users=(2,))


def charts(run: Run | Path, *arguments: str) -> Result:
    return CliRunner().invoke(command, ["charts", str(run.folder if isinstance(run, Run) else run), *arguments])


def test_a_page_goes_into_the_folder_of_the_run_and_what_is_not_drawn_is_told(run: Run) -> None:
    result = charts(run)
    assert result.exit_code == 0, result.output
    path = run.folder / "charts" / "charts.html"
    assert result.stdout == f"{path}\n"
    assert "not drawn: shift (Where in the distribution two engines differ): the run has one engine, and it takes two" in result.stderr
    page = path.read_text()
    assert "vllm, measured on 15 January 2027 from 08:00 UTC" in page
    assert '<html lang="en">' in page
    assert "<dt>Where in the distribution two engines differ</dt><dd>the run has one engine, and it takes two.</dd>" in page


def test_a_theme_and_a_choice_hold(run: Run, tmp_path: Path) -> None:
    result = charts(run, "--theme", "dark", "--only", "ttft", "--only", "itl", "--output", str(tmp_path / "new" / "place"))
    assert (result.exit_code, result.stderr) == (0, "")
    page = (tmp_path / "new" / "place" / "charts.html").read_text()
    assert '<html lang="en" data-theme="dark">' in page
    assert [name for name in ("ttft", "load", "itl", "timeline") if f'id="chart-{name}"' in page] == ["ttft", "itl"]


@needs_chromium
def test_each_picture_is_a_file_named_as_its_chart(run: Run, tmp_path: Path) -> None:
    result = charts(run, "--format", "svg", "--only", "queue", "--output", str(tmp_path))
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{tmp_path / 'queue.svg'}\n"
    assert (tmp_path / "queue.svg").read_text().startswith("<svg")


def test_a_name_that_no_chart_has_is_told_with_those_there_are(run: Run) -> None:
    result = charts(run, "--only", "tfft")
    assert result.exit_code == 2
    assert "'tfft' is no chart; there are ttft, load, sweep, radar, breakdown," in " ".join(result.stderr.split())


def test_a_chart_without_data_says_why_and_nothing_is_written(run: Run, tmp_path: Path) -> None:
    result = charts(run, "--only", "radar", "--output", str(tmp_path))
    assert result.exit_code == 1
    assert "no level has two engines to be compared" in result.stderr
    assert f"Error: {run.name} has no data for any of these charts" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_page_needs_no_browser_and_a_picture_says_so(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert charts(run, "--only", "ttft", "--output", str(tmp_path)).exit_code == 0
    result = charts(run, "--only", "ttft", "--format", "png", "--output", str(tmp_path))
    assert result.exit_code == 1
    assert "Error: pictures are drawn by Chromium, and there is none on the PATH; install it" in result.stderr


def test_a_missing_extra_is_named(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(extras.LIBRARIES, "report", ("plotly", "no_such_module"))
    assert charts(run, "--only", "ttft", "--output", str(tmp_path)).exit_code == 0
    result = charts(run, "--format", "png")
    assert result.exit_code == 1
    assert "it needs the extra 'report', which is not installed; install chatprobe[report]" in result.stderr


def test_a_run_without_a_summary_says_how_it_gets_one(tmp_path: Path) -> None:
    folder, _ = written(tmp_path)
    (folder / "summary.json").unlink()
    result = charts(folder)
    assert result.exit_code == 1
    assert f"Error: {folder.name} has no summary; chatprobe results reprocess {folder} makes one of its chats" in result.stderr


def test_a_place_that_cannot_be_written_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = charts(run, "--only", "ttft", "--output", str(tmp_path / "file" / "below"))
    assert result.exit_code == 1
    assert f"{tmp_path / 'file' / 'below' / 'charts.html'} cannot be written: Not a directory; give another place with --output" in result.stderr


def test_a_run_that_is_not_there_is_told_as_everywhere(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, ["charts", "latest", "--output-dir", str(tmp_path)])
    assert result.exit_code == 1
    assert f"{tmp_path} has no run" in result.stderr
