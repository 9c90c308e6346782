"""The run: what it would be, the run itself, and one that is there already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.report.notebook.engines import SIMULATED, SIMULATED_RUN, Engines
from bench.report.notebook.programs import NotebookError, chatprobe
from bench.report.notebook.shown import Shown, preformatted
from bench.report.seen import Seen, see
from bench.results.listing import find_run
from bench.results.names import LATEST
from bench.results.problem import ResultsError

RESULTS = Path("results")
_ON_SIMULATORS = ("--hardware", "own", "--rounds", "3", "--duration", "30s")
"""They share this machine, but no engine's part of it: none is slower for the others. This time shows what there is to see."""
_COULD_NOT_RUN = 2
_LAST_LINES = 10


def plan(engines: Engines, load: Sequence[str] = ("quick",)) -> Shown:
    """What would be sent, how long it takes and in which order. `load` is a command of `chatprobe bench`, and its options.

    Sends nothing. Raises `NotebookError`.
    """
    with chatprobe(*_command(engines, load), "--dry-run") as process:
        said, _ = process.communicate()
    if process.returncode:
        raise NotebookError(said)
    return Shown(preformatted(said), SIMULATED if engines.simulated else "")


def hold(engines: Engines, load: Sequence[str] = ("quick",)) -> Seen:
    """Hold the run, and print how it goes. Its results are in `results`. Raises `NotebookError`."""
    said = []
    with chatprobe(*_command(engines, load), "--no-progress", "--output-dir", str(RESULTS)) as process:
        for line in _lines(process.stdout):
            print(line, flush=True)  # noqa: T201 - what a cell prints is shown below it while it runs
            said.append(line)
    if process.returncode >= _COULD_NOT_RUN:
        raise NotebookError("there was no whole run:\n" + "\n".join(said[-_LAST_LINES:]))
    return opened()


def opened(run: str = LATEST, results: Path = RESULTS) -> Seen:
    """A run that is there already, by its name, its folder, or the newest. Raises `NotebookError`."""
    try:
        return see(find_run(results, run))
    except ResultsError as error:
        raise NotebookError(str(error)) from error


def _command(engines: Engines, load: Sequence[str]) -> tuple[str, ...]:
    command, *options = load
    name, more = (SIMULATED_RUN, _ON_SIMULATORS) if engines.simulated else ("notebook", ())
    return ("bench", command, "--config", str(engines.file), "--name", name, *more, *options)


def _lines(stream: Iterator[str] | None) -> Iterator[str]:
    """Up to the summary, which has a section of its own."""
    assert stream is not None
    over = False
    for line in stream:
        if not over:
            yield line.rstrip()
        over = over or line.startswith("the run is over")
