"""Reads a run from its folder, while it is written too; what a kill or a full disk has cost it is told."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError

from bench.chat import Chat
from bench.events import Unsent
from bench.level import Block, Level, Measured
from bench.results import manifest as manifests
from bench.results.chats import chat_of_line, unsent_chat_of_line, unsent_of_line
from bench.results.files import bytes_of, numbered, opened
from bench.results.lines import NATIVE, RECORDS, UNSENT
from bench.results.manifest import WHOLE, LevelEntry, Manifest, State, TraceFile
from bench.results.problem import ResultsError, cannot, no_line
from config.load import Load, Trace

Value = TypeVar("Value")
_TRACE = TypeAdapter(Trace)

SILENT_SECONDS = 3600.0
"""A run on another machine that has written nothing for so long is taken for a killed one."""
_PARTS = {
    State.RUNNING: "the run is still going on",
    State.ELSEWHERE: "the run may still go on, on another machine",
    State.KILLED: "the run was killed",
    State.INTERRUPTED: "the run was interrupted",
    State.FAILED: "the run broke",
}


@dataclass(frozen=True)
class Run:
    """A run on disk. `state` is how far it came, as far as that can be told now."""

    folder: Path
    manifest: Manifest
    state: State

    @property
    def name(self) -> str:
        """Its folder's, by which it is named everywhere."""
        return self.folder.name

    @property
    def part(self) -> str | None:
        """Why it is only a part of what was wanted; None of a whole one."""
        words = _PARTS.get(self.state)
        return words if words is None or not self.manifest.detail else f"{words}: {self.manifest.detail}"

    @property
    def whole(self) -> bool:
        """It came to the end that it was to come to, and lacks nothing."""
        return self.state in WHOLE and not self.doubts

    @property
    def doubts(self) -> tuple[str, ...]:
        """What it lacks of what it should have, a sentence each: no verdict can stand on it then."""
        return (*self.manifest.problems, *self._shorter())

    @property
    def lost_chats(self) -> int:
        """How many chats ended, or were not sent, and could not be kept."""
        return sum(file.lost for name, file in self.manifest.files.items() if name in (RECORDS, UNSENT))

    @property
    def lacking(self) -> tuple[str, ...]:
        """What else than chats it lacks, a sentence each."""
        of_chats = lost_lines(self.manifest, (RECORDS, UNSENT))
        return tuple(doubt for doubt in self.doubts if doubt not in of_chats)

    @cached_property
    def blocks(self) -> Mapping[int, Block]:
        """Those that were begun, by number."""
        return {entry.block.number: entry.block for entry in self.manifest.blocks}

    @cached_property
    def backends(self) -> Mapping[str, str]:
        """Which engine each target had, as it was asked before the run."""
        return {target: str(told["backend"]) for target, told in self.manifest.about.engines.items() if "backend" in told}

    def records(self) -> Iterator[dict[str, Any]]:
        """The lines of `records.ndjson`, in the order in which chats ended. Raises `ResultsError`."""
        return self.records_as(dict)

    def records_as(self, read: Callable[[dict[str, Any]], Value]) -> Iterator[Value]:
        """What is read from each of these lines; `read` may raise what nonsense in one makes it raise. Raises `ResultsError`."""
        return _each(self.folder / RECORDS, read)

    def chats(self) -> Iterator[Chat]:
        """Every chat that was sent, then every one that was not because of its engine. Raises `ResultsError`."""
        yield from _each(self.folder / RECORDS, chat_of_line)
        yield from _each(self.folder / UNSENT, lambda line: unsent_chat_of_line(line) if line["attempt"] else None)

    def unsent(self) -> Iterator[Unsent]:
        """Chats that were due and not sent for no fault of the engine's. Raises `ResultsError`."""
        yield from _each(self.folder / UNSENT, lambda line: None if line["attempt"] else unsent_of_line(line, self.blocks))

    def native(self) -> Iterator[dict[str, Any]]:
        """What the engines' own metrics said through the run. Raises `ResultsError`."""
        yield from _each(self.folder / NATIVE, _native)

    def measured(self) -> list[Measured]:
        """The levels in the order of the run, each with its chats: all of the run in memory. Raises `ResultsError`."""
        chats: dict[str, list[Chat]] = {entry.name: [] for entry in self.manifest.levels}
        for chat in self.chats():
            if chat.place.level not in chats or chat.place.block not in self.blocks:
                raise ResultsError(
                    f"{self.folder / RECORDS}: has chats of {chat.place.level}, block {chat.place.block}, of which the manifest knows nothing; "
                    "import the file as a run of its own"
                )
            chats[chat.place.level].append(chat)
        return [Measured(self._level(entry), self._blocks(entry.name, chats[entry.name]), chats[entry.name]) for entry in self.manifest.levels]

    def _blocks(self, level: str, chats: Sequence[Chat]) -> tuple[Block, ...]:
        """Those of a level. One that the run did not see the end of lasted until the last that is known of it."""
        until: dict[int, float] = {}
        for chat in chats:
            number = chat.place.block
            until[number] = max(until.get(number, 0.0), chat.ended_seconds)
        return tuple(
            entry.block if entry.ended_at else replace(entry.block, seconds=min(entry.block.seconds, until.get(entry.block.number, 0.0)))
            for entry in self.manifest.blocks
            if entry.block.level == level
        )

    def _level(self, entry: LevelEntry) -> Level:
        loads = {target: self._load(shared.load) for shared in entry.loads for target in shared.targets}
        return Level(entry.name, loads, entry.rounds, entry.seconds)

    def _load(self, load: Load | TraceFile) -> Load | Trace:
        if not isinstance(load, TraceFile):
            return load
        path = self.folder / Path(load.trace).name
        try:
            return _TRACE.validate_json(bytes_of(path))
        except OSError as error:
            raise cannot("read", path, error) from error
        except ValidationError as error:
            raise ResultsError(f"{path}: is no trace ({error.errors()[0]['msg']}); bring it back from a copy of the run") from error

    def _shorter(self) -> Iterator[str]:
        """Of which files there is less than the manifest says, or a line that was cut."""
        for name in (RECORDS, UNSENT, NATIVE):
            size_bytes, whole = _end(self.folder / name)
            known = self.manifest.files.get(name)
            if known is not None and size_bytes != known.size_bytes:
                yield f"{name} has {size_bytes} bytes where the run left {known.size_bytes}: it was cut or changed since"
            elif not whole and self.state is not State.RUNNING:
                yield f"the last line of {name} was cut off, and is passed over"


def open_run(folder: Path) -> Run:
    """The run in a folder. Raises `ResultsError` where there is none, or none that this chatprobe can read."""
    manifest = manifests.read(folder)
    if manifest.state is not State.RUNNING:
        return Run(folder, manifest, manifest.state)
    lives = manifest.process.lives() if manifest.process else False
    # It may have come to its end between the two looks.
    again = manifests.read(folder)
    if again.state is not State.RUNNING:
        return Run(folder, again, again.state)
    if lives is None:
        return Run(folder, again, State.ELSEWHERE if _silent_seconds(folder) < SILENT_SECONDS else State.KILLED)
    return Run(folder, again, State.RUNNING if lives else State.KILLED)


def lost_lines(manifest: Manifest, files: Container[str] = (RECORDS, UNSENT, NATIVE)) -> tuple[str, ...]:
    """Of which of these files there are lines that could not be kept, a sentence each."""
    return tuple(f"lines of {name} that could not be kept: {file.lost}" for name, file in manifest.files.items() if file.lost and name in files)


def _native(line: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(line["target"], str):
        raise TypeError("target is no text")
    return line


def _each(path: Path, read: Callable[[dict[str, Any]], Value | None]) -> Iterator[Value]:
    """What stands on each line, but for the last where it was cut off, and those of which `read` makes None."""
    for number, line in numbered(path):
        if not line.endswith(b"\n"):
            return
        try:
            value = read(orjson.loads(line))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise no_line(f"{path}:{number}", error) from error
        if value is not None:
            yield value


def _end(path: Path) -> tuple[int, bool]:
    """(length in bytes, whether the last line is whole) of a file; of one that is not there (0, True)."""
    try:
        with opened(path) as file:
            size_bytes = file.seek(0, os.SEEK_END)
            if size_bytes == 0:
                return 0, True
            file.seek(-1, os.SEEK_END)
            return size_bytes, file.read(1) == b"\n"
    except FileNotFoundError:
        return 0, True
    except OSError as error:
        raise cannot("read", path, error) from error


def _silent_seconds(folder: Path) -> float:
    """How long ago something was written into a folder."""
    try:
        return time.time() - max(entry.stat().st_mtime for entry in folder.iterdir())
    except OSError as error:
        raise cannot("read", folder, error) from error
