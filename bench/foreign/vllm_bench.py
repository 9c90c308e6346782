"""Results of `vllm bench serve --save-result`, with `--save-detailed` or without.

Read: `vllm/benchmarks/serve.py` at 009e6d4 and `vllm/benchmarks/lib/endpoint_request_func.py` at 02cfb53, and results of
0.32.0. Its ITL are the gaps between chunks, the first of which may be that behind the role: they are not ours, and are
kept under their own definition. `--append-result` puts several results into one file.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bench.comparing.facts import as_fact
from bench.comparing.run import ComparedRun, Definition, Taken, Target
from bench.foreign.chats import sampled
from bench.foreign.file import Node, count, number, readable, text
from bench.foreign.itls import chats, has_chats, load, told
from bench.question import Question
from probes.hiding import HIDDEN, may_be_secret

TOOL = "vllm bench"
DEFINITIONS = {
    "ttft": Definition("vllm ttft", "from before the connection, or a kept-alive one, to the first chunk with a choice, be it a role without text"),
    "tpot": Definition("tpot", "(last chunk - first chunk, be it a role) / (tokens - 1), a value for each request"),
    "itl": Definition("vllm itl", "the gaps between chunks with a choice, whatever tokens they bear, of all requests together"),
    "stall": Definition("vllm stall", "the longest gap between chunks with a choice"),
    "e2e": Definition("vllm e2e", "from before the connection, or a kept-alive one, to the last chunk with a choice"),
    "output_rate": Definition("vllm e2e", "tokens of the answer / latency"),
    "throughput": Definition("tokens over all the time", "tokens of successful answers / duration, from the first request to the last answer"),
    "goodput": Definition("vllm goodput", "requests with an answer that met every threshold / all, by the times of this tool"),
    "success": Definition("success", "requests with an answer / all; a stream without its end is a success"),
}
_WORDS = {"ttft": "ttft", "tpot": "tpot", "itl": "itl", "e2e": "e2el"}
_OWN_TEXTS = {"date", "endpoint_type", "backend", "label", "model_id", "tokenizer_id", "request_rate", "ramp_up_strategy"}


def is_one(result: Node) -> bool:
    return result.at("endpoint_type") is not None and result.at("total_output_tokens") is not None and result.at("model_id") is not None


def read(results: Iterable[Node], path: Path) -> tuple[ComparedRun, ...]:
    """The results of a file, each a run of its own. Raises `ForeignError`."""
    return tuple(_run(result, path, number) for number, result in enumerate(results, 1))


def _run(result: Node, path: Path, order: int) -> ComparedRun:
    level, burst = load(result)
    sample = sampled(chats(result, level), level) if has_chats(result) else None
    values = told(result, _WORDS)
    completed, failed = result.need("completed").whole(), count(result.at("failed"))
    if failed is not None and completed + failed:
        values[Question("success")] = completed / (completed + failed)
    taken = Taken(
        load=_load_words(result, level),
        sample=sample,
        told=values,
        attempts=completed + (failed or 0),
        burst=burst,
    )
    metadata = {
        readable(key): HIDDEN if may_be_secret(key, value) else readable(value)
        for key, value in result.mapping().items()
        if isinstance(value, str) and key not in _OWN_TEXTS
    }
    facts = {"model": result.need("model_id").text()}
    if version := metadata.pop("version", None):
        facts["engine.version"] = version
    if metadata:
        facts["engine.flags"] = as_fact(metadata)
    return ComparedRun(
        name=text(result.at("label")) or path.stem if order == 1 else f"{path.stem} {order}",
        source=str(path),
        tool=TOOL,
        targets={"": Target(name="", levels={level: taken}, facts=facts)},
        definitions=DEFINITIONS,
        notes=() if sample else (f"{path.name} has no details of requests, only the run's own values (--save-detailed keeps them)",),
    )


def _load_words(result: Node, level: str) -> str:
    burstiness = number(result.at("burstiness"))
    ramp = text(result.at("ramp_up_strategy"))
    more = [f"burstiness {burstiness:g}"] if burstiness not in (None, 1.0) else []
    return ", ".join([level, *more, *([f"ramp-up {ramp}"] if ramp else [])])
