"""Results of SGLang's `python -m sglang.bench_serving --output-file`, with `--output-details` or without: a line a run.

Read: `sglang/benchmark/serving.py` of 0.5.23, and results of it. Its E2E, and its own TPOT with it, end at the stream's
last line, behind the last token; with details TPOT is made of the gaps between chunks, and ends at the last token.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from bench.comparing.facts import as_fact
from bench.comparing.run import ComparedRun, Definition, Taken, Target
from bench.foreign.chats import sampled
from bench.foreign.file import Node, number, readable
from bench.foreign.itls import chats, has_chats, load, told
from bench.question import Question
from probes.backends.settings import settings_in
from probes.backends.sglang import SETTINGS

TOOL = "sglang bench_serving"
_COMMON = {
    "ttft": Definition("sglang ttft", "from before a new connection to the first chunk with text"),
    "throughput": Definition("tokens over all the time", "tokens of successful answers / duration, from the first request to the last answer"),
    "success": Definition("success", "requests with an answer / all; a stream without its end is a success"),
}
DETAILED: Mapping[str, Definition] = {
    **_COMMON,
    "tpot": Definition("tpot", "(last chunk with text - first) / (tokens - 1), a value for each request"),
    "stall": Definition("gap between chunks", "the longest gap between chunks with text"),
}
AGGREGATE: Mapping[str, Definition] = {
    **_COMMON,
    "tpot": Definition("sglang tpot", "(end of the stream - first token) / (tokens - 1), a value for each request"),
    "itl": Definition("sglang itl", "the gaps between chunks, of all requests together; of the native backend divided by their tokens"),
    "e2e": Definition("sglang e2e", "from before a new connection to the last line of the stream"),
}
_WORDS = {"ttft": "ttft", "tpot": "tpot", "itl": "itl", "e2e": "e2e_latency"}


def is_one(result: Node) -> bool:
    return result.at("backend") is not None and result.at("total_output_tokens_retokenized") is not None


def read(results: Iterable[Node], path: Path) -> tuple[ComparedRun, ...]:
    """The lines of a file, each a run of its own. Raises `ForeignError`."""
    return tuple(_run(result, path, number) for number, result in enumerate(results, 1))


def _run(result: Node, path: Path, order: int) -> ComparedRun:
    level, burst = load(result)
    detailed = has_chats(result)
    sample = sampled(chats(result, level), level) if detailed else None
    values = told(result, _WORDS) if not detailed else {Question("throughput"): result.need("output_throughput").number()}
    taken = Taken(load=level, sample=sample, told=values, burst=burst)
    return ComparedRun(
        name=path.stem if order == 1 else f"{path.stem} {order}",
        source=str(path),
        tool=TOOL,
        targets={"": Target(name="", levels={level: taken}, facts=_facts(result))},
        definitions=DETAILED if detailed else AGGREGATE,
        facts={"prompts": _prompts(result)},
        notes=() if detailed else (f"{path.name} has no details of requests, only the run's own values (--output-details keeps them)",),
    )


def _facts(result: Node) -> dict[str, str]:
    server = result.at("server_info")
    if server is None:
        return {}
    told = server.mapping()
    facts = {"engine": "sglang"}
    if isinstance(version := told.get("version"), str):
        facts["engine.version"] = readable(version)
    if isinstance(model := told.get("served_model_name") or told.get("model_path"), str):
        facts["model"] = readable(model)
    if flags := settings_in(told, SETTINGS):
        facts["engine.flags"] = as_fact(flags)
    return facts


def _prompts(result: Node) -> str:
    lengths = [f"{name} {value:g}" for name in ("random_input_len", "random_output_len", "random_range_ratio", "sharegpt_output_len")
               if (value := number(result.at(name))) is not None]  # fmt: skip
    return ", ".join([result.need("dataset_name").text(), *lengths])
