"""YAML, read so that every value knows where it stands.

The dialect is YAML 1.1 as PyYAML parses it, with the plain types of YAML 1.2: only `true` and `false` are booleans, so that `on` and
`no` stay the words that were written. Anchors, aliases and merge keys work, within bounds.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from config.problems import ConfigError, KeyPath, Problem, write_path

MAX_BYTES = 512 * 1024
_MAX_VALUES = 50_000
_MAX_DEPTH = 32
_TOO_LARGE = "is a number too large for YAML; write an escape of at most \\U0010FFFF, or %YAML 1.2"
_EMPTY = "the file is empty; `chatprobe init` writes one to start from"

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column count from 1."""

    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Value:
    """A value, where it stands, and where its key stands (the value itself, where it has none)."""

    content: Scalar | list[Value] | dict[str, Value]
    place: Place
    key: Place

    def plain(self) -> Any:
        """The value as Python's own dictionaries, lists and scalars."""
        match self.content:
            case dict() as entries:
                return {key: value.plain() for key, value in entries.items()}
            case list() as items:
                return [item.plain() for item in items]
            case scalar:
                return scalar

    def at(self, path: KeyPath) -> Value:
        """The value at a path, or the deepest one on the way to it."""
        content = self.content
        if path and isinstance(content, dict) and (key := path[0]) in content:
            return content[str(key)].at(path[1:])
        if path and isinstance(content, list) and isinstance(index := path[0], int) and index < len(content):
            return content[index].at(path[1:])
        return self

    def holds(self, path: KeyPath) -> bool:
        """Whether there is a value at the path."""
        return not path or self.at(path) is not self.at(path[:-1])


def overlay(below: Value, above: Value) -> Value:
    """`above` over `below`: maps are merged key by key, anything else is replaced."""
    if not (isinstance(below.content, dict) and isinstance(above.content, dict)):
        return above
    merged = dict(below.content)
    for key, value in above.content.items():
        merged[key] = overlay(merged[key], value) if key in merged else value
    return replace(above, content=merged)


def open_regular(path: str, flags: int) -> int:
    """An `opener` of `open` for files, and for nothing of which opening or reading might never end, like a pipe. Raises `OSError`."""
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file")
    return descriptor


def bytes_of(file: Path, opener: Callable[[str, int], int] | None = None) -> bytes:
    """What a file holds; of one that is too large, enough to tell. `opener` is that of `open`. Raises `ConfigError`."""
    try:
        with open(file, "rb", opener=opener) as opened:
            return opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError([Problem(str(file), None, None, "", f"cannot be read: {error.strerror}; name a file that can")]) from None


def read_yaml(raw: bytes, file: str, *, if_empty: str = _EMPTY) -> tuple[Value, list[Problem]]:
    """The values of one file, and what is wrong with them as YAML though they can be read. Raises `ConfigError` where they cannot."""
    text = _decode(raw, file)
    loader: _Loader | None = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise ConfigError([Problem(file, line, column, "", _syntax(error))]) from None
    except yaml.reader.ReaderError as error:
        line, column = _position(text, error.position)
        raise ConfigError([Problem(file, line, column, "", "is a character that YAML does not allow; take it out, or escape it")]) from None
    except (OverflowError, ValueError):  # PyYAML looks neither whether there is a character of an escaped number, nor how long that of a version is
        assert loader is not None
        mark = loader.get_mark()
        raise ConfigError([Problem(file, mark.line + 1, mark.column + 1, "", _TOO_LARGE)]) from None
    finally:
        if loader is not None:
            loader.dispose()
    if node is None:
        raise ConfigError([Problem(file, 1, 1, "", if_empty)])
    reading = _Reading(file)
    value = reading.value(node, (), None)
    return value, reading.problems


def _decode(raw: bytes, file: str) -> str:
    if len(raw) > MAX_BYTES:
        raise ConfigError(
            [Problem(file, None, None, "", f"is larger than {MAX_BYTES // 1024} KiB, too large for a configuration; name the right file")]
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = _position(raw[: error.start].decode("utf-8", "replace"), error.start)
        raise ConfigError([Problem(file, line, column, "", "is not UTF-8 from here on; save the file as UTF-8")]) from None


def _position(text: str, index: int) -> tuple[int, int]:
    before = text[:index]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _syntax(error: yaml.MarkedYAMLError) -> str:
    """What PyYAML says, without the words that it quotes from the file: they may be a part of a secret."""
    said = error.problem or "it cannot be read"
    if "'\\t'" in said:
        return "is a tab, which YAML does not take; indent with spaces"
    if "undefined alias" in said:
        return "is an alias of an anchor that does not exist; put text that begins with * in quotes"
    said = re.sub(r""" (?:'(?!<)[^']{2,}'|"[^"]{2,}")""", "", said)
    context = f"{error.context}, " if error.context and "'" not in error.context and '"' not in error.context else ""
    return f"is not YAML: {context}{said}; mend the line, or put the text in quotes"


class _Loader(yaml.SafeLoader):
    """Composes nodes; knows the plain types of YAML 1.2 only, and does not go deeper than a configuration can be."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (the parent's attribute, begun anew)

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._depth += 1
        self._nodes += 1
        if self._depth > _MAX_DEPTH or self._nodes > _MAX_VALUES:
            raise yaml.composer.ComposerError(None, None, f"it holds more than {_MAX_VALUES} values or {_MAX_DEPTH} levels", self.get_mark())
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NULL = re.compile(r"~|null|Null|NULL|")
_NO_TAGS = "has a tag that means nothing here; take out what begins with !"
_TAG = "tag:yaml.org,2002:"

PLAIN_TYPES = tuple(
    (_TAG + name, re.compile(f"^(?:{pattern.pattern})$"), list(first))
    for name, pattern, first in (
        ("bool", _BOOL, "tTfF"),
        ("int", _INT, "-+0123456789"),
        ("float", _FLOAT, "-+.0123456789"),
        ("null", _NULL, ["~", "n", "N", ""]),
        ("merge", re.compile("<<"), "<"),
    )
)
"""What text without quotes is taken for: the tag, the pattern, and what it may begin with."""

for _tag, _pattern, _first in PLAIN_TYPES:
    _Loader.add_implicit_resolver(_tag, _pattern, _first)


@dataclass
class _Reading:
    """Turns nodes into values; aliases share nodes, so the values are counted as they are made."""

    file: str
    problems: list[Problem] = field(default_factory=list)
    values: int = 0
    depth: int = 0

    def place(self, node: yaml.Node) -> Place:
        return Place(self.file, node.start_mark.line + 1, node.start_mark.column + 1)

    def report(self, node: yaml.Node, path: KeyPath, text: str) -> None:
        self.problems.append(Problem(self.file, node.start_mark.line + 1, node.start_mark.column + 1, write_path(path), text))

    def value(self, node: yaml.Node, path: KeyPath, key: Place | None) -> Value:
        self.values += 1
        self.depth += 1
        if self.values > _MAX_VALUES or self.depth > _MAX_DEPTH:
            self.report(node, (), f"its aliases unfold to more than {_MAX_VALUES} values or {_MAX_DEPTH} levels; write what is meant without them")
            raise ConfigError(self.problems)
        if isinstance(node, yaml.CollectionNode) and node.tag not in (_TAG + "map", _TAG + "seq"):
            self.report(node, path, _NO_TAGS)
        place = self.place(node)
        content: Scalar | list[Value] | dict[str, Value]
        match node:
            case yaml.MappingNode():
                content = self._entries(node, path)
            case yaml.SequenceNode():
                content = [self.value(item, (*path, index), None) for index, item in enumerate(node.value)]
            case _:
                content = self._scalar(node, path)
        self.depth -= 1
        return Value(content, place, key or place)

    def _entries(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Value]:
        own: dict[str, Value] = {}
        merged: dict[str, Value] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _TAG + "merge":
                for source in self._merge_sources(value_node, path):
                    for name, value in self._entries(source, path).items():
                        merged.setdefault(name, value)
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                self.report(key_node, path, "has a key that is a list or a map; write a word")
                continue
            name = self._whole(key_node, path, str(key_node.value))
            if name in own:
                self.report(key_node, (*path, name), f"is there twice, first on line {own[name].key.line}; keep one of them")
                continue
            own[name] = self.value(value_node, (*path, name), self.place(key_node))
        return merged | own

    def _merge_sources(self, node: yaml.Node, path: KeyPath) -> Iterator[yaml.MappingNode]:
        """The maps that a merge key names. Counted like values: they may be unfolded again and again."""
        self.value(node, path, None)
        for source in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if isinstance(source, yaml.MappingNode):
                yield source
            else:
                self.report(source, path, "merges what is no map; write <<: *NAME, or <<: [*NAME, *OTHER]")

    def _scalar(self, node: yaml.Node, path: KeyPath) -> Scalar:
        text = str(node.value)
        match node.tag.removeprefix(_TAG):
            case "str":
                return self._whole(node, path, text)
            case "null":
                return None
            case "bool" if _BOOL.fullmatch(text):
                return text.lower() == "true"
            case "int" if _INT.fullmatch(text):
                return int(text)
            case "float" if _FLOAT.fullmatch(text):
                return float(text)
        self.report(node, path, _NO_TAGS)
        return text

    def _whole(self, node: yaml.Node, path: KeyPath, text: str) -> str:
        """The text with characters that JSON escapes in two halves put together."""
        halves = text.encode("utf-16-le", "surrogatepass")
        try:
            return halves.decode("utf-16-le")
        except UnicodeDecodeError:
            self.report(node, path, "holds half of a character; write the character itself")
            return halves.decode("utf-16-le", "replace")
