"""What a run is shown by: where it was made, its numbers, its charts, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterator

from bench.report.charts import CHARTS, draw
from bench.report.drawing import page
from bench.report.notebook.shown import Framed, Shown, table, terminal
from bench.report.seen import Seen
from bench.results.machine import Machine, machine, versions
from bench.summary.shape import Summary
from bench.summary.table import shown

_GIB = 1024**3


def environment() -> Shown:
    """The machine that measures, how busy it is, and the versions of what measures."""
    found = machine()
    packages = ((name, version) for name, version in versions().items())
    return Shown("\n\n".join((table(("machine", ""), _facts(found)), table(("program", "version"), packages))))


def metrics(seen: Seen) -> Shown:
    """All numbers of the run, each with how closely it is known, as `chatprobe results show` prints them."""
    return Shown(terminal(shown(seen.summary)))


def charts(seen: Seen) -> Framed:
    """All charts that the run has data for, each with what one sees in it: the page of `chatprobe results charts`."""
    drawn, missing = draw(seen, tuple(CHARTS))
    return Framed(page(drawn, missing, title=seen.run.name, about=", ".join(seen.summary.targets)))


def findings(seen: Seen) -> Shown:
    """What was found in plain words, why, what follows, and whether the numbers can be trusted."""
    return Shown("\n\n".join(_findings(seen.summary)))


def _findings(summary: Summary) -> Iterator[str]:
    yield f"**{summary.statement}**"
    if not summary.verdict.trusted:
        yield "\n".join(("There is no verdict:", "", *(f"- {why}" for why in summary.verdict.why)))
    for title, kind in (("Why", "cause"), ("What makes this doubtful", "caveat"), ("What engines did not tell", "unknown")):
        found = [one for one in summary.findings if one["kind"] == kind]
        if found:
            yield "\n".join((f"#### {title}", "", *(f"- **{one['target']}**: {one['words']}" for one in found)))
    follows = [f"- **{one['target']}**: {one['advice']}" for one in summary.findings if one["advice"]]
    if follows:
        yield "\n".join(("#### What to do", "", *follows))
    if summary.caveats:
        yield "\n".join(("#### What makes the comparison unfair", "", *(f"- {caveat.words}" for caveat in summary.caveats)))


def _facts(found: Machine) -> Iterator[tuple[str, str]]:
    yield "host", f"{found.host}, {found.architecture}, Linux {found.kernel}"
    yield "processor", f"{found.cpu_model}, {found.usable_cpus} of {found.cpus} usable"
    if found.limit_cpus is not None:
        yield "limit of the container", f"{found.limit_cpus:g} processors"
    yield "memory", f"{found.memory_bytes / _GIB:.1f} GiB"
    yield "load average of the last minute", f"{found.load_average:.2f}"
