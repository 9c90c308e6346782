"""Exports of AIPerf 0.13: `profile_export.jsonl`, a line a request, and `profile_export_aiperf.json` beside it.

Read: `src/aiperf/metrics/types/` and `docs/tutorials/working-with-profile-exports.md` of `ai-dynamo/aiperf`, and exports
of 0.13.0. Its `inter_token_latency` is a value for each request, which is TPOT; the gaps between chunks are its
`inter_chunk_latency`, and how many tokens a chunk bore it does not tell.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.chat import Chat
from bench.comparing.run import ComparedRun, Definition, Taken, Target
from bench.foreign.chats import closed, opened, place, sampled
from bench.foreign.file import ForeignError, Node, count, document, lines, number, seconds, text
from bench.question import Question

TOOL = "aiperf"
RECORDS, SUMMARY = "profile_export.jsonl", "profile_export_aiperf.json"
DEFINITIONS = {
    "ttft": Definition("aiperf ttft", "from before the connection to the first chunk with text or reasoning, when Python read it"),
    "first_content": Definition("aiperf ttft", "the same to the first chunk that is no reasoning (TTFO)"),
    "tpot": Definition("tpot", "called ITL: (last token - first token) / (tokens - those of the first chunk, 1 where not told), for each request"),
    "e2e": Definition("aiperf e2e", "from before the connection to the last chunk with text"),
    "output_rate": Definition("aiperf e2e", "tokens of the answer / request latency"),
    "stall": Definition("gap between chunks", "the longest gap between chunks"),
    "throughput": Definition("tokens over all the time", "tokens of successful answers / duration, from the first request to the last answer"),
    "goodput": Definition("aiperf goodput", "requests with an answer that met every threshold / all, by the times of this tool"),
    "success": Definition("success", "requests with an answer / all but cancelled ones; a stream without its end is a success"),
}
_TOLD = {
    "ttft": "time_to_first_token",
    "first_content": "time_to_first_output_token",
    "tpot": "inter_token_latency",
    "e2e": "request_latency",
}


def is_records(line: Node) -> bool:
    return line.at("metadata", "benchmark_phase") is not None


def is_summary(document: Node) -> bool:
    return document.at("aiperf_version") is not None


def read(path: Path) -> tuple[ComparedRun, ...]:
    """The run of either file, or of a folder with both. What the other one tells is taken from beside it. Raises `ForeignError`."""
    summary, records = _files(path)
    told = document(summary)
    level, load = _load(told)
    sample = sampled(_chats(records, level), level) if records is not None else None
    taken = Taken(load=load, sample=sample, told=_values(told), attempts=_attempts(told)[0])
    target = Target(name="", levels={level: taken}, facts=_target_facts(told))
    facts = {"tool.version": told.need("aiperf_version").text(), "prompts": _prompts(told)}
    if (seed := number(told.at("run_info", "random_seed"))) is not None:
        facts["seed"] = f"{seed:g}"
    return (
        ComparedRun(
            name=summary.parent.name or summary.stem,
            source=str(path),
            tool=TOOL,
            targets={"": target},
            definitions=DEFINITIONS,
            facts=facts,
            notes=tuple(_notes(told, sample is not None)),
        ),
    )


def _files(path: Path) -> tuple[Path, Path | None]:
    """The summary, and the records where there are any."""
    folder = path if path.is_dir() else path.parent
    if not path.is_dir() and path.suffix == ".json":
        summary = path
    elif (folder / SUMMARY).exists():
        summary = folder / SUMMARY
    else:
        raise ForeignError(f"{path}: there is no {SUMMARY} beside it, which says what was measured; give the folder with both files")
    records = folder / RECORDS if path.is_dir() or path.name == SUMMARY else path if path.suffix == ".jsonl" else None
    return summary, records if records is not None and records.exists() else None


def _notes(told: Node, with_chats: bool) -> Iterator[str]:
    if told.mapping().get("was_cancelled"):
        yield "AIPerf was stopped before its end"
    if not with_chats:
        yield f"there is no {RECORDS} with the requests, so that only the run's own values are known"


def _phase(told: Node) -> Node:
    phases = told.need("input_config", "phases")
    measured = [phase for phase in phases.items() if text(phase.at("kind")) in (None, "profiling")]
    if len(measured) != 1:
        raise phases.wrong(f"has {len(measured)} phases that are measured; compare exports with one")
    return measured[0]


def _load(told: Node) -> tuple[str, str]:
    phase = _phase(told)
    kind = text(phase.at("type")) or "load"
    rate, streams = number(phase.at("rate")), number(phase.at("concurrency"))
    if rate is not None:
        level = opened(rate, streams)
    elif streams is not None:
        level = closed(streams)
    else:
        level = kind
    return level, level if rate is None else f"{level}, {kind}"


def _values(told: Node) -> dict[Question, float]:
    """What the summary says of the run as a whole, in seconds."""
    found: dict[Question, float] = {}
    for measure, name in _TOLD.items():
        for quantile, key in ((0.5, "p50"), (0.9, "p90"), (0.95, "p95"), (0.99, "p99")):
            if (value := seconds(told.at(name, key))) is not None:
                found[Question(measure, quantile)] = value
    if (rate := number(told.at("output_token_throughput", "avg"))) is not None:
        found[Question("throughput")] = rate
    attempts, failed = _attempts(told)
    if attempts:
        found[Question("success")] = 1 - failed / attempts
    return found


def _attempts(told: Node) -> tuple[int, int]:
    """How many requests there were, and how many of them failed."""
    ok, failed = count(told.at("request_count", "avg")) or 0, count(told.at("error_request_count", "avg")) or 0
    return ok + failed, failed


def _chats(records: Path, level: str) -> Iterator[Chat]:
    found = list(lines(records))
    begin = min((line.need("metadata", "request_start_ns").number() for line in found), default=0.0)
    for line in found:
        metrics, metadata = line.at("metrics"), line.need("metadata")
        error = line.at("error")
        cancelled = metadata.mapping().get("was_cancelled") is True
        yield Chat(
            target="",
            place=place(
                level, (metadata.need("request_start_ns").number() - begin) / 1e9, warm_up=metadata.need("benchmark_phase").value != "profiling"
            ),
            outcome="cut" if cancelled else "ok" if error is None else "failed",
            reason=None if error is None else text(error.at("type")) or "error",
            request_id=text(metadata.at("x_request_id")) or "",
            clock="user",
            **(_measured(metrics) if metrics is not None else {}),  # type: ignore[arg-type]
        )


def _measured(metrics: Node) -> Mapping[str, object]:
    gaps = metrics.at("inter_chunk_latency", "value")
    longest = max(gaps.numbers(), default=None) if gaps is not None else None
    return {
        "ttft_seconds": seconds(metrics.at("time_to_first_token", "value")),
        "first_content_seconds": seconds(metrics.at("time_to_first_output_token", "value")),
        "tpot_seconds": seconds(metrics.at("inter_token_latency", "value")),
        "e2e_seconds": seconds(metrics.at("request_latency", "value")),
        "stall_seconds": None if longest is None else longest / 1000,
        "input_tokens": count(metrics.at("input_sequence_length", "value")),
        "output_tokens": count(metrics.at("output_sequence_length", "value")),
    }


def _target_facts(told: Node) -> dict[str, str]:
    facts: dict[str, str] = {}
    models = told.at("input_config", "models", "items")
    if models is not None:
        facts["model"] = ", ".join(item.need("name").text() for item in models.items())
    names = [gpu for endpoint in _values_of(told.at("telemetry_data", "endpoints")) for gpu in _values_of(endpoint.at("gpus"))]
    gpus = sorted(name for gpu in names if (name := text(gpu.at("gpu_name"))) is not None)
    if gpus:
        facts["hardware"] = ", ".join(f"{gpus.count(name)} × {name}" for name in dict.fromkeys(gpus))
    return facts


def _values_of(node: Node | None) -> list[Node]:
    return [] if node is None else [found for key in node.mapping() if (found := node.get(key)) is not None]


def _prompts(told: Node) -> str:
    """The data sets as they were configured: their kinds and lengths."""
    kept = [
        {key: value for key, value in source.mapping().items() if key in ("type", "name", "format", "prompts", "entries", "path")}
        for source in told.need("input_config", "datasets").items()
    ]
    return json.dumps(kept, sort_keys=True)
