"""The chat form that OpenAI began and the engines speak, each in its own dialect: JSON out, server-sent events in."""

from __future__ import annotations

import orjson

from probes.ask import Ask
from probes.backends.base import Event, FrameError, Framing, Refusal
from probes.backends.fields import JsonObject, as_list, as_object, count, parse_object, text, tool_text
from probes.backends.refusal import by_status, in_stream
from probes.backends.turns import headed_turns
from probes.record import Native

_DONE = Event(done=True)

_OVERLOAD_CODES = (429, 503, "429", "503", "rate_limit_exceeded")
_FAILED_FINISHES = ("abort", "error")


class OpenAiChat:
    """What the dialects have in common. The terminal marker is `[DONE]`."""

    path = "/v1/chat/completions"
    framing: Framing = "sse"
    content_type = "text/event-stream"
    marker = b"[DONE]"
    every_event_is_a_token = False
    """Whether each event with choices is one token, with text or without it, until the one that finishes."""

    def body(self, ask: Ask) -> dict[str, object]:
        return {
            "model": ask.model,
            "messages": headed_turns(ask),
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": ask.max_tokens,
            "temperature": 0,
            "seed": ask.seed,
        }

    def read(self, frame: bytes) -> Event:
        if frame == self.marker:
            return _DONE
        chunk = parse_object(frame)
        if chunk.get("error") is not None:
            return Event(refusal=self._error_event(chunk["error"]))
        choices = as_list(chunk.get("choices"), "choices")
        usage = chunk.get("usage")
        output_tokens = input_tokens = None
        if usage is not None:
            usage = as_object(usage, "usage")
            output_tokens, input_tokens = count(usage, "completion_tokens"), count(usage, "prompt_tokens")
        if not choices:
            return Event(output_tokens=output_tokens, input_tokens=input_tokens, native=self._native(chunk))
        return self._choice_event(as_object(choices[0], "a choice"), output_tokens, input_tokens)

    def _choice_event(self, choice: JsonObject, running_tokens: int | None, input_tokens: int | None) -> Event:
        delta = choice.get("delta")
        if delta is None:
            delta = {}
        elif not isinstance(delta, dict):
            raise FrameError("delta is not an object")
        finish_reason = text(choice, "finish_reason") or None
        return Event(
            text=text(delta, "content"),
            reasoning=text(delta, "reasoning") or text(delta, "reasoning_content"),
            tool_text=tool_text(delta.get("tool_calls")),
            is_token=self.every_event_is_a_token and finish_reason is None,
            running_tokens=running_tokens,
            # Some servers put the total on the finish chunk and send no chunk of usage alone.
            output_tokens=running_tokens if finish_reason else None,
            input_tokens=input_tokens,
            finish_reason=finish_reason,
            refusal=in_stream(f"finish_reason {finish_reason}") if finish_reason in _FAILED_FINISHES else None,
        )

    def _native(self, chunk: JsonObject) -> Native | None:
        """What the engine says of its own timing on the chunk that has no choices."""
        return None

    def _error_event(self, error: object) -> Refusal:
        """The refusal in an event's `error`, which is an object with a message, or the message itself."""
        return in_stream(error_words(error), overloaded=isinstance(error, dict) and error.get("code") in _OVERLOAD_CODES)

    def refuse(self, status: int, body: bytes) -> Refusal:
        return by_status(status, self._own_words(body), body)

    def _own_words(self, body: bytes) -> str | None:
        """The message of an error body: `{"error": {"message": …}}`, or `{"error": "…"}` as vLLM's middlewares write it."""
        try:
            error = parse_object(body).get("error")
        except FrameError:
            return None
        return error_words(error) if isinstance(error, dict | str) else None


def error_words(error: object) -> str:
    """The message of an error, whatever its form."""
    if isinstance(error, dict) and isinstance(error.get("message"), str):
        return str(error["message"])
    return error if isinstance(error, str) else orjson.dumps(error).decode()
