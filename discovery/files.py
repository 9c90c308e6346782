"""Targets that stand in files beside the configuration: ours, or those that Prometheus' `file_sd` reads too."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from config.credentials import equipped
from config.discovered import FileTargets, read_targets
from config.model import Config, Target
from config.problems import ConfigError
from config.references import MOST_PAIRED
from traffic.roster import Member, roster

FILES = "files"
"""The source of these targets."""
MOST_FILES = 1000
"""Others write the files, and each that there is is read and watched."""
PROBLEMS_SHOWN = 20
"""Of one file."""
NAMES_SHOWN = 10
"""In one line."""

_ESCAPED = re.compile(r"\[([*?[])\]")
"""A sign of patterns that stands for itself, as `glob.escape` writes it."""


@dataclass(frozen=True, slots=True)
class Discovered:
    """What was found. `files` holds the targets that were taken of each file when it was last right, `members` those of all, with their credentials.

    `looked` is False where there was nothing to look at; `problems` say what could not be read; `passed_over` what was left out, and why.
    """

    looked: bool = False
    files: Mapping[str, Mapping[str, Target]] = field(default_factory=dict)
    members: Mapping[str, Member] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()


NOTHING = Discovered()


def paths(config: Config) -> Iterator[str]:
    """The files that there are now, in order, as far as they are read."""
    yield from _matching(config)[:MOST_FILES]


def look(config: Config, before: Discovered) -> Discovered:
    """Read the files. One that is broken keeps the targets that it had `before`; one that is gone takes its targets along.

    Blocks. Does not raise: what is wrong with a file is among the `problems`, and concerns no other file.
    """
    if not config.discovery.files:
        return NOTHING
    problems = list(_closed_folders(config))
    choice = _Choice(config)
    found = sorted({*_matching(config), *_hidden(config, before)})
    for path in found[:MOST_FILES]:
        try:
            said = read_targets(Path(path), choice.most_of_one_file)
        except Exception as error:  # noqa: BLE001 - others write the file: whatever it breaks, the targets of all others go on
            problems += _told(path, error)
            said = FileTargets(before.files.get(path, {}))
        choice.take(path, said)
    if more := found[MOST_FILES:]:
        choice.passed_over.append(f"discovery.files: {few(more)}: there are more than {MOST_FILES} files; put several targets into one")
    members = {name: Member(equipped(name, target, config.credentials), FILES) for name, target in choice.chosen.items()}
    return Discovered(True, choice.files, members, tuple(problems), (*choice.passed_over, *_unpaired(config, members)))


def few(names: Sequence[str], more: int = 0) -> str:
    """The first of these names, and how many more there are beside `more` whose names are not known."""
    more += max(0, len(names) - NAMES_SHOWN)
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more else "")


def _matching(config: Config) -> list[str]:
    return sorted({path for pattern in config.discovery.files for path in glob.glob(pattern, recursive=True)})  # noqa: PTH207 - patterns are absolute


def _told(path: str, error: Exception) -> Iterator[str]:
    """The problems of one file that cannot be read."""
    if not isinstance(error, ConfigError):
        yield f"{path}: cannot be read: chatprobe itself failed: {type(error).__name__}"
        return
    yield from map(str, error.problems[:PROBLEMS_SHOWN])
    if (more := len(error.problems) - PROBLEMS_SHOWN) > 0:
        yield f"{path}: and {more} more"


def _unpaired(config: Config, members: Mapping[str, Member]) -> Iterator[str]:
    """What scenarios leave out that compare their targets."""
    whole = roster(config, members)
    for name, scenario in config.scenarios.items():
        if left_out := whole.left_out(scenario):
            yield f"scenarios.{name}.pair: {few(left_out)}: no more than {MOST_PAIRED} targets are compared; name those to compare in targets"


def _closed_folders(config: Config) -> Iterator[str]:
    """What is wrong with the folders in which files are looked for; one that is not there is only empty."""
    for folder in dict.fromkeys(_fixed_folder(pattern) for pattern in config.discovery.files):
        try:
            os.scandir(folder).close()
        except FileNotFoundError:
            continue
        except OSError as error:
            yield f"{folder}: cannot be looked into: {error.strerror}; mend its owner or its mode"


def _fixed_folder(pattern: str) -> str:
    """The folder above the first part of a path that is a pattern, and not only escaped."""
    folder, name = os.path.split(pattern)
    return _fixed_folder(folder) if glob.has_magic(_ESCAPED.sub("", folder)) and name else _ESCAPED.sub(r"\1", folder)


def _hidden(config: Config, before: Discovered) -> Iterator[str]:
    """Files that were there before, and of which it cannot be said that they are gone: their folder shows nothing any more."""
    for path in before.files:
        if any(fnmatchcase(path, form) for pattern in config.discovery.files for form in (pattern, pattern.replace("**/", ""))):
            try:
                os.stat(path)  # noqa: PTH116 - beside glob
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError:
                pass
            yield path


class _Choice:
    """The targets to take, by name: what the configuration itself names comes first, then one file after the other, up to the limit."""

    def __init__(self, config: Config) -> None:
        self._limit = config.limits.discovered_targets
        self._holder = dict.fromkeys(config.targets, "the configuration")
        self.most_of_one_file = len(config.targets) + self._limit + 1
        """More could not be taken, but for one that there is to name then."""
        self.files: dict[str, Mapping[str, Target]] = {}
        self.chosen: dict[str, Target] = {}
        self.passed_over: list[str] = []

    def take(self, path: str, said: FileTargets) -> None:
        """What there still is room for of a file's targets, and a line for each reason to leave out others."""
        taken: dict[str, Target] = {}
        named_twice: list[str] = []
        too_many: list[str] = []
        for name, target in said.targets.items():
            if name in self._holder:
                named_twice.append(name)
            elif len(self.chosen) >= self._limit:
                too_many.append(name)
            else:
                taken[name] = self.chosen[name] = target
        if named_twice:
            holders = list(dict.fromkeys(self._holder[name] for name in named_twice))
            self.passed_over.append(f"{path}: {few(named_twice)}: taken already, by {few(holders)}; give each another name")
        if too_many:
            self.passed_over.append(f"{path}: {few(too_many, said.more)}: there are more than {self._limit}; raise limits.discovered_targets")
        self._holder |= dict.fromkeys(taken, path)
        self.files[path] = taken
