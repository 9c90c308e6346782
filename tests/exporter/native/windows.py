"""Scrapes of a vLLM and chats with it, placed on one clock in seconds."""

from __future__ import annotations

from dataclasses import replace

from exporter.native.scrape import Scraped
from probes.chunk import Chunk
from probes.numbers.family import Family, Sample
from probes.record import ChatRecord
from tests.exporter.chats import chat
from tests.exporter.native.recorded import numbers

SECOND_NS = 1_000_000_000


def scrape(at: float, count: float, seconds: float, *, running: float = 0, waiting: float = 0, start: float | None = 7) -> Scraped:
    """One that takes 20 ms, after so many first tokens that took so long together."""
    ttft = "vllm:time_to_first_token_seconds"
    families = [
        Family(
            ttft,
            "histogram",
            "",
            (Sample(f"{ttft}_bucket", (("le", "+Inf"),), count), Sample(f"{ttft}_count", (), count), Sample(f"{ttft}_sum", (), seconds)),
        ),
        Family("vllm:num_requests_running", "gauge", "", (Sample("vllm:num_requests_running", (), running),)),
        Family("vllm:num_requests_waiting", "gauge", "", (Sample("vllm:num_requests_waiting", (), waiting),)),
    ]
    if start is not None:
        families.append(Family("process_start_time_seconds", "gauge", "", (Sample("process_start_time_seconds", (), start),)))
    return Scraped(tuple(families), numbers("vllm", families), round(at * SECOND_NS), round((at + 0.02) * SECOND_NS))


def talk(at: float, ttft: float, *, lasts: float = 1, model: str = "tiny", target: str = "vllm") -> ChatRecord:
    """A chat that is sent at that time."""
    sent_ns = round(at * SECOND_NS)
    ended_ns = sent_ns + round(lasts * SECOND_NS)
    chunks = (Chunk(sent_ns + round(ttft * SECOND_NS), 1),)
    base = chat(started_ns=sent_ns, sent_ns=sent_ns, ended_ns=ended_ns, finished_ns=ended_ns, chunks=chunks)
    return replace(base, model=model, target=target)
