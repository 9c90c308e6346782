"""SGLang."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from probes.ask import Ask
from probes.backends.backend import Backend
from probes.backends.base import FrameError, WireForm
from probes.backends.fields import only_name
from probes.backends.knobs import Knobs
from probes.backends.listing import listed_length, listed_models, listed_name
from probes.backends.openai_chat import OpenAiChat
from probes.backends.settings import Settings
from probes.backends.trail import Trail
from probes.numbers.family import Sample
from probes.numbers.number import Number
from probes.numbers.own_metrics import Derived, Distribution, OwnMetrics, Series, Sum, Told
from probes.numbers.page import Page, label, total


class SglangChat(OpenAiChat):
    """SGLang's chat form: the running usage on every chunk with text counts the tokens that no chunk shows.

    The head comes with the first token, which a chunk with the role alone goes before. Half a character and the end of
    the sequence send no chunk. Once the head is out errors are events, a full queue among them, and the usage and
    `[DONE]` follow them too (SGLang `entrypoints/openai/serving_chat.py::_generate_chat_stream`). Before the head,
    errors are flat: `{"object": "error", "message": …}`. Versions before 0.5.3 take no notice of `cache_salt`, and those
    before 0.5.5 none of `continuous_usage_stats`.
    """

    def body(self, ask: Ask) -> dict[str, object]:
        body = super().body(ask)
        body["stream_options"] = {"include_usage": True, "continuous_usage_stats": True}
        body["chat_template_kwargs"] = {"enable_thinking": ask.thinking}
        if ask.nonce is not None:
            # a part of the key under which the prompt's prefix is looked up (SGLang `managers/io_struct.py`)
            body["cache_salt"] = ask.nonce
        if ask.exact_length:
            # It holds off every stop token; `min_tokens` would have a penalty reckoned for the whole batch, so for others too.
            body["ignore_eos"] = True
        return body


SETTINGS = (
    "tp_size", "dp_size", "pp_size", "ep_size", "dtype", "quantization", "kv_cache_dtype", "context_length", "max_running_requests",
    "chunked_prefill_size", "mem_fraction_static", "attention_backend", "speculative_algorithm", "disable_radix_cache",
)  # fmt: skip
"""What is read of its own account, and of what its own benchmark keeps of that: these may hold keys, so nothing but these."""
_RUNNING, _USAGE = "sglang:num_running_reqs", "sglang:token_usage"
_RETRACTIONS, _OF_0_5_10 = "sglang:num_retracted_requests_total", "sglang:full_token_usage"


def _once(samples: Iterable[Sample]) -> list[Sample]:
    """One sample for each data-parallel rank of each worker, of which its gateway's `/engine_metrics` has several.

    Of a rank, the stages of a pipeline tell the same, and all its processes do with
    `--enable-metrics-for-all-schedulers`. With priorities there is a further sample for each of them.
    """
    ranks: dict[tuple[str, str], Sample] = {}
    for sample in samples:
        rank = label(sample, "worker_addr"), label(sample, "dp_rank")
        if not label(sample, "priority") and (rank not in ranks or sample.value > ranks[rank].value):
            ranks[rank] = sample
    return list(ranks.values())


def _of_ranks(name: str) -> Derived:
    """What the schedulers tell, all data-parallel ranks together."""

    def read(page: Page) -> float | None:
        samples = _once(page.samples(name))
        return total(samples) if samples else None

    return Derived(read, name)


def _fullest(page: Page) -> float | None:
    """A mean would hide a full rank."""
    values = [usage.value for usage in page.samples(_USAGE)]
    return max(values) if values and all(0 <= value <= 1 for value in values) else None


def _counted(name: str) -> Derived:
    """A counter of requests that ended: there is no series before the first one."""

    def read(page: Page) -> float | None:
        return total(page.samples(name)) if page.samples(name, _RUNNING) else None

    return Derived(read, name, _RUNNING)


def _retracted(page: Page) -> float | None:
    """There is no series before the first time. The counter is as old as the gauge that is looked for (0.5.10)."""
    told = page.samples(_RETRACTIONS)
    return total(_once(told)) if told or page.samples(_OF_0_5_10) else None


METRICS = OwnMetrics(
    prefixes=("sglang:",),
    # SGLang's gateway at /engine_metrics, of all its workers (sgl-project/sglang#11456)
    gateway_prefix="sglang_",
    usual=Series(used=460, whole=490),
    # what its API server counts of HTTP, and its processes of CPU time, is there before any scheduler tells something
    without_statistics=("sglang:http_", "sglang:process_cpu_", "sglang:routing_keys_active"),
    numbers=(
        Told(Number.REQUESTS_RUNNING, _of_ranks(_RUNNING), "num_running_reqs, all data-parallel ranks together."),
        Told(Number.REQUESTS_WAITING, _of_ranks("sglang:num_queue_reqs"), "num_queue_reqs, all data-parallel ranks together."),
        Told(
            Number.KV_CACHE_USAGE,
            Derived(_fullest, _USAGE),
            "token_usage of the fullest data-parallel rank; cached prefixes that nobody uses leave room.",
        ),
        Told(Number.KV_CACHE_CAPACITY, _of_ranks("sglang:max_total_num_tokens"), "max_total_num_tokens, all data-parallel ranks together."),
        Told(Number.PREFIX_CACHE_HITS, _counted("sglang:cached_tokens_total"), "cached_tokens, all tiers of its cache, of requests that ended."),
        Told(Number.PREFIX_CACHE_QUERIES, _counted("sglang:prompt_tokens_total"), "all prompt tokens of requests that ended."),
        Told(Number.PROMPT_TOKENS, _counted("sglang:prompt_tokens_total"), "when a request ends."),
        Told(Number.GENERATION_TOKENS, _counted("sglang:generation_tokens_total"), "when a request ends."),
        Told(Number.PREEMPTIONS, Derived(_retracted, _RETRACTIONS, _OF_0_5_10), "num_retracted_requests."),
        Told(Number.SPEC_DECODE_DRAFTS, Sum("sglang:spec_verify_calls_total"), "spec_verify_calls, once for each request, where it speculates."),
        Told(
            Number.TTFT,
            Distribution("sglang:time_to_first_token_seconds"),
            "from the request's arrival until its frontend had the first output; queue included, network left out.",
        ),
        Told(Number.ITL, Distribution("sglang:inter_token_latency_seconds"), "between outputs, by the tokens in them, once for each token."),
        Told(
            Number.TPOT,
            Distribution("sglang:request_time_per_output_token_seconds"),
            "of answers of more than one token, which ended of themselves.",
        ),
        Told(Number.E2E, Distribution("sglang:e2e_request_latency_seconds"), "requests that ended, aborted ones included."),
        Told(Number.QUEUE, Distribution("sglang:queue_time_seconds", "sglang:queue_time_s"), "from queued to scheduled."),
        Told(
            Number.PREFILL,
            Distribution("sglang:per_stage_req_latency_seconds", label=("stage", "prefill_forward")),
            "the stage prefill_forward of each request.",
        ),
    ),
)
"""Of versions 0.4.6 to 0.5.23. Names and meanings: SGLang `observability/metrics_collector.py`; until 0.5.6, `metrics/collector.py`.

It serves them with `--enable-metrics`, without a key. What it turns away because its queue is full it counts nowhere, and it tells nothing of how
requests ended.
"""


class Sglang(Backend):
    """SGLang, by its OpenAI-compatible server."""

    name = "sglang"
    title = "SGLang"
    forms: ClassVar[Mapping[str, WireForm]] = {"chat": SglangChat()}
    colour = "purple"
    exact_length = True
    thinking = True
    names_adapters = "model: MODEL:NAME"
    ignores_names = True
    metrics = METRICS
    trail = Trail(log="by time and client", traces="`--enable-trace` and `--otlp-traces-endpoint`")
    """SGLang `srt/managers/tokenizer_manager.py`: it takes `traceparent`, and gives requests ids of its own."""
    knobs = Knobs(
        batch="--max-running-requests",
        cache="--mem-fraction-static",
        prefill="--chunked-prefill-size",
        prefix_cache="--disable-radix-cache",
        queue="--max-queued-requests",
        caution="--schedule-conservativeness",
    )
    """SGLang `srt/server_args.py`; what helps against requests that are put back, its docs, "Hyperparameter Tuning"."""
    settings = Settings(path="/server_info", keys=SETTINGS)
    """SGLang `entrypoints/http_server.py`: what it was started with, keys of its users among it."""
    usual_ports = (30000,)
    recognised_at = "/v1/models"
    version_path = "/server_info"
    longest_chat_path = "/v1/models"

    def recognise(self, body: bytes) -> None:
        """It owns its models."""
        if not any(entry.get("owned_by") == "sglang" for entry in listed_models(body)):
            raise FrameError("lists no model of SGLang's")

    def own_form(self, answer: object) -> str | None:
        """Its errors; those of vLLM up to 0.10 are alike."""
        if not isinstance(answer, dict) or answer.get("object") != "error" or "param" not in answer:
            return None
        return "chat" if type(answer.get("code")) is int else None

    def answering(self, model: str, body: bytes) -> str:
        """Its only one, but for `MODEL:ADAPTER`: that adapter, or a refusal (SGLang `serving_base.py::_resolve_lora_path`, since 0.5.5).

        Adapters are listed with their `parent`. By their bare name, as they are listed, the model itself answers.
        """
        if ":" in model:
            return model
        own = tuple(name for entry in listed_models(body) if not entry.get("parent") and (name := listed_name(entry)))
        return model if model in own else only_name(own, model)

    def longest_chat(self, body: bytes, model: str) -> int | None:
        """`max_model_len` of the model's entry, or of the only one: any name is answered by it."""
        listed = listed_models(body)
        names = [listed_name(entry) for entry in listed]
        return listed_length(listed, model if model in names else next(iter(names), model))
