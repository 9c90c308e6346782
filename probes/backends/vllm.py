"""vLLM."""

from __future__ import annotations

from probes.ask import UNKNOWN_MODEL, Ask
from probes.backends.fields import JsonObject, seconds
from probes.backends.openai_chat import OpenAiChat
from probes.backends.turns import turns
from probes.record import Native


class Vllm(OpenAiChat):
    """vLLM: the running usage on every chunk counts the tokens that text does not show.

    The first chunk bears the role alone (vLLM `chat_completion/serving.py::chat_completion_stream_generator`); one chunk may bear several tokens, or
    none that can be seen: half a character, the end of the sequence. Errors after the 200 are events, and `[DONE]` follows them too.
    """

    name = "vllm"
    title = "vLLM"
    unknown_path = b'{"detail":"Not Found"}'

    def body(self, ask: Ask) -> dict[str, object]:
        body = super().body(ask)
        if ask.model == UNKNOWN_MODEL:
            # without a name the base model answers (vLLM `serve/engine/serving.py::_is_model_supported`); by this one none would
            del body["model"]
        body["messages"] = turns(ask)
        body["stream_options"] = {"include_usage": True, "continuous_usage_stats": True}
        body["chat_template_kwargs"] = {"enable_thinking": ask.thinking}
        if ask.nonce is not None:
            # Mixed into the hash of the prompt's first block: keeps the prefix cache out without a changed prompt.
            body["cache_salt"] = ask.nonce
        if ask.exact_length:
            # `min_tokens` also holds off the stop tokens that a model's own defaults may bring.
            body["ignore_eos"] = True
            body["min_tokens"] = ask.max_tokens
        return body

    def is_own(self, answer: object) -> bool:
        """Its errors have the name of a class as their type and a number as their code, up to 0.10 without an `error`
        around them.
        """
        error = answer.get("error", answer) if isinstance(answer, dict) else None
        return isinstance(error, dict) and str(error.get("type")).endswith("Error") and type(error.get("code")) is int and "param" in error

    def _native(self, chunk: JsonObject) -> Native | None:
        """`metrics` of a server with `--enable-per-request-metrics`; its time to first token begins when the request leaves the queue."""
        metrics = chunk.get("metrics")
        if not isinstance(metrics, dict):
            return None
        return Native(
            queue_seconds=seconds(metrics, "queue_time_ms", 1e3),
            prefill_seconds=seconds(metrics, "time_to_first_token_ms", 1e3),
            decode_seconds=seconds(metrics, "generation_time_ms", 1e3),
        )
