"""Writes a run down while it goes on. A slow or full disk never holds the run; what it costs is counted and told."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from bench.caveat import Caveat
from bench.events import BlockBegun, BlockEnded, ChatEnded, End, Event, LevelBegun, RunBegun, RunEnded, Unsent
from bench.level import Level
from bench.results import manifest as manifests
from bench.results.files import LinesFile, Room, put, sync_folder
from bench.results.folders import new_folder
from bench.results.lines import NATIVE, RECORDS, UNSENT, record_line, unsent_attempt, unsent_line
from bench.results.machine import machine, versions
from bench.results.manifest import MANIFEST, STATE_AT, About, BlockEntry, FileEntry, LevelEntry, LoadEntry, Manifest, State, TraceFile
from bench.results.problem import ResultsError
from bench.results.process import Process
from bench.results.reading import Run, lost_lines
from bench.results.summary_files import Summarised, engine_files, split_native, summary_files
from config.load import Load, Trace
from probes.background import Background

QUEUED = 4_000
"""What waits for the disk at most: about 100 MB, if each is a record of a thousand tokens."""
CLOSING_SECONDS = 60.0
"""How long the end of a run waits for the disk."""
SUMMARY_ROOM, MANIFEST_ROOM = ".room-for-summary", ".room-for-manifest"
ROOMS = {SUMMARY_ROOM: 1 << 20, MANIFEST_ROOM: 1 << 18}
"""What is kept free for the end of a run, in bytes, by the file that keeps it."""

Summarise = Callable[[Run], Summarised]
"""Makes the summary of a run. Raises `ResultsError` where the run cannot be read."""
Warn = Callable[[str], None]
"""Tells the user a sentence. It is called from another thread too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What is known of a run only at its end, which was `at` seconds since the epoch.

    `engines` is what each target's engine told then, `caveats` those that only then were seen, `findings` the engines'
    side, `engine_side` what went on inside them, `outcomes` what the course has found, and `health` chatprobe's own, as
    JSON. `summarise` makes the summary, of the run as it is on disk.
    """

    at: float
    summarise: Summarise | None = None
    caveats: tuple[Caveat, ...] = ()
    findings: tuple[Mapping[str, object], ...] = ()
    engine_side: tuple[Mapping[str, object], ...] = ()
    outcomes: tuple[Mapping[str, object], ...] = ()
    engines: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    health: Mapping[str, object] = field(default_factory=dict)


def begin(results: Path, about: About, *, at: float, warn: Warn) -> RunWriter:
    """A new run's folder, and who writes it. `at` is seconds since the epoch. Raises `ResultsError` where nothing can be written there."""
    begun_at = _instant(at)
    folder = new_folder(results, about.name, begun_at)
    manifest = Manifest(state=State.RUNNING, begun_at=begun_at, about=about, process=Process.this(), machine=machine(), versions=versions())
    try:
        return RunWriter(folder, manifest, warn)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise ResultsError(f"{folder} cannot be written: {error.strerror}; free space, or give another place with --output-dir") from error


class RunWriter:
    """A listener that writes a run into its folder. The manifest says `running` until `finish`."""

    def __init__(self, folder: Path, manifest: Manifest, warn: Warn) -> None:
        """Takes over a new, empty folder. Raises `OSError` where nothing can be written there."""
        self.folder = folder
        self._manifest = manifest
        self._warn = warn
        self._problems: list[str] = []
        self._said: set[str] = set()
        self._traces = 0
        self._ended: RunEnded | None = None
        self._settled = False
        manifests.write(folder, manifest)
        self._rooms = {name: Room(folder / name, size_bytes) for name, size_bytes in ROOMS.items()}
        self._records, self._unsent, self._native = self._files = [LinesFile(folder / name) for name in (RECORDS, UNSENT, NATIVE)]
        sync_folder(folder.parent)
        self._writing: Background[Callable[[], None]] = Background(lambda job: job(), at_most=QUEUED, on_error=self._failed)

    def __call__(self, event: Event) -> None:
        match event:
            case RunBegun(targets=targets):
                self._change(about=replace(self._manifest.about, targets=targets))
            case LevelBegun(level=level, rounds=rounds, blocks=blocks):
                begun = LevelEntry(level.name, rounds, blocks, level.seconds, self._loads(level))
                self._change(levels=(*self._manifest.levels, begun))
            case BlockBegun(block=block, at=at):
                self._change(blocks=(*self._manifest.blocks, BlockEntry(block, _instant(at))))
            case BlockEnded(block=block, at=at):
                ended_at = _instant(at)
                entries = self._manifest.blocks
                self._change(
                    blocks=tuple(replace(entry, block=block, ended_at=ended_at) if entry.block.number == block.number else entry for entry in entries)
                )
            case ChatEnded(chat=chat, record=None):
                self._append(self._unsent, unsent_attempt(chat))
            case ChatEnded(chat=chat, record=record) if record is not None:
                self._append(self._records, record_line(chat, record))
            case Unsent():
                self._append(self._unsent, unsent_line(event))
            case RunEnded():
                self._ended = event

    def native(self, row: Mapping[str, object]) -> None:
        """Keep what an engine's own metrics said at an instant. `row["target"]` names the target."""
        self._append(self._native, row)

    def settle(self) -> None:
        """Have all that was told so far on the disk, so that the run can be read; nothing more may be told. Blocks."""
        if self._settled:
            return
        self._settled = True
        if not self._writing.close(CLOSING_SECONDS):
            self._problem(f"the disk did not take everything within {CLOSING_SECONDS:.0f} s of the run's end")
            return
        for file in self._files:
            with self._told(file.path.name):
                file.close()

    def finish(self, ending: Ending) -> Manifest:
        """Have the whole run on the disk, its manifest last, which is returned. Blocks.

        What could not be written is in its `problems`; where even the manifest could not, the run stands there as killed. What
        `summarise` raises, but for `ResultsError`, is raised once the manifest is there.
        """
        self.settle()
        ended = self._ended or RunEnded(End.FAILED, "it never came to its end")
        manifest = replace(
            self._manifest,
            state=STATE_AT[ended.end],
            detail=ended.detail,
            ended_at=_instant(ending.at),
            about=replace(self._manifest.about, caveats=(*self._manifest.about.caveats, *ending.caveats)),
            engines_after=ending.engines,
            health=ending.health,
            findings=ending.findings,
            engine_side=ending.engine_side,
            outcomes=ending.outcomes,
            files={file.path.name: FileEntry(file.size_bytes, file.lines, file.lost) for file in self._files},
        )
        for sentence in lost_lines(manifest):
            self._problem(sentence)
        try:
            self._release(SUMMARY_ROOM)
            self._put_all(engine_files(manifest))
            with self._told("engines"):
                split_native(self.folder, manifest.about.targets)
            if ending.summarise is not None:
                self._summarise(ending.summarise, replace(manifest, problems=tuple(self._problems)))
        finally:
            self._release(MANIFEST_ROOM)
            manifest = replace(manifest, problems=tuple(self._problems))
            with self._told(MANIFEST):
                manifests.write(self.folder, manifest)
        return replace(manifest, problems=tuple(self._problems))

    def _summarise(self, summarise: Summarise, manifest: Manifest) -> None:
        try:
            summarised = summarise(Run(self.folder, manifest, manifest.state))
        except ResultsError as error:
            self._problem(f"there is no summary, as the run cannot be read: {error}")
        except BaseException:
            self._problem(f"there is no summary, as making it was broken off; chatprobe results reprocess {self.folder.name} makes it")
            raise
        else:
            self._put_all(summary_files(summarised, manifest))

    def _append(self, file: LinesFile, line: Mapping[str, object]) -> None:
        file.offered += 1
        self._do(partial(file.append, orjson.dumps(line)))

    def _change(self, **changes: Any) -> None:
        self._manifest = replace(self._manifest, **changes)
        self._do(partial(manifests.write, self.folder, self._manifest))

    def _do(self, job: Callable[[], None]) -> None:
        if not self._writing.put(job):
            self._say_once("it is too slow", "the disk takes less than the run brings")

    def _loads(self, level: Level) -> tuple[LoadEntry, ...]:
        """The level's loads, each once, with the targets that have it. A trace gets a file."""
        shared: list[tuple[Load | Trace, list[str]]] = []
        for target, load in level.loads.items():
            for known, targets in shared:
                if known == load:
                    targets.append(target)
                    break
            else:
                shared.append((load, [target]))
        return tuple(LoadEntry(tuple(targets), self._kept(load) if isinstance(load, Trace) else load) for load, targets in shared)

    def _kept(self, trace: Trace) -> TraceFile:
        self._traces += 1
        name = f"trace-{self._traces}.json"
        self._do(lambda: put(self.folder / name, orjson.dumps(trace)))
        return TraceFile(name)

    def _put_all(self, files: Iterable[tuple[Path, bytes]]) -> None:
        for path, content in files:
            with self._told(str(path)):
                (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
                put(self.folder / path, content)

    def _release(self, room: str) -> None:
        with self._told(room):
            self._rooms[room].release()

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._problem(f"{what} could not be written: {error.strerror}")

    def _failed(self, error: OSError) -> None:
        self._say_once(str(error.strerror), f"the disk takes no more ({error.strerror})")

    def _say_once(self, key: str, words: str) -> None:
        if key not in self._said:
            self._said.add(key)
            self._tell(f"{words}; the run goes on, what is not kept is counted, and there will be no verdict")

    def _problem(self, words: str) -> None:
        self._problems.append(words)
        self._tell(words)

    def _tell(self, words: str) -> None:
        self._warn(f"{self.folder}: {words}")


def _instant(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
