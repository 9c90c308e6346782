"""What one simulated engine is: its models, its speed, its capacity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Latency:
    """How fast the engine computes. One step of the batch takes the prefill of the requests it admits plus one decode of those that run already."""

    prefill_tokens_per_second: float = 8000.0
    """Prompt tokens computed per second; tokens found in the prefix cache cost nothing."""
    decode_seconds: float = 0.02
    """One decode step of a batch of one."""
    batch_slowdown: float = 0.005
    """By which share of `decode_seconds` each further request in the batch lengthens a step."""
    first_token_seconds: float = 0.005
    """What every prefill costs whatever its length."""
    jitter: float = 0.0
    """Standard deviation of a step's duration, as a share of it. A step is slow for the whole batch at once."""

    def __post_init__(self) -> None:
        if self.prefill_tokens_per_second <= 0 or self.decode_seconds <= 0:
            raise ValueError("prefill_tokens_per_second and decode_seconds must be above 0")
        if min(self.batch_slowdown, self.first_token_seconds, self.jitter) < 0:
            raise ValueError("batch_slowdown, first_token_seconds and jitter must not be below 0")


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """How much the engine can hold."""

    max_batch: int = 64
    """Requests that run at once (vLLM `--max-num-seqs`). Ollama has `Options.slots` instead."""
    kv_blocks: int = 4096
    """Blocks of the KV cache."""
    block_tokens: int = 16
    """Tokens in one block."""
    context_tokens: int = 8192
    """Prompt and answer together (vLLM `--max-model-len`, TGI `--max-total-tokens`; Ollama's `OLLAMA_CONTEXT_LENGTH`, which counts where a chat
    gives no `num_ctx`)."""
    max_queue: int | None = None
    """Requests that may wait before further ones are turned away (vLLM `--max-num-queued-reqs`, TGI's `--max-concurrent-requests`, Ollama's
    `OLLAMA_MAX_QUEUE`); None is without limit, as in vLLM."""

    def __post_init__(self) -> None:
        if min(self.max_batch, self.kv_blocks, self.block_tokens, self.context_tokens) < 1:
            raise ValueError("max_batch, kv_blocks, block_tokens and context_tokens must be at least 1")
        if self.kv_blocks * self.block_tokens < self.context_tokens:
            raise ValueError(
                f"a KV cache of {self.kv_blocks} blocks of {self.block_tokens} tokens cannot hold one request of {self.context_tokens} tokens"
            )


@dataclass(frozen=True, kw_only=True)
class Library:
    """What the models of an Ollama are. A model that is in none of these has a blob of its own and can chat."""

    copies: Mapping[str, str] = field(default_factory=dict)
    """Names that `ollama cp` made, each of another: the same model in all."""
    derived: Mapping[str, str] = field(default_factory=dict)
    """Models made `FROM` another, with a text of their own: another digest, the same blob."""
    embedding: tuple[str, ...] = ()
    """Models that cannot chat."""
    thinking: tuple[str, ...] = ()
    """Models that may be asked to think."""
    remote: tuple[str, ...] = ()
    """Models that another server holds. This one is cut off from it."""
    trained_context_tokens: int = 131_072
    """The longest context of every model: a chat that asks for more gets this."""

    def names(self) -> tuple[str, ...]:
        """All models that are named here."""
        return (*self.copies, *self.copies.values(), *self.derived, *self.derived.values(), *self.embedding, *self.thinking, *self.remote)


@dataclass(frozen=True, kw_only=True)
class Options:
    """One simulated engine. `load_seconds`, `loaded`, `slots`, `keep_alive_seconds` and `library` matter to Ollama only."""

    models: tuple[str, ...] = ("tiny",)
    api_key: str | None = field(default=None, repr=False)
    latency: Latency = Latency()
    capacity: Capacity = Capacity()
    answer_tokens: int = 100
    """Mean length of an answer that ends by itself; lengths lie between half and one and a half times this."""
    seed: int = 1
    faults: tuple[str, ...] = ()
    """Faults that every request meets from the start, as `NAME[:PARAM]`."""
    load_seconds: float = 3.0
    """How long a cold model takes to load."""
    loaded: bool = True
    """Whether the first model is in memory from the start."""
    slots: int = 1
    """Requests that run at once (`OLLAMA_NUM_PARALLEL`)."""
    keep_alive_seconds: float = 300.0
    """How long an idle model stays in memory; below 0 for ever."""
    library: Library = Library()
    per_request_metrics: bool = False
    """Whether a chat's usage tells how long the engine took for it (vLLM `--enable-per-request-metrics`)."""
    remembered_chats: int = 4096
    """How many chats the ground truth remembers."""

    def __post_init__(self) -> None:
        if not self.models:
            raise ValueError("an engine needs at least one model")
        if self.answer_tokens < 1 or self.slots < 1 or self.remembered_chats < 1:
            raise ValueError("answer_tokens, slots and remembered_chats must be at least 1")
        if self.load_seconds < 0:
            raise ValueError("load_seconds must not be below 0")
        unknown = sorted(set(self.library.names()) - set(self.models))
        if unknown:
            raise ValueError(f"no such model: {', '.join(unknown)}; the models are {', '.join(self.models)}")

    def of_slots(self, context_tokens: int | None = None) -> Capacity:
        """The capacity of an engine whose slots have a context each, and whose cache matches token by token."""
        context = context_tokens or self.capacity.context_tokens
        return Capacity(max_batch=self.slots, kv_blocks=self.slots * context, block_tokens=1, context_tokens=context)
