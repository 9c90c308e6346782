"""Targets in files of their own, which others write while chatprobe runs.

They have chatprobe's own form, or that of Prometheus' `file_sd`. Such files say where engines are, and nothing that is
secret: what a target is shown is the main configuration's to say.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from config.placeholders import placeholders
from config.places import Value, bytes_of, open_regular, read_yaml
from config.problems import ConfigError, KeyPath, Problem, write_path
from config.quantities import read_name
from config.rules import suggestion
from config.sections import EXAMPLE_OF_BACKEND
from config.targets import Target
from config.wording import in_words

_KEYS = ("backend", "url", "model", "adapter", "api", "chat_path", "omit", "extra_body", "max_tokens_field")
_SECRET = ("api_key", "headers", "tls")
_NOT_FOR_OTHERS = ("load_model", "load_timeout", "query")
_LABELS = ("backend", "model", "api", "chat_path", "max_tokens_field")
_SCHEMES = ("http", "https")
_SCHEME_LABELS = ("scheme", "__scheme__")
"""The latter is what Prometheus itself goes by."""
_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?", re.ASCII)
_FORMS = "write targets: {NAME: {backend: vllm, url: http://HOST:PORT}}, or a list as Prometheus' file_sd takes it"

Locate = Callable[[str], KeyPath]
"""Where in the file that stands which becomes this key of a target."""


@dataclass(frozen=True, slots=True)
class FileTargets:
    """What a file says: targets by name, and how many more it has."""

    targets: Mapping[str, Target]
    more: int = 0


def read_targets(path: Path, most: int | None = None) -> FileTargets:
    """The targets of a file, so many at most if that is said.

    Raises `ConfigError` with everything that is wrong with it, an empty file included.
    """
    raw = bytes_of(path, opener=open_regular)
    if raw.removeprefix(BOM_UTF8).lstrip()[:1] in (b"{", b"["):
        raw = raw.replace(b"\t", b" ")  # JSON may be indented with tabs, which YAML does not take
    source, problems = read_yaml(raw, str(path), if_empty=f"the file is empty; {_FORMS}")
    reading = _Reading(source, problems, most)
    match source.content:
        case dict():
            reading.own_form(source.content)
        case list():
            reading.file_sd(source.content)
        case _:
            reading.report((), f"is no file of targets; {_FORMS}")
    open_places = dict(placeholders(source.plain()))
    reading.problems = [problem for problem in problems if problem.path not in map(write_path, open_places)]
    for place, text in open_places.items():
        reading.report(place, text)
    if reading.problems:
        raise ConfigError(sorted(reading.problems, key=lambda problem: (problem.line or 0, problem.column or 0)))
    return FileTargets(reading.targets, reading.more)


@dataclass(slots=True)
class _Reading:
    """What was found so far."""

    source: Value
    problems: list[Problem]
    most: int | None
    targets: dict[str, Target] = field(default_factory=dict)
    more: int = 0

    def report(self, path: KeyPath, text: str, *, at_key: bool = False) -> None:
        value = self.source.at(path)
        place = value.key if at_key else value.place
        self.problems.append(Problem(place.file, place.line, place.column, write_path(path), text))

    def own_form(self, content: dict[str, Value]) -> None:
        """`targets: {NAME: {backend, url, model, api}}`."""
        for key in content:
            if key != "targets":
                self.report((key,), f"is no key here; {suggestion(key, ['targets'])}", at_key=True)
        if "targets" not in content:
            self.report((), f"has no targets; {_FORMS}")
            return
        entries = content["targets"].content
        if not isinstance(entries, dict):
            self.report(("targets",), "is no map of targets; write {NAME: {backend: vllm, url: http://HOST:PORT}}")
            return
        for name, entry in entries.items():
            self._own_target(name, entry)

    def _own_target(self, name: str, entry: Value) -> None:
        place: KeyPath = ("targets", name)
        if not isinstance(entry.content, dict):
            self.report(place, "is no target; write {backend: vllm, url: http://HOST:PORT}")
            return
        for key in entry.content:
            if key in _SECRET:
                self.report((*place, key), "is not taken from here; write it under credentials in the main configuration", at_key=True)
            elif key in _NOT_FOR_OTHERS:
                self.report((*place, key), "is for targets of the main configuration only; leave it out", at_key=True)
            elif key not in _KEYS:
                self.report((*place, key), f"is no key here; {suggestion(key, _KEYS)}", at_key=True)
        data = {key: entry.content[key].plain() for key in _KEYS if key in entry.content}
        self._add(name, data, at=place, locate=lambda key: (*place, key))

    def file_sd(self, groups: list[Value]) -> None:
        """`[{targets: ["host:port"], labels: {backend: vllm}}]`."""
        for index, group in enumerate(groups):
            if not isinstance(group.content, dict):
                self.report((index,), "is no group of targets; write {targets: ['HOST:PORT'], labels: {backend: vllm}}")
                continue
            for key in group.content:
                if key not in ("targets", "labels"):
                    self.report((index, key), f"is no key here; {suggestion(key, ['labels', 'targets'])}", at_key=True)
            self._group(index, group.content.get("targets"), group.content.get("labels"))

    def _group(self, index: int, targets: Value | None, labels: Value | None) -> None:
        addresses = targets.content if targets else None
        if not isinstance(addresses, list):
            self.report((index, "targets"), "is no list of addresses; write ['HOST:PORT']")
            return
        given = labels.content if labels else {}
        if not isinstance(given, dict):
            self.report((index, "labels"), "is no map of labels; write {backend: vllm}")
            return
        if addresses and "backend" not in given:
            self.report((index, "labels"), f"has no label backend; write {EXAMPLE_OF_BACKEND}")
            return
        label = next((label for label in _SCHEME_LABELS if label in given), None)
        scheme = given[label].plain() if label else "http"
        if label and scheme not in _SCHEMES:
            self.report((index, "labels", label), "is no scheme of an engine; write http or https")
            return
        data = {label: given[label].plain() for label in _LABELS if label in given}
        own_name = given["name"].plain() if "name" in given and len(addresses) == 1 else None
        for place, address in enumerate(addresses):
            self._address((index, "targets", place), address.plain(), scheme, data, own_name)

    def _address(self, place: KeyPath, address: object, scheme: str, data: dict[str, Any], own_name: object) -> None:
        if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
            self.report(place, "is no address; write HOST:PORT, without scheme, user and path")
            return
        labels: KeyPath = (place[0], "labels")
        name = _name_of(address) if own_name is None else own_name
        at = place if own_name is None else (*labels, "name")
        self._add(name, {**data, "url": f"{scheme}://{address}"}, at=at, locate=lambda key: place if key == "url" else (*labels, key))

    def _add(self, name: object, data: dict[str, Any], *, at: KeyPath, locate: Locate) -> None:
        """One target more; `at` is where its name stands."""
        if self.most is not None and len(self.targets) >= self.most:
            self.more += 1
            return
        wrong = list(self._wrong_name(name))
        for text in wrong:
            self.report(at, text, at_key=True)
        try:
            target = Target.model_validate(data)
        except ValidationError as invalid:
            for error in invalid.errors(include_input=False, include_url=False):
                path = locate(str(error["loc"][0])) if error["loc"] else at
                self.report(path, in_words({**error, "loc": ("targets", "*", *error["loc"])}, self.source.at(path)))
            return
        if not wrong:
            self.targets[str(name)] = target

    def _wrong_name(self, name: object) -> Iterator[str]:
        if not isinstance(name, str):
            yield "is no name; write text, in quotes if it looks like something else"
            return
        try:
            read_name(name)
        except ValueError as error:
            yield str(error)
        if name in self.targets:
            yield "is a target that this file has already; give it another name"


def _name_of(address: str) -> str:
    """A name made of host and port, like `10.0.0.1-8000`."""
    return re.sub(r"[^A-Za-z0-9_./-]", "-", address).lstrip("-_./")
