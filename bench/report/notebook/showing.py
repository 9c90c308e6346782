"""What a run is shown by: where it was made, its numbers, its charts, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterator

from bench.report.brief import brief
from bench.report.charts import CHARTS, draw
from bench.report.document import document
from bench.report.drawing import page
from bench.report.notebook.engines import SIMULATED, SIMULATED_RUN
from bench.report.notebook.shown import Framed, Shown, table, terminal
from bench.report.seen import Seen
from bench.results.machine import Machine, machine, versions
from bench.summary.table import shown

_GIB = 1024**3


def environment() -> Shown:
    """The machine that measures, how busy it is, and the versions of what measures."""
    found = machine()
    packages = ((name, version) for name, version in versions().items())
    return Shown("\n\n".join((table(("machine", ""), _facts(found)), table(("program", "version"), packages))))


def metrics(seen: Seen) -> Shown:
    """All numbers of the run, each with how closely it is known, as `chatprobe results show` prints them."""
    return Shown(terminal(shown(seen.summary)), _note(seen))


def charts(seen: Seen) -> Framed:
    """All charts that the run has data for, each with what one sees in it: the page of `chatprobe results charts`."""
    drawn, missing = draw(seen, tuple(CHARTS))
    return Framed(page(drawn, missing, title=seen.run.name, about=", ".join(seen.summary.targets)))


def findings(seen: Seen) -> Shown:
    """What was found in plain words, whether it can be trusted, and what follows: the report in brief."""
    return Shown(f"##{brief(document(seen))}", _note(seen))


def _note(seen: Seen) -> str:
    return SIMULATED if seen.run.manifest.about.name == SIMULATED_RUN else ""


def _facts(found: Machine) -> Iterator[tuple[str, str]]:
    yield "host", f"{found.host}, {found.architecture}, Linux {found.kernel}"
    yield "processor", f"{found.cpu_model}, {found.usable_cpus} of {found.cpus} usable"
    if found.limit_cpus is not None:
        yield "limit of the container", f"{found.limit_cpus:g} processors"
    yield "memory", f"{found.memory_bytes / _GIB:.1f} GiB"
    yield "load average of the last minute", f"{found.load_average:.2f}"
