"""A result file of another tool: what stands at which place, or an error that names the file and the place."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from config.places import open_regular
from probes.wording import shortened

MOST_BYTES = 256 << 20
"""Of one file: of 100,000 requests with the gaps of 200 tokens each. Read into Python's objects it takes ten times that."""


class ForeignError(ValueError):
    """The file is not as the tool writes it. The message names the file, the place and the remedy."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value in a file, and where it stands there."""

    value: object
    file: str
    path: str = ""

    @property
    def place(self) -> str:
        """The file, its line where it has several documents, and the way to the value."""
        return f"{self.file}: {self.path}" if self.path else self.file

    def wrong(self, what: str) -> ForeignError:
        return ForeignError(f"{self.place}: {what}")

    def get(self, key: str) -> Node | None:
        """What an object has under a key; None where it has nothing, or null."""
        found = self.mapping().get(key)
        return None if found is None else Node(found, self.file, f"{self.path}.{key}" if self.path else key)

    def at(self, *keys: str) -> Node | None:
        """The same, step by step; None where a step leads nowhere."""
        found: Node | None = self
        for key in keys:
            if found is None:
                return None
            found = found.get(key) if isinstance(found.value, Mapping) else None
        return found

    def need(self, *keys: str) -> Node:
        """The same where the tool always writes it."""
        found = self.at(*keys)
        if found is None:
            raise self.wrong(f"has no {'.'.join(keys)}; was the file written to its end, by a version that docs/comparing-runs.md names?")
        return found

    def mapping(self) -> Mapping[str, object]:
        if not isinstance(self.value, Mapping):
            raise self.wrong(f"is {_kind(self.value)}, not an object")
        return self.value

    def items(self) -> Iterator[Node]:
        if not isinstance(self.value, list):
            raise self.wrong(f"is {_kind(self.value)}, not a list")
        for number, item in enumerate(self.value):
            yield Node(item, self.file, f"{self.path}[{number}]")

    def number(self) -> float:
        """A number, which may be infinite."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float) or self.value != self.value:
            raise self.wrong(f"is {_kind(self.value)}, not a number")
        try:
            return float(self.value)
        except OverflowError:
            raise self.wrong("is larger than any number that this tool writes") from None

    def whole(self) -> int:
        """A number of something."""
        found = self.number()
        if math.isinf(found):
            raise self.wrong("is infinite, not a number of something")
        return round(found)

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self.wrong(f"is {_kind(self.value)}, not a text")
        return readable(self.value)

    def numbers(self) -> list[float]:
        return [item.number() for item in self.items()]


def readable(text: str) -> str:
    """The text without what a terminal would take for a command, or could not show."""
    return "".join(mark if mark.isprintable() or mark in "\n\t" else "�" for mark in text)


def number(node: Node | None) -> float | None:
    """None also of NaN, which these tools write where there was nothing to measure."""
    return None if node is None or node.value != node.value else node.number()


def seconds(node: Node | None) -> float | None:
    """Of a time in milliseconds."""
    milliseconds = number(node)
    return None if milliseconds is None else milliseconds / 1000


def count(node: Node | None) -> int | None:
    return None if node is None or node.value != node.value else node.whole()


def text(node: Node | None) -> str | None:
    return None if node is None else node.text()


def bytes_of(path: Path) -> bytes:
    """All of a file that can be held in memory. Raises `ForeignError`."""
    try:
        with open(path, "rb", opener=open_regular) as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ForeignError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(content) > MOST_BYTES:
        raise ForeignError(f"{path}: is longer than {MOST_BYTES >> 20} MiB; compare runs with fewer requests, or a report without their texts")
    return content


def document(path: Path) -> Node:
    """The one JSON or YAML document of a file. Raises `ForeignError`."""
    content = bytes_of(path)
    if path.suffix in (".yaml", ".yml"):
        try:
            return Node(yaml.load(content, getattr(yaml, "CSafeLoader", yaml.SafeLoader)), str(path))
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise ForeignError(f"{path}: is no YAML: {shortened(str(error))}") from error
    try:
        return Node(json.loads(content), str(path))
    except (ValueError, RecursionError) as error:
        raise ForeignError(f"{path}: is no JSON: {shortened(str(error))}; was it written to its end?") from error


def lines(path: Path) -> Iterator[Node]:
    """The JSON documents of a file with one in each line. Raises `ForeignError`.

    Python's own reader takes `Infinity` and `NaN`, which these tools write.
    """
    for counted, line in enumerate(bytes_of(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield Node(json.loads(line), f"{path}:{counted}")
        except (ValueError, RecursionError) as error:
            raise ForeignError(f"{path}:{counted}: is no JSON: {shortened(str(error))}; was it written to its end?") from error


def _kind(value: object) -> str:
    match value:
        case bool():
            return "true or false"
        case float() if value != value:
            return "NaN"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
        case None:
            return "null"
    return "an object"
