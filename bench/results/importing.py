"""Makes a run of records that were written without one: by `chatprobe serve --records`, or by `chatprobe probe --output json`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from bench.chat import Chat
from bench.level import Block
from bench.results import manifest as manifests
from bench.results.archive import new_beside, put_in_place
from bench.results.chats import chat_of_line
from bench.results.files import LinesFile, count_lines, numbered
from bench.results.lines import NATIVE, RECORDS, UNSENT
from bench.results.machine import versions
from bench.results.manifest import About, BlockEntry, FileEntry, LevelEntry, Manifest, State
from bench.results.names import FolderName, read_folder_name
from bench.results.problem import ResultsError, cannot, wrong

_WRITERS = "chatprobe serve --records and chatprobe probe --output json write records"


@dataclass(frozen=True, slots=True)
class Imported:
    """A run that was made of records. `twice` counts those that were there already, by their request's id, and were passed over."""

    folder: Path
    chats: int
    twice: int


def import_records(files: Sequence[Path], results: Path, name: str) -> Imported:
    """Make one run of the records in all of these files, and give its folder.

    Records of a benchmark run keep their places. Others stand in one block for each scenario, which is their level. A
    last line that was cut off is passed over. Raises `ResultsError` for anything that is no record, and where nothing
    can be written.
    """
    growing = _Growing(_first_at(files))
    with new_beside(results) as beside:
        try:
            empty = [LinesFile(beside / other) for other in (UNSENT, NATIVE)]
            records = LinesFile(beside / RECORDS)
            for place, line in _records(files):
                if growing.takes(place, line):
                    records.append(orjson.dumps(line))
            for file in (records, *empty):
                file.close()
            sizes = {file.path.name: FileEntry(file.size_bytes, file.lines, 0) for file in (records, *empty)}
            manifest = growing.manifest(name, sizes, tuple(file.name for file in files))
            manifests.write(beside, manifest)
        except OSError as error:
            raise cannot("written", beside, error) from error
        folder = put_in_place(beside, results / str(FolderName(name, manifest.begun_at)))
    return Imported(folder, records.lines, growing.twice)


def manifest_of_records(folder: Path) -> Manifest:
    """A manifest for a folder whose records tell their places in a run, and that has none. Raises `ResultsError`."""
    path = folder / RECORDS
    growing = _Growing(_first_at([path]))
    present = [folder / name for name in (RECORDS, UNSENT, NATIVE) if (folder / name).exists()]
    sizes = {file.name: FileEntry(file.stat().st_size, count_lines(file), 0) for file in present}
    for place, line in _records([path]):
        if "bench" not in line:
            raise ResultsError(f"{place}: tells no place in a run; chatprobe results import {path} makes a run of it")
        growing.takes(place, line)
    named = read_folder_name(folder.name)
    return growing.manifest(named.name if named else folder.name, sizes, (RECORDS,))


@dataclass
class _Part:
    """What is known so far of a block."""

    number: int
    level: str
    round: int
    targets: dict[str, None] = field(default_factory=dict)
    warm_up_seconds: float = 0.0
    seconds: float = 0.0
    begun_at: float = float("inf")
    ended_at: float = 0.0

    def widen(self, chat: Chat, at: float) -> None:
        """By a chat of it, which began `at`."""
        since = chat.place.since_seconds
        self.targets[chat.target] = None
        self.seconds = max(self.seconds, since + (chat.e2e_seconds or 0.0))
        self.begun_at = min(self.begun_at, at - since)
        self.ended_at = max(self.ended_at, at + (chat.e2e_seconds or 0.0))
        if chat.place.warm_up:
            self.warm_up_seconds = max(self.warm_up_seconds, since)

    def entry(self) -> BlockEntry:
        block = Block(self.number, self.level, self.round, tuple(self.targets), self.warm_up_seconds, self.seconds)
        return BlockEntry(block, datetime.fromtimestamp(self.begun_at, UTC), datetime.fromtimestamp(self.ended_at, UTC))


class _Growing:
    """A run, as far as it is known from the records that were seen."""

    def __init__(self, first_at: Mapping[str, float]) -> None:
        self.twice = 0
        self._first_at = first_at
        self._numbers = {scenario: number for number, scenario in enumerate(first_at, 1)}
        self._seen: set[str] = set()
        self._parts: dict[int, _Part] = {}
        self._models: dict[str, str] = {}

    def takes(self, place: str, line: dict[str, Any]) -> bool:
        """Whether it is a record that was not there yet; gives it its place in the run, if it has none. `place` is for errors."""
        try:
            at = _at(line)
            if "bench" not in line:
                scenario = line["scenario"]
                line["bench"] = {
                    "level": scenario,
                    "round": 1,
                    "block": self._numbers[scenario],
                    "since_seconds": at - self._first_at[scenario],
                    "warm_up": False,
                }
            line.setdefault("cut", False)
            line.setdefault("waited_seconds", None)
            chat = chat_of_line(line)
            _check_instants(chat, at)
            known = chat.request_id in self._seen
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise _no_record(place, error) from error
        if known:
            self.twice += 1
            return False
        self._seen.add(chat.request_id)
        self._models[chat.target] = chat.model
        of = chat.place
        self._parts.setdefault(of.block, _Part(of.block, of.level, of.round)).widen(chat, at)
        return True

    def manifest(self, name: str, sizes: Mapping[str, FileEntry], imported_from: tuple[str, ...]) -> Manifest:
        parts = [self._parts[number] for number in sorted(self._parts)]
        if not parts:
            raise ResultsError(f"{', '.join(imported_from)}: was emptied while it was read; import it again when nothing writes to it")
        return Manifest(
            state=State.IMPORTED,
            begun_at=datetime.fromtimestamp(min(part.begun_at for part in parts), UTC),
            ended_at=datetime.fromtimestamp(max(part.ended_at for part in parts), UTC),
            about=About(name=name, targets=tuple(sorted(self._models)), models=self._models),
            process=None,
            machine=None,
            versions=versions(),
            levels=tuple(_level(level, [part for part in parts if part.level == level]) for level in dict.fromkeys(part.level for part in parts)),
            blocks=tuple(part.entry() for part in parts),
            files=sizes,
            imported_from=imported_from,
        )


def _level(name: str, parts: Sequence[_Part]) -> LevelEntry:
    """What the load was is not known."""
    rounds = len({part.round for part in parts})
    return LevelEntry(name, rounds, len(parts) // rounds, None, ())


def _first_at(files: Sequence[Path]) -> dict[str, float]:
    """When the first chat of each scenario began. Raises `ResultsError` where the files have no record, or not all are alike."""
    first_at: dict[str, float] = {}
    placed: bool | None = None
    for place, line in _records(files):
        try:
            scenario, at = str(line["scenario"]), _at(line)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise _no_record(place, error) from error
        if placed not in (None, "bench" in line):
            raise ResultsError(f"{place}: is of another kind than those before it: benchmark runs' records tell a place; import them by themselves")
        placed = "bench" in line
        first_at[scenario] = min(at, first_at.get(scenario, at))
    if placed and len(files) > 1:
        raise ResultsError(f"{files[0]}: is of a benchmark run, and so is a run by itself; import each such file by itself")
    if not first_at:
        raise ResultsError(f"{', '.join(map(str, files))}: no record is in there; {_WRITERS}")
    return first_at


def _records(files: Sequence[Path]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(`FILE:LINE`, the record) for each line that is not empty, but for a last one that was cut off."""
    for path in files:
        for number, line in numbered(path):
            if not line.strip():
                continue
            try:
                record = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                if not line.endswith(b"\n"):
                    continue
                raise _no_record(f"{path}:{number}", error) from error
            yield f"{path}:{number}", record


def _at(line: Mapping[str, Any]) -> float:
    """When a chat began, in seconds since the epoch."""
    return datetime.fromisoformat(line["started_at"]).timestamp()


def _check_instants(chat: Chat, at: float) -> None:
    """Raises `ValueError` or `OverflowError` where the block of a chat that began `at` begins, or the chat ends, in no year that there is."""
    datetime.fromtimestamp(at - chat.place.since_seconds, UTC)
    datetime.fromtimestamp(at + (chat.e2e_seconds or 0.0), UTC)


def _no_record(place: str, error: Exception) -> ResultsError:
    return ResultsError(f"{place}: is no record of a chat ({wrong(error)}); {_WRITERS}")
