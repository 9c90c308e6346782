"""Benchmark reports of GuideLLM 0.8 (`guidellm run --output kind=json`, or yaml).

Read: `src/guidellm/schemas/base/request_stats.py` and a report of 0.8.1. Its requests are of three kinds: successful,
errored, and incomplete, which its end cut off. Its `time_per_output_token_ms` contains the time to first token, and is
not read. Its `inter_token_latency_ms` is the mean of a request, which is TPOT.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

from bench.chat import Chat, ChatOutcome
from bench.comparing.run import ComparedRun, Definition, Taken, Target
from bench.foreign.chats import ALL_AT_ONCE, closed, opened, place, sampled
from bench.foreign.file import Node, count, number, seconds, text
from bench.question import Question

TOOL = "guidellm"
DEFINITIONS = {
    "ttft": Definition("from the open connection", "from the first request header on an open connection to the first chunk with text"),
    "first_content": Definition("from the open connection", "the same to the first chunk that is no reasoning"),
    "tpot": Definition("tpot", "called ITL: (last token - first token) / (tokens - 1), a value for each request"),
    "e2e": Definition("guidellm e2e", "from the first request header on an open connection to the end of the stream"),
    "output_rate": Definition("guidellm e2e", "tokens of the answer / request latency"),
    "throughput": Definition("tokens over all the time", "tokens of successful answers / duration of the benchmark"),
    "goodput": Definition("guidellm goodput", "requests with an answer that met every threshold / all, by the times of this tool"),
    "success": Definition("success", "successful / (successful + errored); a stream without its end is a success"),
}
_SOURCE = {"kind", "path", "source", "name", "split"}
_EDGE_SECONDS = 0.001
"""What is nearer to the beginning or the end of the measured time than this was within it."""
_OUTCOMES: dict[str, ChatOutcome] = {"successful": "ok", "errored": "failed", "incomplete": "cut"}


def is_one(document: Node) -> bool:
    return document.at("benchmarks") is not None and document.at("metadata", "guidellm_version") is not None


def read(report: Node, path: Path) -> ComparedRun:
    """The one run of a report: a level for each of its benchmarks. Raises `ForeignError`."""
    version = report.need("metadata", "guidellm_version").text()
    levels: dict[str, Taken] = {}
    notes: list[str] = []
    for benchmark in report.need("benchmarks").items():
        level = _level(benchmark.need("config", "strategy"))
        if level in levels:
            raise benchmark.wrong(f"is the second benchmark at {level}; compare one report for each run")
        levels[level] = _taken(benchmark, level)
        notes += _notes(benchmark, level)
    if not levels:
        raise report.wrong("has no benchmark; nothing was measured")
    spec = report.need("config", "spec")
    target = Target(name="", levels=levels, facts=_known({"model": text(spec.at("backend", "model"))}))
    facts = _known({"tool.version": version, "prompts": _prompts(spec), "seed": _seed(spec)})
    return ComparedRun(name=path.stem, source=str(path), tool=TOOL, targets={"": target}, definitions=DEFINITIONS, facts=facts, notes=tuple(notes))


def _known(facts: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in facts.items() if value is not None}


def _level(strategy: Node) -> str:
    kind = strategy.need("type_").text()
    if (streams := number(strategy.at("streams"))) is not None:
        return closed(streams)
    if (rate := number(strategy.at("rate"))) is not None:
        return opened(rate)
    return {"synchronous": closed(1), "throughput": ALL_AT_ONCE}.get(kind, kind)


def _taken(benchmark: Node, level: str) -> Taken:
    strategy = benchmark.need("config", "strategy")
    begin = benchmark.need("start_time").number()
    duration = benchmark.need("duration").number()
    end = begin + duration if (number(benchmark.at("cooldown_duration")) or 0) > _EDGE_SECONDS else math.inf
    chats = [chat for kind in _OUTCOMES for chat in _chats(benchmark.at("requests", kind), _OUTCOMES[kind], level, begin, end)]
    told: dict[Question, float] = {}
    tokens = sum(chat.output_tokens or 0 for chat in chats if chat.outcome == "ok")
    if duration > 0 and tokens and not _left_out(benchmark):
        told[Question("throughput")] = tokens / duration
    kind, streams = strategy.need("type_").text(), number(strategy.at("streams"))
    attempts = sum(chat.counts for chat in chats)
    return Taken(
        load=level if streams else f"{level}, {kind}",
        sample=sampled(chats, level),
        told=told,
        attempts=attempts,
        burst=level == ALL_AT_ONCE and attempts <= (number(strategy.at("max_concurrency")) or attempts),
    )


def _chats(requests: Node | None, outcome: ChatOutcome, level: str, begin: float, end: float) -> Iterator[Chat]:
    for request in requests.items() if requests else ():
        started = number(request.at("request_start_time"))
        since = (begin if started is None else started) - begin
        ended = number(request.at("request_end_time")) or begin
        timings = request.need("info", "timings")
        yield Chat(
            target="",
            place=place(level, since, warm_up=since < -_EDGE_SECONDS or ended > end + _EDGE_SECONDS),
            outcome=outcome,
            reason=None if outcome == "ok" else outcome,
            request_id=text(request.at("request_id")) or "",
            ttft_seconds=seconds(request.at("time_to_first_token_ms")),
            first_content_seconds=seconds(request.at("time_to_first_output_token_ms")),
            tpot_seconds=seconds(request.at("inter_token_latency_ms")),
            e2e_seconds=number(request.at("request_latency")),
            lag_seconds=_lag(timings),
            input_tokens=count(request.at("prompt_tokens")),
            output_tokens=count(request.at("output_tokens")),
            clock="user",
        )


def _lag(timings: Node) -> float:
    """How much later than it was scheduled the request began."""
    due, began = number(timings.at("scheduled_at")), number(timings.at("request_start"))
    return 0.0 if due is None or began is None else max(0.0, began - due)


def _left_out(benchmark: Node) -> int:
    """How many requests were made and are not in the report, which may keep a sample only."""
    made = sum(count(benchmark.at("metrics", "request_totals", kind)) or 0 for kind in _OUTCOMES)
    kept = sum(len(list(requests.items())) for kind in _OUTCOMES if (requests := benchmark.at("requests", kind)) is not None)
    return max(0, made - kept)


def _notes(benchmark: Node, level: str) -> Iterator[str]:
    if left_out := _left_out(benchmark):
        yield f"the report keeps a sample of the requests at {level}; {left_out} are left out, and throughput with them"
    warnings = benchmark.at("warnings")
    for warning in warnings.items() if warnings is not None else ():
        if (message := text(warning.at("message"))) is not None:
            yield f"GuideLLM warns at {level}: {message}"


def _prompts(spec: Node) -> str | None:
    """The sources of the prompts and their lengths, as they were configured. Arguments of loaders may hold tokens, and are not read."""
    sources = spec.at("data")
    if sources is None:
        return None
    kept = [{key: value for key, value in source.mapping().items() if _plain(key, value)} for source in sources.items()]
    return json.dumps(kept, sort_keys=True)


def _plain(key: str, value: object) -> bool:
    """Lengths, and words under the keys that are known. YAML has dates too, and lists that contain themselves."""
    return isinstance(value, int | float) or (key in _SOURCE and isinstance(value, str))


def _seed(spec: Node) -> str | None:
    found = spec.at("seed", "value")
    return None if found is None else f"{found.number():g}"
