"""Our own runs, read from their folders, as sides are made of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import yaml

from bench.comparing.facts import as_fact
from bench.comparing.run import ComparedRun, Definition, Taken, Target
from bench.level import Measured
from bench.results.files import bytes_of
from bench.results.lines import NATIVE
from bench.results.machine import Machine
from bench.results.manifest import WHOLE, Manifest, State
from bench.results.problem import ResultsError
from bench.results.reading import Run
from bench.results.summary_files import SUMMARY
from bench.summary.sample import sample
from bench.summary.shape import Summary
from bench.summary.writing import from_json
from config.load import ClosedLoop, OpenLoop, Trace

TOOL = "chatprobe"
DEFINITIONS = {
    "ttft": Definition("from the open connection", "from the request's first byte on an open connection to the first token, by the kernel's clock"),
    "first_content": Definition("from the open connection", "the same to the first token of the answer itself"),
    "since_due": Definition("chatprobe since due", "from when the chat was due to its first token"),
    "tpot": Definition("tpot", "(last token - first token) / tokens after the first chunk, a value for each chat"),
    "itl": Definition("chatprobe itl", "the gap before a chunk divided by its tokens, once for each token"),
    "stall": Definition("chatprobe stall", "the longest gap between chunks that bear tokens"),
    "e2e": Definition("chatprobe e2e", "from the start, connecting included, to the terminal marker"),
    "answer": Definition("chatprobe answer", "TTFT + (n - 1) × TPOT"),
    "output_rate": Definition("chatprobe e2e", "tokens of the answer / E2E"),
    "throughput": Definition("tokens in the measured time", "output tokens that came in the measured time, a second"),
    "goodput": Definition("chatprobe goodput", "the share of attempts that succeeded and met every threshold"),
    "success": Definition("told ends only", "the share of attempts that succeeded: their end was told, and no error was"),
}
_OF_LOAD = ("every", "rate", "users", "arrivals", "think_time", "ramp_up", "stages", "seed", "targets", "active", "pair", "yields")
"""Keys of a scenario that say when chats come, or to whom: what is left says what they are."""


def own(kept: Run, summary: Summary | None) -> ComparedRun:
    """A run from its folder. Without a summary it cannot be trusted. Raises `ResultsError` for records that cannot be read."""
    about = kept.manifest.about
    begins = {level.name: level.steady.from_seconds for level in summary.levels} if summary else {}
    measured = kept.measured()
    gpus = _gpus(kept)
    return ComparedRun(
        name=kept.name,
        source=str(kept.folder),
        tool=TOOL,
        targets={
            name: Target(name=name, levels=dict(_levels(name, measured, begins)), facts=_target_facts(kept.manifest, name, gpus.get(name)))
            for name in about.targets
        },
        definitions=DEFINITIONS,
        facts=_facts(kept.manifest),
        slos=about.slos,
        distrust=tuple(_distrust(kept, summary)),
        notes=tuple(_notes(kept, summary)),
        paired=True,
    )


def read_summary(kept: Run) -> Summary | None:
    """The run's summary; None where it has none, or one that this version cannot read."""
    try:
        written = orjson.loads(bytes_of(kept.folder / SUMMARY))
        return from_json(written) if isinstance(written, dict) else None
    except (OSError, ValueError):
        return None


def _gpus(kept: Run) -> dict[str, str]:
    """The models of the GPUs that were watched, of each target: `2 × NVIDIA L4`. They stay the same through a run."""
    found: dict[str, str] = {}
    for line in kept.native():
        if line["target"] not in found and (models := _models(kept, line)):
            found[line["target"]] = ", ".join(f"{models.count(model)} × {model}" for model in sorted(set(models)))
    return found


def _models(kept: Run, line: Mapping[str, Any]) -> list[str]:
    try:
        return [str(gpu["model"]) for gpu in line.get("gpus") or () if gpu.get("model")]
    except (TypeError, AttributeError) as error:
        raise ResultsError(
            f"{kept.folder / NATIVE}: has a line whose gpus are none ({error}); bring the file back from a copy, or delete the line"
        ) from error


def _levels(target: str, measured: list[Measured], begins: Mapping[str, float]) -> Iterator[tuple[str, Taken]]:
    for one in measured:
        if any(target in block.targets for block in one.blocks):
            found = sample(target, one, begins.get(one.level.name))
            yield one.level.name, Taken(load=_load(one, target), sample=found, timed=True, attempts=len(found.attempts))


def _load(measured: Measured, target: str) -> str:
    match measured.level.loads.get(target):
        case OpenLoop(_, arrivals):
            return f"{measured.level.name}, {arrivals}"
        case ClosedLoop(_, think_time) if think_time is not None:
            return f"{measured.level.name}, who think {think_time.mean_seconds:g} s on average"
        case Trace(arrivals, speed):
            return f"{measured.level.name}, a trace of {len(arrivals)} chats at {speed:g} times its speed"
        case _:
            return measured.level.name


def _distrust(kept: Run, summary: Summary | None) -> Iterator[str]:
    yield from kept.doubts
    if kept.state not in (*WHOLE, State.INTERRUPTED, State.IMPORTED):
        yield kept.part or f"the run is {kept.state}"
    if summary is None:
        yield f"it has no summary that this version can read; chatprobe results reprocess {kept.name} makes one"
    elif not summary.verdict.trusted:
        yield from summary.verdict.why


def _notes(kept: Run, summary: Summary | None) -> Iterator[str]:
    if kept.state is State.INTERRUPTED:
        yield f"{kept.name} was interrupted; the rounds that it came to an end with are compared"
    for caveat in summary.caveats if summary else ():
        yield f"{kept.name}: {caveat.words}"


def _target_facts(manifest: Manifest, target: str, gpus: str | None) -> dict[str, str]:
    engine = manifest.about.engines.get(target, {})
    facts: dict[str, object] = {
        "model": manifest.about.models.get(target) or engine.get("model"),
        "engine": engine.get("backend"),
        "engine.version": engine.get("version"),
        "hardware": gpus,
        "engine.flags": as_fact(_flags(engine)),
    }
    said = manifest.about.facts.get(target, {})
    told = {name: str(value) for name, value in facts.items() if value}
    # what an engine tells itself comes before what people say of it; of flags both count
    flags = {"engine.flags": as_fact(_flags(engine) | {"said": said["engine.flags"]})} if "engine.flags" in said else {}
    return {**said, **told, **flags}


def _flags(engine: Mapping[str, object]) -> dict[str, str]:
    """How the engine was started, as it told before the run."""
    settings = engine.get("settings")
    told = {str(key): str(value) for key, value in settings.items()} if isinstance(settings, Mapping) else {}
    context = engine.get("context_tokens")
    return told if context is None else {**told, "context_tokens": str(context)}


def _facts(manifest: Manifest) -> dict[str, str]:
    facts = {"prompts": _prompts(manifest), "prober": _machine(manifest.machine), "tool.version": manifest.versions.get(TOOL)}
    if manifest.about.seed is not None:
        facts["seed"] = str(manifest.about.seed)
    return {name: value for name, value in facts.items() if value}


def _prompts(manifest: Manifest) -> str | None:
    """The scenario as it was in force, but for when its chats came."""
    try:
        configuration: Any = yaml.safe_load(manifest.about.configuration)
        scenarios = configuration["scenarios"]
        scenario = scenarios[(configuration.get("bench") or {}).get("scenario") or next(iter(scenarios))]
        return json.dumps({key: value for key, value in scenario.items() if key not in _OF_LOAD}, sort_keys=True)
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError, StopIteration, RecursionError):
        return None


def _machine(machine: Machine | None) -> str | None:
    """What it is, not which: pipelines run on another one of the same kind each time."""
    if machine is None:
        return None
    limits = [f"limited to {machine.limit_cpus:g} processors"] if machine.limit_cpus is not None else []
    return ", ".join([machine.cpu_model, f"{machine.usable_cpus} processors", *limits])
