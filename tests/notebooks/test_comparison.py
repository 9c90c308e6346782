"""The notebook that compares engines: as git keeps it, and as it runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from bench.report.notebook import NotebookError, engines, opened
from bench.report.notebook.engines import SIMULATED
from bench.report.notebook.shown import Framed, Shown, table
from tests.waiting import PATIENCE_SECONDS

FILE = Path(__file__).parents[2] / "notebooks/comparison.ipynb"
SECTIONS = [
    "1. Introduction",
    "2. Environment",
    "3. Engines and their configuration",
    "4. Load",
    "5. Metrics",
    "6. Charts",
    "7. Findings and recommendations",
]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The notebook after all of it ran on simulated engines, in an empty folder."""
    folder = tmp_path_factory.mktemp("notebook")
    shutil.copy(FILE, folder)
    notebook = nbformat.read(folder / FILE.name, 4)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CHATPROBE_CONFIG", raising=False)
        NotebookClient(notebook, timeout=6 * PATIENCE_SECONDS, kernel_name="python3", resources={"metadata": {"path": str(folder)}}).execute()
    return notebook


def shown(notebook: Any, source: str) -> str:
    """What the cell with this in it shows."""
    (cell,) = [cell for cell in notebook.cells if cell.cell_type == "code" and source in cell.source]
    return "".join(
        output.get("text", "") + "".join(text for kind, text in output.get("data", {}).items() if kind != "text/plain") for output in cell.outputs
    )


def test_git_keeps_it_without_outputs() -> None:
    cells = json.loads(FILE.read_text())["cells"]
    assert [cell for cell in cells if cell["cell_type"] == "code" and (cell["outputs"] or cell["execution_count"])] == []


def test_it_has_its_sections_and_no_logic() -> None:
    notebook = nbformat.read(FILE, 4)
    nbformat.validate(notebook)
    headings = [
        line.removeprefix("## ")
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for line in cell.source.splitlines()
        if line.startswith("## ")
    ]
    assert headings == SECTIONS
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert [source for source in code if len(source.splitlines()) > 2 or "def " in source or "for " in source or "if " in source] == []


def test_all_of_it_runs_on_simulated_engines_and_says_so(ran: Any) -> None:
    assert "| processor |" in shown(ran, "environment()")
    told = shown(ran, "engines(")
    assert SIMULATED in told
    assert all(engine in told for engine in ("vLLM", "TGI", "Ollama"))
    assert SIMULATED in shown(ran, "plan(")
    assert "prompts of " in shown(ran, "plan(")
    held = shown(ran, "hold(")
    assert "round 3 of 3" in held
    assert held.splitlines()[-1].startswith("the run is over: done")
    assert "TTFT" in shown(ran, "metrics(")
    assert SIMULATED in shown(ran, "metrics(")
    assert shown(ran, "metrics(").count("Percentiles, and to what they are known") == 1
    assert shown(ran, "charts(").startswith("<iframe")
    assert "Plotly" in shown(ran, "charts(")
    assert "test_simulated_" in shown(ran, "charts(")
    assert SIMULATED in shown(ran, "findings(")
    assert "The whole report: `chatprobe results report test_simulated_" in shown(ran, "findings(")


def test_a_configuration_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("targets: {mine: {backend: vlm, url: http://127.0.0.1:1}}\n")
    with pytest.raises(NotebookError, match=r"mine\.yaml:1:\d+: targets\.mine\.backend"):
        engines(str(file))


def test_an_engine_that_does_not_answer_is_shown_as_such(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("targets: {mine: {backend: vllm, url: http://127.0.0.1:1}}\n")
    told = engines(str(file))
    assert told.looked[0].trouble
    assert SIMULATED not in told._repr_markdown_()


def test_a_run_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotebookError, match="has no run"):
        opened(results=tmp_path)


def test_what_engines_say_breaks_no_table_and_no_page() -> None:
    assert table(("a", "b"), [("x|y\nz", "")]) == "| a | b |\n| --- | --- |\n| x\\|y z |  |"
    assert "&quot;&gt;&lt;script" in Framed('"><script')._repr_html_()
    assert Shown("text", "note")._repr_markdown_() == "note\n\ntext"
