"""Targets that stand in files beside the configuration, in chatprobe's own form or in that of Prometheus' `file_sd`."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from config.credentials import equipped
from config.discovered import FileTargets, read_targets
from config.model import Config, Target
from config.problems import ConfigError
from config.references import MOST_PAIRED
from config.secrets import Secrets
from traffic.roster import Member, enlist, left_out

FILES = "files"
"""The source of these targets."""
MOST_FILES = 1000
"""Each file is read and watched, and others write them."""
PROBLEMS_SHOWN = 20
"""Problems of one file that are told."""
NAMES_SHOWN = 10
"""Names in one line."""

_ESCAPED = re.compile(r"\[([*?[])\]")
"""A sign of patterns that stands for itself, as `glob.escape` writes it."""


@dataclass(frozen=True, slots=True)
class Discovered:
    """What one source of targets gives.

    `members` are its targets by name; `looked` is False where nothing was looked at. `problems` say what could not be
    read, or may be out of date. `passed_over` is what was left out, and why. `files` has the targets that were taken of
    each file when it was last right.
    """

    looked: bool = False
    members: Mapping[str, Member] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()
    files: Mapping[str, Mapping[str, Target]] = field(default_factory=dict)


NOTHING = Discovered()


def paths(config: Config) -> Iterator[str]:
    """The files that there are now, in order, as far as they are read."""
    yield from _matching(config)[:MOST_FILES]


def look(config: Config, secrets: Secrets, before: Discovered = NOTHING) -> Discovered:
    """Read the files.

    A broken file keeps the targets that it had `before`; a file that is gone takes its targets along. What is wrong
    with a file is among the `problems`, and concerns no other file. Blocks. Raises `config.secrets.SecretError`.
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
        choice.choose(path, said)
    if more := found[MOST_FILES:]:
        choice.passed_over.append(f"discovery.files: {few(more)}: there are more than {MOST_FILES} files; put several targets into one")
    members = {name: enlist(name, equipped(name, target, config.credentials), secrets, FILES) for name, target in choice.chosen.items()}
    return Discovered(True, members, tuple(problems), (*choice.passed_over, *_unpaired(config, members)), choice.files)


def few(names: Sequence[str], more: int = 0) -> str:
    """The first of these names, and how many more there are.

    `more` is how many there are besides, whose names are not known.
    """
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


def _unpaired(config: Config, names: Iterable[str]) -> Iterator[str]:
    """The targets that are too many for the scenarios that compare theirs."""
    everyone = (*config.targets, *names)
    for name, scenario in config.scenarios.items():
        if too_many := left_out(scenario, everyone):
            yield f"scenarios.{name}.pair: {few(too_many)}: no more than {MOST_PAIRED} targets are compared; name those to compare in targets"


def _closed_folders(config: Config) -> Iterator[str]:
    """What is wrong with the folders in which files are looked for. A folder that is not there is an empty one."""
    for folder in dict.fromkeys(_fixed_folder(pattern) for pattern in config.discovery.files):
        try:
            os.scandir(folder).close()
        except FileNotFoundError:
            continue
        except OSError as error:
            yield f"{folder}: cannot be looked into: {error.strerror}; mend its owner or its mode"


def _fixed_folder(pattern: str) -> str:
    """The folder above the first part of a path that is a pattern. An escaped part is none."""
    folder, name = os.path.split(pattern)
    return _fixed_folder(folder) if glob.has_magic(_ESCAPED.sub("", folder)) and name else _ESCAPED.sub(r"\1", folder)


def _hidden(config: Config, before: Discovered) -> Iterator[str]:
    """Files that were there before, and of which nobody can say that they are gone.

    Their folder shows nothing any more.
    """
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
    """Chooses the targets, by name, up to the limit.

    The configuration's own names are taken. The files follow, one after the other.
    """

    def __init__(self, config: Config) -> None:
        self._limit = config.limits.discovered_targets
        self._holder = dict.fromkeys(config.targets, "the configuration")
        self.most_of_one_file = len(config.targets) + self._limit + 1
        """More of one file could not be taken. One more is read, to be named."""
        self.files: dict[str, Mapping[str, Target]] = {}
        self.chosen: dict[str, Target] = {}
        self.passed_over: list[str] = []

    def choose(self, path: str, said: FileTargets) -> None:
        """Take those targets of a file for which there is room, and keep a line for each reason to leave out others."""
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
