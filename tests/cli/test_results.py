"""`chatprobe results`, on runs that were written to disk."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bench.engine_side.finding import Finding
from bench.results.listing import find_run
from bench.results.summarising import summarised
from bench.results.writing import Ending, begin
from cli.results import command
from probes import extras
from tests.bench.results.runs import ABOUT, begun, said, small_run, written
from tests.bench.results.test_importing import of_serve, one
from tests.bench.results.test_listing import run as short_run
from tests.exporter.chats import STARTED_AT

ROOT = Path(__file__).parents[2]
NAME = "test_nightly_20270115_080000"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CHATPROBE_RESULTS", raising=False)


def results(*arguments: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(command, arguments, input=answer)


def summarised_run(name: str = "nightly", at: float = STARTED_AT) -> Path:
    """A run in `results`, with its real summary."""
    writer = begin(Path("results"), replace(ABOUT, name=name), at=at, warn=said)
    for event in small_run():
        writer(event)
    writer.finish(Ending(at=at + 60, summarise=summarised))
    return writer.folder


@pytest.mark.parametrize("arguments", [("list",), ("show", "latest")])
def test_a_run_from_elsewhere_gives_the_terminal_no_commands(arguments: tuple[str, ...]) -> None:
    folder = summarised_run()
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["about"]["targets"][0] = "v\x1b]0;evil\x07"
    manifest["problems"], manifest["findings"] = ["p\x1b[2J"], [{"target": "v", "words": "w\x1b[2J", "advice": ""}]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    summary = (folder / "summary.json").read_text()
    (folder / "summary.json").write_text(summary.replace('"vllm"', json.dumps("v\x1b]0;evil\x07")))
    result = CliRunner().invoke(command, arguments, color=True)
    assert (result.exit_code, "\x1b" in result.output) == (0, False)
    assert "v�]0;evil" in result.output


def test_a_finding_that_is_none_is_named() -> None:
    folder = summarised_run()
    summary = json.loads((folder / "summary.json").read_text())
    (folder / "summary.json").write_text(json.dumps({**summary, "findings": [{"target": "vllm"}]}))
    result = results("show", "latest")
    assert isinstance(result.exception, SystemExit)
    assert f"{NAME}: summary.json: 'kind'; chatprobe results reprocess results/{NAME} makes it anew" in result.output


def test_a_list_of_runs() -> None:
    summarised_run()
    begun(Path("results"), replace(ABOUT, name="later"))
    result = results("list")
    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines()]
    assert rows[0] == ["run", "begun", "(UTC)", "state", "targets", "levels", "sent", "size"]
    assert rows[2][:5] == [NAME, "2027-01-15", "08:00", "complete", "vllm,"]
    assert rows[2][5:9] == ["team/tgi", "2", "users", "16"]
    assert rows[3][:4] == ["test_later_20270115_080000", "2027-01-15", "08:00", "running"]


def test_a_list_for_programs() -> None:
    summarised_run()
    [told] = json.loads(results("list", "--json").stdout)
    assert (told["run"], told["state"], told["whole"], told["targets"], told["levels"], told["chats"]) == (
        NAME,
        "complete",
        True,
        ["vllm", "team/tgi"],
        ["2 users"],
        16,
    )
    assert told["begun_at"] == "2027-01-15T08:00:00+00:00"


def test_an_empty_list_says_what_makes_a_run() -> None:
    result = results("list")
    assert (result.exit_code, result.stdout) == (0, "results has no run; chatprobe bench quick makes one\n")


def test_what_cannot_be_read_is_told_beside_the_list() -> None:
    summarised_run()
    Path("results/test_lost_20260101_000000").mkdir()
    result = results("list")
    assert NAME in result.stdout
    assert "test_lost_20260101_000000 has no manifest.json" in result.stderr


def test_the_folder_of_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    summarised_run()
    Path("results").rename("elsewhere")
    monkeypatch.setenv("CHATPROBE_RESULTS", str(tmp_path / "elsewhere"))
    assert NAME in results("list").stdout
    assert "there has no run" in results("list", "--output-dir", "there").stdout


def test_show_says_what_was_found() -> None:
    summarised_run()
    result = results("show", "latest")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"{NAME}: complete, begun 2027-01-15 08:00 UTC, by chatprobe ")
    assert "2 users" in result.stdout
    assert "team/tgi" in result.stdout


def test_show_tells_each_finding_once() -> None:
    folder = summarised_run()
    finding = Finding(rule="queue", kind="cause", target="vllm", level=None, words="waits", figures={}, advice="go").to_json()
    for name in ("manifest.json", "summary.json"):
        written_there = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(written_there | {"findings": [finding]}))
    assert results("show", "latest").stdout.count("vllm: waits") == 1


def test_show_says_what_is_wrong() -> None:
    folder = summarised_run()
    (folder / "records.ndjson").write_bytes(b"")
    assert "not all was kept: records.ndjson has 0 bytes where the run left " in results("show", "nightly").stdout


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (None, "has no summary; chatprobe results reprocess"),
        ("{}", "summary.json: schema: is None; this version reads"),
        ("[]", "is no summary; make it"),
    ],
)
def test_show_without_a_usable_summary(content: str | None, wrong: str) -> None:
    path = summarised_run() / "summary.json"
    path.unlink()
    if content is not None:
        path.write_text(content)
    result = results("show", "latest")
    assert result.exit_code == 1
    assert wrong in result.stderr
    assert "reprocess" in result.stderr


def test_a_run_that_goes_on_has_no_summary_yet() -> None:
    begun(Path("results"))
    assert "has no summary; it gets one when it ends" in results("show", "latest").stderr


def test_no_such_run() -> None:
    summarised_run()
    result = results("show", "weekly")
    assert (result.exit_code, result.stderr) == (1, f"Error: results has no run weekly; there are {NAME}\n")


@pytest.fixture
def three() -> list[Path]:
    return [short_run(Path("results"), name, STARTED_AT) for name in ("a", "b", "c")]


def left() -> list[str]:
    return sorted(path.name for path in Path("results").iterdir())


def test_clean_asks(three: list[Path]) -> None:
    result = results("clean", "--keep", "1", answer="n\n")
    assert result.exit_code == 1
    assert "delete 2 runs? [y/N]" in result.stdout
    assert len(left()) == 3
    result = results("clean", "--keep", "1", answer="y\n")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "2 runs deleted")
    assert left() == [three[2].name]


def test_clean_without_a_question(three: list[Path]) -> None:
    assert results("clean", "--keep", "2", "--yes").stdout.splitlines()[-1] == "1 run deleted"
    assert left() == [three[1].name, three[2].name]
    assert results("clean", "--keep", "2", "--yes").stdout == "nothing to delete\n"


def test_clean_says_what_it_would_delete(three: list[Path]) -> None:
    result = results("clean", "--keep", "1", "--dry-run")
    assert [line.partition(" (complete, ")[0] for line in result.stdout.splitlines()] == [str(three[1]), str(three[0]), "2 runs would be deleted"]
    assert len(left()) == 3


def test_clean_needs_a_number(three: list[Path]) -> None:
    assert results("clean").exit_code == 2
    assert len(left()) == 3


def test_export_to_standard_output() -> None:
    summarised_run()
    assert len(list(csv.DictReader(io.StringIO(results("export", "latest", "--format", "csv").stdout)))) == 16
    assert len(results("export", "latest", "--format", "ndjson").stdout.splitlines()) == 16
    assert json.loads(results("export", "latest", "--format", "json").stdout)["summary"]["targets"] == ["vllm", "team/tgi"]


def test_an_archive_there_and_back() -> None:
    folder = summarised_run()
    assert results("export", NAME, "--format", "archive", "-o", "run.tar.gz").exit_code == 0
    result = results("import", "run.tar.gz", "--output-dir", "there")
    assert (result.exit_code, result.stdout) == (0, f"there/{NAME}: the run of run.tar.gz\n")
    assert (Path("there") / NAME / "records.ndjson").read_bytes() == (folder / "records.ndjson").read_bytes()
    assert results("import", "run.tar.gz", "--name", "other").exit_code == 2


def test_an_export_that_fails_leaves_no_file() -> None:
    folder = summarised_run()
    (folder / "records.ndjson").write_bytes(b"nonsense\n")
    result = results("export", NAME, "--format", "csv", "-o", "out.csv")
    assert result.exit_code == 1
    assert "records.ndjson:1: is no line of a run" in result.stderr
    assert sorted(path.name for path in Path().iterdir()) == ["results"]


def test_an_export_that_cannot_be_written() -> None:
    summarised_run()
    Path("none").touch()
    result = results("export", NAME, "--format", "csv", "-o", "none/out.csv")
    assert (result.exit_code, result.stderr) == (1, "Error: none/out.csv cannot be written: File exists; give another place with --output\n")


def test_records_become_a_run_and_get_a_summary(tmp_path: Path) -> None:
    of_serve(tmp_path / "serve.ndjson", *(one(number, target=target) for number in range(5) for target in ("vllm", "tgi")))
    result = results("import", "serve.ndjson")
    assert result.exit_code == 0, result.output
    assert result.stdout == ("results/test_serve_20270115_080000: 10 chats; chatprobe results reprocess test_serve_20270115_080000 summarises them\n")
    result = results("reprocess", "serve")
    assert result.exit_code == 0, result.output
    assert "test_serve_20270115_080000: imported, begun 2027-01-15 08:00 UTC" in result.stdout
    assert "summarised anew " in result.stdout
    assert "heartbeat" in result.stdout
    assert find_run(Path("results"), "serve").manifest.summarised_at is not None


def test_what_probe_prints_becomes_a_run(tmp_path: Path) -> None:
    lines = [json.dumps(one(number).to_json(chunks=False)) for number in range(3)]
    (tmp_path / "probe.json").write_text("\n".join(lines))
    assert "3 chats" in results("import", "probe.json").stdout


@pytest.mark.parametrize("name", ["a/b", "..", "latest"])
def test_names_that_are_no_folders(tmp_path: Path, name: str) -> None:
    of_serve(tmp_path / "serve.ndjson", one(0))
    result = results("import", "serve.ndjson", "--name", name)
    assert result.exit_code == 2
    assert f"{name!r}" in result.stderr
    assert not Path("results").exists()


def test_migrate_has_nothing_to_do_today() -> None:
    written(Path("results"))
    assert results("migrate").stdout == "nothing to migrate\n"
    (Path("results") / NAME / "manifest.json").unlink()
    assert results("migrate").stdout == f"results/{NAME}: had no manifest.json, and has one now, made of its records\n"


def test_without_the_libraries_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(extras.LIBRARIES, "bench", ("no_such_module",))
    result = results("list")
    assert result.exit_code == 1
    assert "install chatprobe[bench]" in result.stderr


def test_an_archive_is_not_for_a_terminal() -> None:
    summarised_run()
    terminal, screen = os.openpty()
    told = subprocess.run(
        [sys.executable, "-m", "cli", "results", "export", "latest", "--format", "archive"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=screen,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    for end in (terminal, screen):
        os.close(end)
    assert told.returncode == 2
    assert "an archive is not for a terminal; give --output FILE.tar.gz" in told.stderr
