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
from config.discovered import read_targets
from config.model import Config, Target
from config.problems import ConfigError
from traffic.roster import Member

FILES = "files"
"""The source of these targets."""

_ESCAPED = re.compile(r"\[([*?[])\]")
"""A sign of patterns that stands for itself, as `glob.escape` writes it."""


@dataclass(frozen=True, slots=True)
class Discovered:
    """What was found. `files` holds what each file said when it was last right, `members` the targets that come of it, with their credentials.

    `looked` is False where there was nothing to look at; `problems` say what could not be read; `passed_over` which targets were left out, and why.
    """

    looked: bool = False
    files: Mapping[str, Mapping[str, Target]] = field(default_factory=dict)
    members: Mapping[str, Member] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()


NOTHING = Discovered()


def paths(config: Config) -> Iterator[str]:
    """The files that there are now, in order."""
    yield from sorted({path for pattern in config.discovery.files for path in glob.glob(pattern)})  # noqa: PTH207 - patterns are absolute


def look(config: Config, before: Discovered) -> Discovered:
    """Read the files. One that is broken keeps the targets that it had `before`; one that is gone takes its targets along.

    Blocks. Does not raise: what is wrong with a file is among the `problems`.
    """
    if not config.discovery.files:
        return NOTHING
    files: dict[str, Mapping[str, Target]] = {}
    problems = list(_closed_folders(config))
    for path in sorted({*paths(config), *_hidden(config, before)}):
        try:
            files[path] = read_targets(Path(path))
        except ConfigError as error:
            problems += map(str, error.problems)
            files[path] = before.files.get(path, {})
    chosen, passed_over = _choose(config, files)
    members = {name: Member(equipped(name, target, config.credentials), FILES) for name, target in chosen.items()}
    return Discovered(True, files, members, tuple(problems), tuple(passed_over))


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
        if any(fnmatchcase(path, pattern) for pattern in config.discovery.files):
            try:
                os.stat(path)  # noqa: PTH116 - beside glob
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError:
                pass
            yield path


def _choose(config: Config, files: Mapping[str, Mapping[str, Target]]) -> tuple[dict[str, Target], Sequence[str]]:
    """The targets to take, by name: what the configuration itself names comes first, then one file after the other, up to the limit."""
    chosen: dict[str, Target] = {}
    holder: dict[str, str] = dict.fromkeys(config.targets, "the configuration")
    passed_over: list[str] = []
    for path, targets in files.items():
        for name, target in targets.items():
            if name in holder:
                passed_over.append(f"{path}: {name}: {holder[name]} has a target of this name; give this one another")
            elif len(chosen) >= config.limits.discovered_targets:
                passed_over.append(f"{path}: {name}: there are more than {config.limits.discovered_targets}; raise limits.discovered_targets")
            else:
                chosen[name] = target
                holder[name] = path
    return chosen, passed_over
