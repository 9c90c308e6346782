"""llama.cpp's own `/metrics`, of build 11549, with values that follow from the simulation.

Names, help and order: llama.cpp `tools/server/server-task.cpp::server_task_result_metrics::to_metrics`, which writes numbers with six digits.
"""

from __future__ import annotations

from simulator.batching import Batching, Sequence, Step
from simulator.reply import Reply

CONTENT_TYPE = "text/plain; version=0.0.4"


class LlamacppMetrics:
    """What one server exports: counters for all its slots together, no labels, no histograms."""

    def __init__(self) -> None:
        self._counters = {
            "prompt_tokens_total": ("Number of prompt tokens processed, excluding cached tokens", 0.0),
            "prompt_tokens_cached_total": ("Number of prompt tokens reused from the cache", 0.0),
            "prompt_seconds_total": ("Total time spent processing prompts", 0.0),
            "tokens_predicted_total": ("Number of generation tokens processed", 0.0),
            "tokens_predicted_seconds_total": ("Total time spent generating tokens", 0.0),
            "n_decode_total": ("Total number of llama_decode() calls, excluding speculative decoding and multimodal decoding", 0.0),
            "n_tokens_max": ("Largest observed sequence length (prompt + generation)", 0.0),
            "spec_decode_num_draft_tokens_total": ("Speculative: Total draft tokens generated", 0.0),
            "spec_decode_num_accepted_tokens_total": ("Speculative: Total draft tokens accepted by the target model", 0.0),
            "spec_decode_num_drafts_total": ("Speculative: Total speculative decoding verification steps", 0.0),
        }
        self._processing = self._deferred = 0
        self._busy_slots = 0
        self._prompts, self._answers = _Rate(), _Rate()

    def _add(self, name: str, value: float) -> None:
        text, before = self._counters[name]
        self._counters[name] = text, before + value

    def submitted(self, sequence: Sequence, batching: Batching) -> None:
        self._look(batching)

    def left(self, batching: Batching) -> None:
        self._look(batching)

    def _look(self, batching: Batching) -> None:
        self._processing, self._deferred = len(batching.running), len(batching.waiting)

    def stepped(self, step: Step, batching: Batching) -> None:
        self._look(batching)
        self._add("n_decode_total", 1)
        self._busy_slots += len(step.batch)
        for sequence in step.admitted:
            computed = sequence.prompt_tokens - sequence.cached_tokens
            self._add("prompt_tokens_total", computed)
            self._add("prompt_tokens_cached_total", sequence.cached_tokens)
            self._add("prompt_seconds_total", sequence.prefill_ns / 1e9)
            self._prompts.add(computed, sequence.prefill_ns / 1e9)

    def finished(self, sequence: Sequence) -> None:
        """Tokens are counted when a slot is released (llama.cpp `server-context.cpp::metrics_on_prediction`)."""
        seconds = sequence.generation_ns / 1e9
        self._add("tokens_predicted_total", sequence.produced)
        self._add("tokens_predicted_seconds_total", seconds)
        self._answers.add(sequence.produced - 1, seconds)
        text, most = self._counters["n_tokens_max"]
        self._counters["n_tokens_max"] = text, max(most, sequence.prompt_tokens + sequence.produced)

    def asked(self) -> None:
        """Requests are not counted."""

    def failed(self, kind: str) -> None:
        """Nor are those that fail."""

    def served(self, handler: str, method: str, status: int, request_bytes: int, response_bytes: int, seconds: float) -> None:
        pass

    def render(self) -> Reply:
        """The two rates are those since the last scrape, whoever scraped."""
        gauges = {
            "prompt_tokens_seconds": ("Average prompt throughput in tokens/s", self._prompts.take()),
            "predicted_tokens_seconds": ("Average generation throughput in tokens/s", self._answers.take()),
            "requests_processing": ("Number of requests processing", self._processing),
            "requests_deferred": ("Number of requests deferred", self._deferred),
            "n_busy_slots_per_decode": (
                "Average number of busy slots per llama_decode() call",
                self._busy_slots / max(self._counters["n_decode_total"][1], 1),
            ),
        }
        families = [("counter", self._counters), ("gauge", gauges)]
        lines = [
            f"# HELP llamacpp:{name} {text}\n# TYPE llamacpp:{name} {kind}\nllamacpp:{name} {value:g}\n"
            for kind, metrics in families
            for name, (text, value) in metrics.items()
        ]
        return Reply(200, "".join(lines).encode(), CONTENT_TYPE, (("Process-Start-Time-Unix", "0"),))


class _Rate:
    """Tokens a second since the last look."""

    def __init__(self) -> None:
        self._tokens = self._seconds = 0.0

    def add(self, tokens: float, seconds: float) -> None:
        self._tokens += tokens
        self._seconds += seconds

    def take(self) -> float:
        rate = self._tokens / self._seconds if self._seconds else 0.0
        self._tokens = self._seconds = 0.0
        return rate
