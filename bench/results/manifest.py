"""The manifest of a run: what it was, what it ran on, how far it came, and which files it left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson
from pydantic import AwareDatetime, TypeAdapter, ValidationError

from bench.caveat import Caveat
from bench.events import End
from bench.level import Block
from bench.results.files import bytes_of, put
from bench.results.machine import Machine
from bench.results.problem import ResultsError, cannot
from bench.results.process import Process
from config.load import Load

MANIFEST = "manifest.json"
SCHEMA = 1
"""Of the whole layout of a run's folder. Keys are added without a new one."""


class State(StrEnum):
    """How far a run came."""

    RUNNING = "running"
    COMPLETE = "complete"
    ENOUGH = "enough"
    """It ended when what was asked for was known."""
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    IMPORTED = "imported"
    """No run of ours: records that were brought in from elsewhere."""
    KILLED = "killed"
    """Its process is gone, and it never came to its end. No run writes this of itself."""
    ELSEWHERE = "elsewhere"
    """It was begun on another machine, or in another container, and may still run there. No run writes this of itself."""


STATE_AT = {End.DONE: State.COMPLETE, End.ENOUGH: State.ENOUGH, End.INTERRUPTED: State.INTERRUPTED, End.FAILED: State.FAILED}
"""The state of a run that ended so."""
WHOLE = frozenset({State.COMPLETE, State.ENOUGH})
"""The states of runs that came to the end that they were to come to."""
GOING_ON = frozenset({State.RUNNING, State.ELSEWHERE})
"""The states of runs that may still write into their folders."""


@dataclass(frozen=True, slots=True)
class TraceFile:
    """A recorded load, which is in a file of the folder."""

    trace: str


@dataclass(frozen=True, slots=True)
class LevelEntry:
    """A level that was begun. Targets with the same load stand together in `loads`."""

    name: str
    rounds: int
    blocks: int
    seconds: float | None
    loads: tuple[LoadEntry, ...]


@dataclass(frozen=True, slots=True)
class LoadEntry:
    """The load of some targets."""

    targets: tuple[str, ...]
    load: Load | TraceFile


@dataclass(frozen=True, slots=True)
class BlockEntry:
    """A block, and when it began and ended. `ended_at` is None for one that the run did not see the end of."""

    block: Block
    begun_at: AwareDatetime
    ended_at: AwareDatetime | None = None


@dataclass(frozen=True, slots=True)
class FileEntry:
    """How long a file was when the run was done with it, and how many of its lines could not be written."""

    size_bytes: int
    lines: int
    lost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What is known of a run before its first chat. Nothing of it may be a secret: `config.effective` hides those of a configuration.

    `engines` has what each target's engine told of itself, as JSON; `slos` what a good chat keeps to, its thresholds in
    seconds by `ttft`, `tpot` and `e2e`; `models` the model that is asked of each target; `facts` what people say
    of each target that its engine does not tell; `caveats` what makes the comparison unfair.
    """

    name: str
    command: tuple[str, ...] = ()
    preset: str | None = None
    configuration: str = ""
    seed: int | None = None
    targets: tuple[str, ...] = ()
    models: Mapping[str, str] = field(default_factory=dict)
    engines: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    slos: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    facts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    caveats: tuple[Caveat, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One run.

    `health` is chatprobe's own, `findings` the engines' side, `engine_side` what went on inside each engine at each level,
    and `outcomes` what the course has found, all as JSON. `files` has only those that grow with the chats, and is empty
    until the run is over. `problems` are sentences about what could not be kept.
    """

    schema: int = SCHEMA
    state: State
    detail: str = ""
    begun_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    about: About
    process: Process | None
    machine: Machine | None
    versions: Mapping[str, str]
    levels: tuple[LevelEntry, ...] = ()
    blocks: tuple[BlockEntry, ...] = ()
    engines_after: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    health: Mapping[str, object] = field(default_factory=dict)
    findings: tuple[Mapping[str, object], ...] = ()
    engine_side: tuple[Mapping[str, object], ...] = ()
    outcomes: tuple[Mapping[str, object], ...] = ()
    files: Mapping[str, FileEntry] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    imported_from: tuple[str, ...] = ()
    summarised_at: AwareDatetime | None = None
    summarised_by: Mapping[str, str] = field(default_factory=dict)
    """The versions that its summary was made by, where it was made anew after the run."""


_ADAPTER = TypeAdapter(Manifest)


def to_bytes(manifest: Manifest) -> bytes:
    """The manifest as JSON."""
    return orjson.dumps(_ADAPTER.dump_python(manifest, mode="json"), option=orjson.OPT_INDENT_2) + b"\n"


def write(folder: Path, manifest: Manifest) -> None:
    """Have it in the folder, the old one or this. Blocks. Raises `OSError`."""
    put(folder / MANIFEST, to_bytes(manifest))


def read(folder: Path) -> Manifest:
    """The manifest of a run's folder, of the layout of today. Raises `ResultsError`."""
    path = folder / MANIFEST
    written = _written(folder)
    _check_layout(path, _layout(path, written))
    try:
        return _ADAPTER.validate_python(written, strict=False)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise ResultsError(f"{path}: {place}: {first['msg']}; {_SET_ASIDE}") from error


def layout(folder: Path) -> int:
    """The layout that a run's folder has, which its manifest tells whatever else is in it. Raises `ResultsError`."""
    return _layout(folder / MANIFEST, _written(folder))


_SET_ASIDE = "it was changed after the run, and cannot be used: bring it back from a copy, or import its records.ndjson as a run of its own"


def _written(folder: Path) -> Any:
    path = folder / MANIFEST
    try:
        return orjson.loads(bytes_of(path))
    except FileNotFoundError:
        raise ResultsError(f"{folder} has no {MANIFEST}, so it is no run's; chatprobe results list shows the runs there are") from None
    except OSError as error:
        raise cannot("read", path, error) from error
    except orjson.JSONDecodeError as error:
        raise ResultsError(f"{path}:{error.lineno}: is no JSON ({error.msg}); {_SET_ASIDE}") from error


def _layout(path: Path, written: Any) -> int:
    schema = written.get("schema") if isinstance(written, dict) else None
    if not isinstance(schema, int):
        raise ResultsError(f"{path}: schema: is no number; {_SET_ASIDE}")
    return schema


def _check_layout(path: Path, schema: int) -> None:
    if schema > SCHEMA:
        raise ResultsError(f"{path}: was written in a newer layout ({schema}) than this chatprobe knows ({SCHEMA}); use the chatprobe that wrote it")
    if schema < SCHEMA:
        raise ResultsError(f"{path}: was written in an older layout ({schema}); chatprobe results migrate brings it to that of today ({SCHEMA})")
