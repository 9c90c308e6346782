"""The chat form that OpenAI began: JSON out, server-sent events in. Engines speak dialects of it."""

from __future__ import annotations

import re

from probes.ask import Ask
from probes.backends.base import DONE, Event, Framing, Refusal
from probes.backends.complaint import Complaint, complaint
from probes.backends.fields import JsonObject, as_list, as_object, parse
from probes.backends.finish import broken_off, finish
from probes.backends.refusal import by_status, in_stream
from probes.backends.said import said_in
from probes.backends.turns import headed_turns
from probes.backends.usage import cached_tokens, counted_tokens, input_tokens, output_tokens, reasoning_tokens, usage_in
from probes.own_account import Native

_DONE = Event(done=True)


class OpenAiChat:
    """What the dialects have in common. The terminal marker is `[DONE]`."""

    path = "/v1/chat/completions"
    framing: Framing = "sse"
    content_type = "text/event-stream"
    marker: re.Pattern[bytes] = DONE
    varying: tuple[str, ...] = ("id", "created", "content", "reasoning", "reasoning_content", "completion_tokens", "total_tokens", "obfuscation")
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
        if not frame.startswith(b"{") and self.marker.match(frame.lstrip(b' \t\r\n"')):
            return _DONE
        chunk = parse(frame)
        found = complaint(chunk)
        if found is not None:
            return Event(refusal=self._broken(found))
        chunk = as_object(chunk, "the frame")
        choices = chunk.get("choices")
        usage = self._usage(chunk)
        if not choices:
            # gateways write `null`, or nothing, where OpenAI has an empty list
            return Event(
                output_tokens=output_tokens(usage),
                input_tokens=input_tokens(usage),
                reasoning_tokens=reasoning_tokens(usage),
                native=self._native(chunk, usage),
            )
        return self._choices_event(as_list(choices, "choices"), usage, chunk)

    def _choices_event(self, choices: list[object], usage: JsonObject, chunk: JsonObject) -> Event:
        for choice in choices:
            broken = self._broken_choice(as_object(choice, "a choice"))
            if broken is not None:
                return Event(refusal=broken)
        choice = as_object(choices[0], "a choice")
        text, reasoning, tools = said_in(as_object(choice.get("delta") or {}, "delta"))
        finish_reason = finish(choice.get("finish_reason"))
        event = Event(
            text,
            reasoning,
            tools,
            is_token=self.every_event_is_a_token and finish_reason is None,
            running_tokens=counted_tokens(usage),
            input_tokens=input_tokens(usage),
            reasoning_tokens=reasoning_tokens(usage),
            native=self._native(chunk, usage),
        )
        if finish_reason is None:
            return event
        # Some servers put the total on the finish chunk and send no chunk of usage alone.
        return event._replace(finish_reason=finish_reason, output_tokens=output_tokens(usage), refusal=broken_off(finish_reason))

    def _broken_choice(self, choice: JsonObject) -> Refusal | None:
        """An error in a choice, or in its delta (OpenRouter)."""
        delta = choice.get("delta")
        error = choice.get("error") or (delta.get("error") if isinstance(delta, dict) else None)
        if not error:
            return None
        found = complaint({"error": error})
        return None if found is None else self._broken(found)

    def _usage(self, chunk: JsonObject) -> JsonObject:
        """The counts of a chunk, under OpenAI's names; empty where it has none."""
        return usage_in(chunk)

    def _native(self, chunk: JsonObject, usage: JsonObject) -> Native | None:
        """What the engine says of this chat besides."""
        cached = cached_tokens(usage)
        return None if cached is None else Native(cached_tokens=cached)

    def _broken(self, found: Complaint) -> Refusal:
        """The refusal in an error after the 200."""
        return in_stream(found)

    def refuse(self, status: int, body: bytes) -> Refusal:
        return by_status(status, body)
