"""llama.cpp's server, `llama-server`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from probes.ask import Ask
from probes.backends.backend import Backend
from probes.backends.base import FrameError, WireForm
from probes.backends.fields import JsonObject, count, length, only_name, parse_object, proper_name, seconds
from probes.backends.knobs import Knobs
from probes.backends.listing import listed_models
from probes.backends.openai_chat import OpenAiChat
from probes.backends.settings import Settings
from probes.backends.trail import Trail
from probes.numbers.number import Number
from probes.numbers.own_metrics import Derived, OwnMetrics, Series, Sum, Told
from probes.numbers.page import Page, total
from probes.own_account import Native


class LlamacppChat(OpenAiChat):
    """llama.cpp's chat form: its own times come with each chunk, and in them the tokens until then.

    They count what text does not show, like half a character. The first chunk bears the role alone, the last one the
    times of the whole chat. An error before the first token has a status; one after it is an event, and ends the stream
    without `[DONE]` (llama.cpp `tools/server/server-context.cpp::handle_completions_impl`).
    """

    varying: tuple[str, ...] = ()

    def body(self, ask: Ask) -> dict[str, object]:
        body = super().body(ask)
        body["timings_per_token"] = True
        body["chat_template_kwargs"] = {"enable_thinking": ask.thinking}
        if ask.nonce is not None:
            # With `--cache-reuse` a server looks for pieces of the prompt behind the nonce too. What begins alike it still finds.
            body["n_cache_reuse"] = 0
        if ask.exact_length:
            body["ignore_eos"] = True
        return body

    def _usage(self, chunk: JsonObject) -> JsonObject:
        """Where there is no usage, the count of its own times."""
        timings = chunk.get("timings")
        if chunk.get("usage") is None and isinstance(timings, dict):
            return {"completion_tokens": timings.get("predicted_n")}
        return super()._usage(chunk)

    def _native(self, chunk: JsonObject, usage: JsonObject) -> Native | None:
        return own_times(chunk) or super()._native(chunk, usage)


def own_times(chunk: JsonObject) -> Native | None:
    """The `timings` of a chunk, where it has them: they begin when the chat is given a slot (llama.cpp
    `server-common.cpp::server_slot_stats`).
    """
    timings = chunk.get("timings")
    if not isinstance(timings, dict):
        return None
    return Native(
        prefill_seconds=seconds(timings, "prompt_ms", 1e3),
        decode_seconds=seconds(timings, "predicted_ms", 1e3),
        cached_tokens=count(timings, "cache_n"),
    )


_COMPUTED, _CACHED = "llamacpp:prompt_tokens_total", "llamacpp:prompt_tokens_cached_total"


def _prompt_tokens(page: Page) -> float | None:
    """Builds that do not count what they find in the cache tell a part only."""
    return total((*page.samples(_COMPUTED), *page.samples(_CACHED))) if page.samples(_CACHED) else None


METRICS = OwnMetrics(
    prefixes=("llamacpp:",),
    usual=Series(used=15, whole=15),
    numbers=(
        Told(Number.REQUESTS_RUNNING, Sum("llamacpp:requests_processing"), "requests_processing, those that have a slot."),
        Told(Number.REQUESTS_WAITING, Sum("llamacpp:requests_deferred"), "requests_deferred, those that wait for a slot."),
        Told(Number.KV_CACHE_USAGE, Sum("llamacpp:kv_cache_usage_ratio"), "kv_cache_usage_ratio, of builds until May 2025 only."),
        Told(Number.PREFIX_CACHE_HITS, Sum(_CACHED), "prompt_tokens_cached, when a prompt is begun."),
        Told(Number.PREFIX_CACHE_QUERIES, Derived(_prompt_tokens, _COMPUTED, _CACHED), "all prompt tokens of builds that count the cached ones."),
        Told(
            Number.PROMPT_TOKENS,
            Derived(_prompt_tokens, _COMPUTED, _CACHED),
            "as they are worked on; of builds that count the cached ones. In steps from a million on.",
        ),
        Told(Number.GENERATION_TOKENS, Sum("llamacpp:tokens_predicted_total"), "when a request ends. In steps from a million on."),
        Told(Number.SPEC_DECODE_DRAFTS, Sum("llamacpp:spec_decode_num_drafts_total"), "spec_decode_num_drafts."),
        Told(Number.SPEC_DECODE_DRAFT_TOKENS, Sum("llamacpp:spec_decode_num_draft_tokens_total"), "spec_decode_num_draft_tokens."),
        Told(Number.SPEC_DECODE_ACCEPTED_TOKENS, Sum("llamacpp:spec_decode_num_accepted_tokens_total"), "spec_decode_num_accepted_tokens."),
    ),
)
"""Of builds 5129 to 11549. Names and meanings: llama.cpp `tools/server/server-task.cpp::server_task_result_metrics::to_metrics`.

It serves them with `--metrics`, and asks for its API key. Numbers are written with six digits, so that a counter above a
million moves in steps of 10, above ten million of 100.
"""


class Llamacpp(Backend):
    """llama.cpp, by the OpenAI-compatible API of its server."""

    name = "llamacpp"
    title = "llama.cpp"
    forms: ClassVar[Mapping[str, WireForm]] = {"chat": LlamacppChat()}
    colour = "yellow"
    exact_length = True
    thinking = True
    ignores_names = True
    metrics = METRICS
    trail = Trail(log="by time and client: lines with `POST /v1/chat/completions`")
    knobs = Knobs(batch="--parallel", cache="--ctx-size", prefill="--ubatch-size")
    """llama.cpp `common/arg.cpp`. Without a unified cache its slots share `--ctx-size`: with more slots each has less of it."""
    settings = Settings(path="/props", keys=("total_slots", "default_generation_settings.n_ctx"))
    """llama.cpp `tools/server/README.md`, `GET /props`."""
    usual_ports = (8080,)
    # llama-cpp is a part of the name of another server, that of llama-cpp-python
    aliases = ("llama.cpp", "llama-server")
    recognised_at = "/v1/models"
    version_path = "/props"
    longest_chat_path = "/props"

    def recognise(self, body: bytes) -> None:
        """It owns its models."""
        if not any(entry.get("owned_by") == "llamacpp" for entry in listed_models(body)):
            raise FrameError("lists no model of llama.cpp's")

    def own_form(self, answer: object) -> str | None:
        """Its chunks have its times; its errors have a number as their code, a type like `server_error`, and no `param`."""
        if not isinstance(answer, dict):
            return None
        if isinstance(answer.get("timings"), dict) and "predicted_n" in answer["timings"]:
            return "chat"
        error = answer.get("error")
        if not isinstance(error, dict) or "param" in error:
            return None
        return "chat" if str(error.get("type")).endswith("_error") and type(error.get("code")) is int else None

    def version(self, body: bytes) -> str:
        """`build_info`, like `b6751-01d2bdc2`."""
        build = parse_object(body).get("build_info")
        if not isinstance(build, str) or not proper_name(build):
            raise FrameError("names no build")
        return build

    def answering(self, model: str, body: bytes) -> str:
        """Its only one, under whatever name (llama.cpp `tools/server/server-context.cpp`: `oaicompat_model` is its own `model_name`).

        As a router it has a `status` with each, and refuses what it does not have (`server-models.cpp`).
        """
        listed = listed_models(body)
        if len(listed) != 1 or "status" in listed[0]:
            return model
        aliases = listed[0].get("aliases")
        known = isinstance(aliases, list) and model in aliases
        return model if known else only_name(self.models(body), model)

    def longest_chat(self, body: bytes, model: str) -> int | None:
        """The context of one slot."""
        settings = parse_object(body).get("default_generation_settings")
        return length(settings, "n_ctx") if isinstance(settings, dict) else None
