"""vLLM."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from probes.ask import UNKNOWN_MODEL, Ask
from probes.backends.backend import Backend
from probes.backends.base import WireForm
from probes.backends.fields import JsonObject, seconds
from probes.backends.knobs import Knobs
from probes.backends.listing import listed_length, listed_models
from probes.backends.openai_chat import OpenAiChat
from probes.backends.settings import Settings
from probes.backends.trail import Trail
from probes.backends.usage import cached_tokens
from probes.numbers.family import Sample
from probes.numbers.histogram import is_amount
from probes.numbers.number import Number
from probes.numbers.own_metrics import Derived, Distribution, OwnMetrics, Series, Sum, Told
from probes.numbers.page import Page, label, total
from probes.own_account import Native


class VllmChat(OpenAiChat):
    """vLLM's chat form. The running usage on every chunk counts the tokens that text does not show.

    The first chunk bears the role alone (vLLM `chat_completion/serving.py::chat_completion_stream_generator`). One
    chunk may bear several tokens, or tokens that cannot be seen: half a character, the end of the sequence. An error
    after the 200 is an event, and `[DONE]` follows it.
    """

    def body(self, ask: Ask) -> dict[str, object]:
        body = super().body(ask)
        if ask.model == UNKNOWN_MODEL:
            # without a name the base model answers (vLLM `serve/engine/serving.py::_is_model_supported`); by this one none would
            del body["model"]
        body["stream_options"] = {"include_usage": True, "continuous_usage_stats": True}
        body["chat_template_kwargs"] = {"enable_thinking": ask.thinking}
        if ask.nonce is not None:
            # Mixed into the hash of the prompt's first block: keeps the prefix cache out whatever stands in the prompt before the nonce.
            body["cache_salt"] = ask.nonce
        if ask.exact_length:
            # `min_tokens` also holds off the stop tokens that a model's own defaults may bring.
            body["ignore_eos"] = True
            body["min_tokens"] = ask.max_tokens
        return body

    def _native(self, chunk: JsonObject, usage: JsonObject) -> Native | None:
        """The chunk's `metrics`, of a server with `--enable-per-request-metrics`.

        Its time to first token begins when the request leaves the queue.
        """
        metrics = chunk.get("metrics")
        if not isinstance(metrics, dict):
            return super()._native(chunk, usage)
        return Native(
            queue_seconds=seconds(metrics, "queue_time_ms", 1e3),
            prefill_seconds=seconds(metrics, "time_to_first_token_ms", 1e3),
            decode_seconds=seconds(metrics, "generation_time_ms", 1e3),
            cached_tokens=cached_tokens(usage),
        )


class _CountedInTokens(Sum):
    """A counter of the prefix cache.

    Until 0.8 it counted blocks, which only its help says. Such a counter is left out.
    """

    def __call__(self, page: Page) -> float | None:
        return None if "block" in page.help(*self.names) else super().__call__(page)


def _ended(*, well: bool) -> Callable[[Page], float | None]:
    """Requests that ended, well or not.

    Older versions have no series for a reason before a request ended by it. NIM counts those that ended otherwise by a
    name of their own.
    """

    def read(page: Page) -> float | None:
        ended, failed = page.samples(_ENDED), page.samples(_FAILED)
        if failed:
            return total(ended if well else failed)
        if not ended and not page.samples(_GENERATED):
            return None
        return total(sample for sample in ended if (label(sample, "finished_reason") not in _UNFINISHED) is well)

    return read


def _fullest(page: Page) -> float | None:
    """The usage of the fullest rank: a mean would hide a full one."""
    values = [usage.value for usage in page.samples(*_USAGE)]
    return max(values) if values and all(0 <= value <= 1 for value in values) else None


def _capacity(page: Page) -> float | None:
    """The tokens that the KV caches of all ranks hold.

    Labels change with the version, and while an engine starts. A rank's number is the last one that its labels give.
    """
    ranks: dict[str, float | None] = {}
    for configuration in page.samples(_CONFIGURATION):
        rank = label(configuration, "engine")
        ranks[rank] = _tokens(configuration) or ranks.get(rank)
    known = [tokens for tokens in ranks.values() if tokens is not None]
    whole = sum(known)
    return whole if known and len(known) == len(ranks) and is_amount(whole) else None


def _tokens(configuration: Sample) -> float | None:
    """The tokens that one rank's KV cache holds.

    vLLM's own number comes first: for a model with several kinds of layers, blocks x block size is another.
    """
    stated = _size(label(configuration, "kv_cache_size_tokens"))
    blocks, block_tokens = _size(label(configuration, "num_gpu_blocks")), _size(label(configuration, "block_size"))
    if stated is not None or blocks is None or block_tokens is None:
        return stated
    return blocks * block_tokens


def _size(text: str) -> float | None:
    """A number above 0; None for anything else, such as Python's `None`."""
    try:
        size = float(text)
    except ValueError:
        return None
    return size if is_amount(size) and size > 0 else None


_UNFINISHED = ("abort", "error")
_ENDED, _FAILED, _GENERATED = "vllm:request_success_total", "vllm:request_failure_total", "vllm:generation_tokens_total"
_USAGE = ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc")
_CONFIGURATION = "vllm:cache_config_info"
_TOKENS_ONLY = "versions that count tokens; those that counted blocks are left out."

_NUMBERS = (
    Told(Number.REQUESTS_RUNNING, Sum("vllm:num_requests_running"), "num_requests_running, all data-parallel ranks together."),
    Told(Number.REQUESTS_WAITING, Sum("vllm:num_requests_waiting"), "num_requests_waiting, all data-parallel ranks together."),
    Told(Number.KV_CACHE_USAGE, Derived(_fullest, *_USAGE), "of the fullest data-parallel rank, as a mean would hide a full one."),
    Told(
        Number.KV_CACHE_CAPACITY,
        Derived(_capacity, _CONFIGURATION),
        "kv_cache_size_tokens of its cache configuration, all data-parallel ranks together; of older versions derived, num_gpu_blocks x block_size.",
    ),
    Told(Number.PREFIX_CACHE_HITS, _CountedInTokens("vllm:prefix_cache_hits_total", "vllm:gpu_prefix_cache_hits_total"), _TOKENS_ONLY),
    Told(Number.PREFIX_CACHE_QUERIES, _CountedInTokens("vllm:prefix_cache_queries_total", "vllm:gpu_prefix_cache_queries_total"), _TOKENS_ONLY),
    Told(Number.PROMPT_TOKENS, Sum("vllm:prompt_tokens_total"), "when their prefill is over."),
    Told(Number.GENERATION_TOKENS, Sum(_GENERATED), "as they come."),
    Told(
        Number.REQUESTS_SUCCEEDED,
        Derived(_ended(well=True), _ENDED, _FAILED, _GENERATED),
        "request_success, but for the finished_reason abort and error.",
    ),
    Told(Number.REQUESTS_FAILED, Derived(_ended(well=False), _ENDED, _FAILED, _GENERATED), "the finished_reason abort and error."),
    Told(Number.REQUESTS_REJECTED, Sum("vllm:admission_rejections_total"), "admission_rejections."),
    Told(Number.PREEMPTIONS, Sum("vllm:num_preemptions_total"), "num_preemptions."),
    Told(Number.SPEC_DECODE_DRAFTS, Sum("vllm:spec_decode_num_drafts_total"), "spec_decode_num_drafts, where it speculates."),
    Told(Number.SPEC_DECODE_DRAFT_TOKENS, Sum("vllm:spec_decode_num_draft_tokens_total"), "spec_decode_num_draft_tokens, where it speculates."),
    Told(
        Number.SPEC_DECODE_ACCEPTED_TOKENS,
        Sum("vllm:spec_decode_num_accepted_tokens_total"),
        "spec_decode_num_accepted_tokens, where it speculates.",
    ),
    Told(
        Number.TTFT,
        Distribution("vllm:time_to_first_token_seconds"),
        "from the start of tokenization until its frontend had the first output; queue included, parsing of the request and network left out.",
    ),
    Told(
        Number.ITL,
        # The older name is not that of a request's mean: it has one observation for each output too.
        Distribution("vllm:inter_token_latency_seconds", "vllm:time_per_output_token_seconds"),
        "once for each output of each request, which may be several tokens.",
    ),
    Told(Number.TPOT, Distribution("vllm:request_time_per_output_token_seconds"), "0 for answers of one token."),
    Told(Number.E2E, Distribution("vllm:e2e_request_latency_seconds"), "requests that ended."),
    Told(
        Number.QUEUE,
        Distribution("vllm:request_queue_time_seconds", "vllm:time_in_queue_requests"),
        "from queued to first scheduled.",
    ),
    Told(Number.PREFILL, Distribution("vllm:request_prefill_time_seconds"), "from first scheduled to the first token, for each request."),
    Told(Number.DECODE, Distribution("vllm:request_decode_time_seconds"), "for each request that ended."),
)
_PREFIX = "vllm:"
_NIM = ("num_request_max", "request_finish_total", "request_prompt_tokens", "request_generation_tokens")
"""Further names of NIM's page (docs.nvidia.com/nim/large-language-models, "Observability")."""

METRICS = OwnMetrics(
    prefixes=(_PREFIX,),
    # adapters come and go as labels, each time a new series
    denied=("vllm:lora_requests_info",),
    # its API server counts these by itself, with `--disable-log-stats` too
    without_statistics=("vllm:tool_call_parser_",),
    numbers=_NUMBERS,
    # NVIDIA's NIM writes vLLM's names like this, at /v1/metrics
    unprefixed=(*sorted({name.removeprefix(_PREFIX) for told in _NUMBERS for name in told.read.names}), *_NIM),
    usual=Series(used=270, whole=330),
)
"""Of versions 0.6 to 0.32. Names and meanings: vLLM `v1/metrics/loggers.py` and `stats.py`; before 0.9,
`engine/metrics.py`.

The series of data-parallel ranks (label `engine`) are added up: whoever chats with them has one engine. vLLM under Ray
Serve has names of its own (`vllm_…`, `ray_vllm_…`), which are left out.
"""


class Vllm(Backend):
    """vLLM, by its OpenAI-compatible server."""

    name = "vllm"
    title = "vLLM"
    forms: ClassVar[Mapping[str, WireForm]] = {"chat": VllmChat()}
    colour = "blue"
    exact_length = True
    thinking = True
    metrics = METRICS
    own_ttft = (
        "`request`, with --enable-per-request-metrics: queue and prefill, without HTTP, chat template and tokenization; "
        "`window`: from the chat template on."
    )
    trail = Trail(
        log="by the request id with `--enable-log-requests`, else by time and client",
        traces="`--otlp-traces-endpoint`",
        metric="`vllm:request_success_total` by `finished_reason`",
    )
    """vLLM `entrypoints/serve/engine/serving.py::_base_request_id`, `v1/engine/async_llm.py::add_request`."""
    knobs = Knobs(
        batch="--max-num-seqs",
        cache="--gpu-memory-utilization",
        prefill="--max-num-batched-tokens",
        prefix_cache="--enable-prefix-caching",
        queue="--max-num-queued-reqs",
    )
    """vLLM `engine/arg_utils.py`; what helps against preemptions, its docs `configuration/optimization.md`. The bound on the queue came with 0.29."""
    settings = Settings(
        series=_CONFIGURATION,
        labels=("block_size", "cache_dtype", "enable_prefix_caching", "gpu_memory_utilization", "cpu_offload_gb", "sliding_window", "swap_space"),
    )
    """vLLM `config/cache.py::CacheConfig.metrics_info`. `/server_info` has all, and only servers for developers have it."""
    usual_ports = (8000,)
    aliases = ("vllm-openai",)
    recognised_at = "/version"
    version_path = "/version"
    longest_chat_path = "/v1/models"
    unknown_path = b'{"detail":"Not Found"}'

    def own_form(self, answer: object) -> str | None:
        """Its errors have a class's name as their type and a number as their code; up to 0.10 no `error` is around them."""
        error = answer.get("error", answer) if isinstance(answer, dict) else None
        if not isinstance(error, dict) or "param" not in error:
            return None
        return "chat" if str(error.get("type")).endswith("Error") and type(error.get("code")) is int else None

    def longest_chat(self, body: bytes, model: str) -> int | None:
        """`max_model_len` of the model's entry."""
        return listed_length(listed_models(body), model)
