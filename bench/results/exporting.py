"""A run's chats for other programs: as CSV, as lines of JSON, as one JSON document."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import orjson

from bench.results.files import bytes_of
from bench.results.manifest import MANIFEST
from bench.results.problem import ResultsError, cannot
from bench.results.reading import Run
from bench.results.summary_files import SUMMARY
from probes.record import PHASES

COLUMNS = (
    "target",
    "backend",
    "model",
    "level",
    "round",
    "block",
    "since_seconds",
    "warm_up",
    "cut",
    "started_at",
    "outcome",
    "reason",
    "detail",
    "http_status",
    "connection",
    "cache",
    "prompt_id",
    "pair_id",
    "request_id",
    "ttft_seconds",
    "waited_seconds",
    "first_content_seconds",
    "tpot_seconds",
    "e2e_seconds",
    "stall_seconds",
    "schedule_lag_seconds",
    *(f"{phase}_seconds" for phase in PHASES),
    "input_tokens",
    "output_tokens",
    "token_source",
    "chunk_token_source",
    "output_tokens_per_second",
    "finish_reason",
    "clock",
    "max_timing_error_seconds",
    "doubtful",
    "gathered",
)
"""Of the CSV: what a table can hold of a record. Times are seconds; a value that does not exist is empty."""
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def as_csv(run: Run) -> Iterator[bytes]:
    """A line for each chat that was sent. Raises `ResultsError`."""
    yield _row(COLUMNS)
    yield from run.records_as(_row_of)


def as_ndjson(run: Run) -> Iterator[bytes]:
    """The records, a line each, as `records.ndjson` has them. Raises `ResultsError`."""
    for record in run.records():
        yield orjson.dumps(record) + b"\n"


def as_json(run: Run) -> Iterator[bytes]:
    """One document: `manifest`, `summary` (null where there is none) and `records`. Raises `ResultsError`."""
    yield b'{"manifest": ' + _document(run, MANIFEST) + b', "summary": ' + _document(run, SUMMARY) + b', "records": ['
    between = b""
    for record in run.records():
        yield between + b"\n" + orjson.dumps(record)
        between = b","
    yield b"\n]}\n"


FORMS: Mapping[str, Callable[[Run], Iterator[bytes]]] = {"csv": as_csv, "ndjson": as_ndjson, "json": as_json}
"""What each form is made by."""


def summary_of(run: Run) -> Mapping[str, Any] | None:
    """Its summary as JSON; None where it has none. Raises `ResultsError`."""
    summary = orjson.loads(_document(run, SUMMARY))
    if summary is not None and not isinstance(summary, dict):
        raise ResultsError(f"{run.folder / SUMMARY}: is no summary; make it anew with chatprobe results reprocess {run.folder}")
    return summary


def _document(run: Run, name: str) -> bytes:
    path = run.folder / name
    try:
        return orjson.dumps(orjson.loads(bytes_of(path)))
    except FileNotFoundError:
        return b"null"
    except OSError as error:
        raise cannot("read", path, error) from error
    except orjson.JSONDecodeError as error:
        raise ResultsError(f"{path}:{error.lineno}: is no JSON ({error.msg}); make it anew with chatprobe results reprocess {run.folder}") from error


def _row_of(record: Mapping[str, Any]) -> bytes:
    phases = {f"{phase}_seconds": seconds for phase, seconds in record["phases"].items()}
    values = {**record, **record["bench"], **phases, "gathered": record["bursts"] is not None}
    return _row([_cell(values.get(column)) for column in COLUMNS])


def _cell(value: Any) -> Any:
    """As a spreadsheet takes it. Text from an engine that it would take for a formula gets a quote before it (OWASP, CSV injection)."""
    match value:
        case bool():
            return "true" if value else "false"
        case str() if value.startswith(_FORMULAS):
            return f"'{value}"
    return value


def _row(cells: Iterable[Any]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue().encode()
