"""How a run was made: its load, its engines, its machine, and what chatprobe says of its own health."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from bench.report.tables import Cell, Table, TableRow
from bench.results.manifest import Manifest
from bench.results.reading import Run
from bench.summary.shape import Summary
from bench.summary.trust import LIMITS
from bench.summary.words import quantity
from config.bench_slos import PRESETS, ChatSlo
from probes import backends
from probes.wording import counted

_NOT_KNOWN = "-"
_COUNTED = {limit.name: limit.counted.replace("`", "") for limit in LIMITS}


@dataclass(frozen=True, slots=True)
class Method:
    """`facts` are names with sentences; `command` and `configuration` are as they were given, without secrets."""

    facts: tuple[tuple[str, str], ...]
    engines: Table
    checks: Table
    command: str
    configuration: str


def method(run: Run, summary: Summary) -> Method:
    """What is known of it."""
    about = run.manifest.about
    return Method(tuple(_facts(run, summary)), _engines(run.manifest), checks(summary), shlex.join(about.command), about.configuration)


def checks(summary: Summary) -> Table:
    """chatprobe's own health: of each check the worst that was seen."""
    worst: dict[str, tuple[float, str, bool]] = {}
    for check in summary.verdict.checks:
        near = check.value / check.limit if check.limit else check.value
        if check.name not in worst or near > worst[check.name][0]:
            worst[check.name] = near, check.words, check.well
    rows = (
        TableRow((name.replace("_", " "),), (Cell("well" if well else "not well"), Cell(_COUNTED.get(name, name) if well else words)))
        for name, (_, words, well) in worst.items()
    )
    return Table(
        "chatprobe's own health: the worst that each check saw",
        ("check", "state", "what it counts, or what is wrong"),
        tuple(rows),
        frozenset({1, 2}),
    )


def engine_title(backend: str) -> str:
    """An engine's name for people; as it is written where no engine has it."""
    try:
        return backends.get(backend).title
    except ValueError:
        return backend


def _facts(run: Run, summary: Summary) -> Iterator[tuple[str, str]]:
    manifest = run.manifest
    lasted = "" if manifest.ended_at is None else f", lasted {_lasted(manifest.ended_at - manifest.begun_at)}"
    yield "Run", f"{run.name}, {run.state}{lasted}, by chatprobe {manifest.versions.get('chatprobe', _NOT_KNOWN)}"
    levels = [level.name for level in summary.levels]
    together = any(len(entry.block.targets) > 1 for entry in manifest.blocks)
    order = "all engines at the same instants" if together else "one engine after another, there and back" if len(summary.targets) > 1 else ""
    rounds = max((level.rounds for level in summary.levels), default=0)
    yield "Load", f"{', '.join(levels)}; {counted(rounds, 'round')} each{f', {order}' if order else ''}"
    seconds = {entry.block.seconds for entry in manifest.blocks}
    warm_up = {entry.block.warm_up_seconds for entry in manifest.blocks}
    if seconds:
        yield "Blocks", f"{len(manifest.blocks)} of {_range(seconds)}, of which the first {_range(warm_up)} are warm-up and count for nothing"
    if manifest.about.seed is not None:
        yield "Prompts", f"the same for all engines, drawn by seed {manifest.about.seed}: the same seed, the same chats at the same instants"
    for name, thresholds in summary.slos.items():
        known = PRESETS.get(name)
        slo = ChatSlo.of(name, thresholds)
        source = f"; {known.source}" if known is not None and known.thresholds == slo.thresholds else ""
        thresholds_told = [f"{key.upper()} {quantity(seconds, 's')} at most" for key, seconds in slo.thresholds.items()]
        yield f"SLO {name}", f"{', '.join(thresholds_told)}{source}"
    machine = manifest.machine
    if machine is not None:
        limits = "" if machine.limit_cpus is None else f", limited to {machine.limit_cpus:g} of them"
        yield (
            "chatprobe's machine",
            f"{machine.host}: {machine.cpu_model}, {counted(machine.usable_cpus, 'processor')}{limits}, {machine.memory_bytes / 2**30:,.0f} GiB, "
            f"Linux {machine.kernel}; load {machine.load_average:.1f} when it began",
        )
    if manifest.imported_from:
        yield "Imported from", ", ".join(manifest.imported_from)
    yield (
        "Intervals",
        (
            f"{summary.confidence:.0%}; those of percentiles say how far another run like this would be off, where there are rounds enough, "
            "else how well this run knows what it saw; those of comparisons hold all together"
        ),
    )


def _engines(manifest: Manifest) -> Table:
    rows = (
        TableRow((target,), tuple(Cell(text) for text in _engine(manifest, target, manifest.about.engines.get(target, {}))), target)
        for target in manifest.about.targets
    )
    return Table("The engines", ("name", "engine", "version", "model", "context", "URL"), tuple(rows), frozenset({1, 2, 3, 5}))


def _engine(manifest: Manifest, target: str, told: Mapping[str, object]) -> Iterator[str]:
    yield engine_title(str(told["backend"])) if told.get("backend") else _NOT_KNOWN
    after = manifest.engines_after.get(target, {}).get("version")
    before = told.get("version")
    yield f"{before} before, {after} after" if after and before and after != before else str(before or after or _NOT_KNOWN)
    yield str(manifest.about.models.get(target) or told.get("model") or _NOT_KNOWN)
    context = told.get("context_tokens")
    yield f"{context:,} tokens" if isinstance(context, int) else _NOT_KNOWN
    yield str(told.get("url") or _NOT_KNOWN)


def _range(seconds: set[float]) -> str:
    low, high = min(seconds), max(seconds)
    return f"{low:.3g} s" if high - low < 0.1 else f"{low:.3g} to {high:.3g} s"


def _lasted(time: timedelta) -> str:
    minutes, seconds = divmod(round(time.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
