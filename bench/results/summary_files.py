"""The files that are made of a run when it is over: its summary, and a folder for each engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from bench.results.files import opened
from bench.results.lines import NATIVE
from bench.results.manifest import Manifest
from bench.results.names import engine_folder
from bench.results.problem import no_line

SUMMARY = "summary.json"
SUMMARY_CSV = "summary.csv"
ENGINES = "engines"
ENGINE = "engine.json"


@dataclass(frozen=True, slots=True)
class Summarised:
    """The summary of a run in the forms in which it is kept."""

    json: Mapping[str, object]
    csv: str


def as_json(content: object) -> bytes:
    """JSON for people too."""
    return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS) + b"\n"


def summary_files(summarised: Summarised, manifest: Manifest) -> Iterator[tuple[Path, bytes]]:
    """(path within the run's folder, content) of the summary: of all targets, and of each one's own part."""
    yield Path(SUMMARY), as_json(summarised.json)
    yield Path(SUMMARY_CSV), summarised.csv.encode()
    for target in manifest.about.targets:
        yield Path(ENGINES, engine_folder(target), SUMMARY), as_json(of_target(summarised.json, target))


def engine_files(manifest: Manifest) -> Iterator[tuple[Path, bytes]]:
    """(path within the run's folder, content) of what each engine told of itself, before and after."""
    for target in manifest.about.targets:
        facts = {"target": target, "before": manifest.about.engines.get(target), "after": manifest.engines_after.get(target)}
        yield Path(ENGINES, engine_folder(target), ENGINE), as_json(facts)


def split_native(folder: Path, targets: tuple[str, ...]) -> None:
    """Give each engine's folder its own rows of `native.ndjson`. Blocks. A last line that was cut off is passed over.

    Raises `OSError`, and `ResultsError` for a line that is no row.
    """
    files = {}
    try:
        for target in targets:
            path = folder / ENGINES / engine_folder(target) / NATIVE
            path.parent.mkdir(parents=True, exist_ok=True)
            files[target] = path.open("wb")
        with opened(folder / NATIVE) as lines:
            for number, line in enumerate(lines, 1):
                if line.endswith(b"\n") and (file := files.get(_target(line, f"{folder / NATIVE}:{number}"))):
                    file.write(line)
    finally:
        for file in files.values():
            file.close()


def _target(line: bytes, place: str) -> str:
    try:
        return str(orjson.loads(line)["target"])
    except (KeyError, TypeError, ValueError) as error:
        raise no_line(place, error) from error


def of_target(content: Any, target: str) -> Any:
    """The same JSON with only what is of one target: of lists, entries that name another as `target`, or two others as `a` and `b`, are left out."""
    match content:
        case dict():
            return {key: of_target(value, target) for key, value in content.items()}
        case list() | tuple():
            return [of_target(entry, target) for entry in content if _concerns(entry, target)]
    return content


def _concerns(entry: Any, target: str) -> bool:
    match entry:
        case {"target": str(named)}:
            return named == target
        case {"a": str(a), "b": str(b)}:
            return target in (a, b)
    return True
