"""What `vllm bench serve` and SGLang's `bench_serving`, its descendant, have in common: lists with an entry for each request."""

from __future__ import annotations

from collections.abc import Iterator

from bench.chat import Chat
from bench.foreign.chats import ALL_AT_ONCE, closed, opened, place
from bench.foreign.file import Node, number, seconds, text
from bench.question import Question

QUANTILES = {"median": 0.5, "p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}


def load(result: Node) -> tuple[str, bool]:
    """The level, and whether all requests were sent at once. A rate of infinity sends as soon as it may."""
    rate = result.at("request_rate")
    at_most = number(result.at("max_concurrency"))
    if rate is None:
        return ("as it comes" if at_most is None else closed(at_most)), False
    if isinstance(rate.value, str) and rate.value != "inf":
        return rate.value, False
    if rate.value in ("inf", float("inf")):
        return (ALL_AT_ONCE, True) if at_most is None else (closed(at_most), False)
    return opened(rate.number(), at_most), False


def told(result: Node, measures: dict[str, str]) -> dict[Question, float]:
    """What the file says of the run as a whole. `measures` are its words by ours: `{"ttft": "ttft", "e2e": "e2el"}`."""
    found: dict[Question, float] = {}
    for measure, name in measures.items():
        for prefix, quantile in QUANTILES.items():
            if (value := seconds(result.at(f"{prefix}_{name}_ms"))) is not None:
                found[Question(measure, quantile)] = value
    if (rate := number(result.at("output_throughput"))) is not None:
        found[Question("throughput")] = rate
    return found


def has_chats(result: Node) -> bool:
    """Whether it was asked for the details of each request."""
    return result.at("ttfts") is not None and result.at("itls") is not None


def chats(result: Node, level: str) -> Iterator[Chat]:
    """A chat for each request. One without a first chunk failed, whatever its error says."""
    ttfts = result.need("ttfts").numbers()
    gaps = [item.numbers() for item in result.need("itls").items()]
    answers = [item.whole() for item in result.need("output_lens").items()]
    prompts = [item.whole() for item in result.need("input_lens").items()]
    errors = [text(item) or "" for item in result.need("errors").items()]
    latencies = found.numbers() if (found := result.at("latencies")) is not None else None
    starts = found.numbers() if (found := result.at("start_times")) is not None else None
    lengths = {len(gaps), len(answers), len(prompts), len(errors), *(len(found) for found in (latencies, starts) if found is not None)}
    if lengths != {len(ttfts)}:
        raise result.wrong(f"has {len(ttfts)} ttfts and lists of other lengths; each has an entry for each request")
    begin = min(starts, default=0.0) if starts else 0.0
    for index, ttft in enumerate(ttfts):
        ok = not errors[index] and ttft > 0
        tokens = answers[index]
        decoding = sum(gaps[index])
        yield Chat(
            target="",
            place=place(level, starts[index] - begin if starts else float(index)),
            outcome="ok" if ok else "failed",
            reason=None if ok else "error",
            ttft_seconds=ttft if ttft > 0 else None,
            tpot_seconds=decoding / (tokens - 1) if ok and tokens > 1 and gaps[index] else None,
            e2e_seconds=latencies[index] if ok and latencies is not None else None,
            stall_seconds=max(gaps[index], default=None) if ok else None,
            input_tokens=prompts[index],
            output_tokens=tokens if ok else None,
            clock="user",
        )
