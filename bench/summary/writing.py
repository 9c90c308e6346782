"""A summary as JSON and as CSV. `docs/summary.schema.json` is the schema of the JSON; a test holds the two together.

Infinity, which JSON has no number for, is the text `inf`: a quantile that lies among the chats that failed.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from math import isinf
from typing import Any

from pydantic import TypeAdapter

from bench.measures import SINCE_DUE
from bench.statistics.quantiles import quantile_name
from bench.summary.shape import Known, Spread, Summary

SCHEMA = 1
COLUMNS = ("level", "target", "measure", "statistic", "unit", "value", "low", "high", "low_over_rounds", "high_over_rounds", "chats", "refused")
_SUMMARY: TypeAdapter[Summary] = TypeAdapter(Summary)


def to_json(summary: Summary) -> dict[str, Any]:
    """The summary as a JSON object, of types that every JSON library writes."""
    levels = [asdict(replace(level, targets=())) for level in summary.levels]
    for written, level in zip(levels, summary.levels, strict=True):
        written["targets"] = [
            {**asdict(replace(target, measures={})), "measures": _measures(target.measures, arrivals=level.arrivals)} for target in level.targets
        ]
    out: dict[str, Any] = {"schema": SCHEMA, **asdict(replace(summary, levels=())), "levels": levels}
    return {key: _plain(value) for key, value in out.items()}


def from_json(written: Mapping[str, Any]) -> Summary:
    """The summary that `to_json` wrote. Raises `ValueError` that names the place, for anything else."""
    if written.get("schema") != SCHEMA:
        raise ValueError(f"schema: is {written.get('schema')!r}; this version reads {SCHEMA}: make the summary anew with chatprobe results reprocess")
    try:
        levels = [{**level, "targets": [_target(target) for target in level["targets"]]} for level in written["levels"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"levels: are none of a summary ({error})") from error
    return _SUMMARY.validate_python({**{key: value for key, value in written.items() if key != "schema"}, "levels": levels})


def to_csv(summary: Summary) -> str:
    """A line for each statistic of each measure, target and level, for spreadsheets; times in seconds."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_rows(summary))
    return out.getvalue()


def _measures(measures: Mapping[str, Spread], *, arrivals: bool) -> dict[str, Any]:
    """Of users who wait for their answers nothing was due: that measure is null, and not only missing."""
    absent = {} if arrivals else {SINCE_DUE.name: None}
    return {name: _spread(spread) for name, spread in measures.items()} | absent


def _spread(spread: Spread) -> dict[str, Any]:
    quantiles = {quantile_name(quantile): asdict(known) for quantile, known in spread.quantiles.items()}
    return {"unit": spread.unit, "chats": spread.chats, "observations": spread.observations, "mean": spread.mean, **quantiles}


def _target(written: Mapping[str, Any]) -> dict[str, Any]:
    return {**written, "measures": {name: _read(spread) for name, spread in written["measures"].items() if spread is not None}}


def _read(written: Mapping[str, Any]) -> dict[str, Any]:
    quantiles = {float(name[1:]) / 100: known for name, known in written.items() if name[0] == "p" and name[1:].replace(".", "").isdigit()}
    return {**{key: written[key] for key in ("unit", "chats", "observations", "mean")}, "quantiles": quantiles}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and isinf(value):
        return "inf" if value > 0 else "-inf"
    return value


def _rows(summary: Summary) -> Iterator[tuple[object, ...]]:
    for level in summary.levels:
        for target in level.targets:
            place = (level.name, target.target)
            for name, spread in target.measures.items():
                if spread.mean is not None:
                    yield (*place, name, "mean", spread.unit, spread.mean, "", "", "", "", spread.chats, "")
                for quantile, known in spread.quantiles.items():
                    yield (*place, name, quantile_name(quantile), spread.unit, *_cells(known), spread.chats, known.refused or "")
            shares = {"success": target.success, **{f"goodput {slo}": known for slo, known in target.goodput.items()}}
            for name, known in shares.items():
                yield (*place, name, "share", "share", *_cells(known), target.counts.attempts, known.refused or "")
            for name, known, unit in (
                ("throughput", target.throughput, "tokens/s"),
                ("requests_per_second", target.requests_per_second, "1/s"),
            ):
                yield (*place, name, "rate", unit, *_cells(known), target.counts.ok, known.refused or "")
            for name, count in asdict(target.counts).items():
                yield (*place, name, "count", "chats", count, "", "", "", "", "", "")


def _cells(known: Known) -> tuple[object, ...]:
    cells = (known.value, known.low, known.high, known.low_over_rounds, known.high_over_rounds)
    return tuple("" if cell is None else cell for cell in cells)
