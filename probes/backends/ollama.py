"""Ollama, by its own API."""

from __future__ import annotations

import re
from datetime import datetime

from probes.ask import Ask
from probes.backends.base import Event, FrameError, Framing, Refusal
from probes.backends.complaint import complaint
from probes.backends.fields import JsonObject, as_object, count, names, parse, seconds
from probes.backends.finish import broken_off, finish
from probes.backends.refusal import by_status, in_stream
from probes.backends.said import said
from probes.backends.turns import headed_turns
from probes.failure import Reason
from probes.record import Native

_RFC3339 = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?(Z|[+-][0-9]{2}:[0-9]{2})")
_NANOSECONDS = 1e9


class Ollama:
    """Ollama's `/api/chat`: a JSON object a line, each with the server's own time, the last with `done` and the engine's durations.

    Nothing is sent that would load, reload or pin a model for others: no load-time option (`num_ctx` and its like), no `keep_alive`.
    """

    name = "ollama"
    title = "Ollama"
    path = "/api/chat"
    framing: Framing = "ndjson"
    content_type = "application/x-ndjson"
    models_path = "/api/tags"
    marker = re.compile(rb'"done"\s*:\s*true')
    unknown_path = b"404 page not found"

    def body(self, ask: Ask) -> dict[str, object]:
        return {
            "model": ask.model,
            "messages": headed_turns(ask),
            "stream": True,
            # Without it a model that can think does; `false` is accepted by every model.
            "think": ask.thinking,
            "options": {"num_predict": ask.max_tokens, "temperature": 0, "seed": ask.seed},
        }

    def read(self, frame: bytes) -> Event:
        line = parse(frame)
        found = complaint(line)
        if found is not None:
            return Event(refusal=in_stream(found))
        line = as_object(line, "the frame")
        done = line.get("done")
        if type(done) is not bool:
            raise FrameError("done is neither true nor false")
        message = line.get("message")
        text, reasoning, tools = said({} if message is None and done else as_object(message, "message"))
        event = Event(text=text, reasoning=reasoning, tool_text=tools, created_ns=_instant_ns(line.get("created_at")))
        if not done:
            return event
        finish_reason = finish(line.get("done_reason"))
        return event._replace(
            finish_reason=finish_reason,
            output_tokens=count(line, "eval_count"),
            input_tokens=count(line, "prompt_eval_count"),
            native=_durations(line),
            refusal=broken_off(finish_reason),
            done=True,
        )

    def refuse(self, status: int, body: bytes) -> Refusal:
        """An empty 403 is its check of the `Host` header (`routes.go::allowedHostsMiddleware`)."""
        if status == 403 and not body:
            return Refusal(Reason.REJECTED, "HTTP 403, empty body: the Host header is not one that this Ollama accepts")
        return by_status(status, body)

    def is_own(self, answer: object) -> bool:
        return isinstance(answer, dict) and {"model", "created_at", "done"} <= answer.keys()

    def models(self, body: bytes) -> tuple[str, ...]:
        return names(body, "models", "name")


def loaded_models(body: bytes) -> tuple[str, ...]:
    """The names of the models that are in memory, from the answer of `/api/ps`; one that still loads is not among them. Raises `FrameError`."""
    return names(body, "models", "name")


def with_tag(model: str) -> str:
    """A model's full name: `:latest` is meant where no tag is given, so that names are compared by this."""
    # A colon before the last slash is a registry's port.
    return model if ":" in model.rpartition("/")[2] else f"{model}:latest"


def _durations(line: JsonObject) -> Native:
    """`load_duration` has the wait for a runner in it, so that it is a few milliseconds for a loaded model too (Ollama `api/types.go::Metrics`)."""
    return Native(
        load_seconds=seconds(line, "load_duration", _NANOSECONDS),
        prefill_seconds=seconds(line, "prompt_eval_duration", _NANOSECONDS),
        decode_seconds=seconds(line, "eval_duration", _NANOSECONDS),
        total_seconds=seconds(line, "total_duration", _NANOSECONDS),
    )


def _instant_ns(stamp: object) -> int | None:
    """Nanoseconds since the epoch of an RFC 3339 time; Go leaves trailing zeros of the fraction out. None for anything else."""
    match = _RFC3339.fullmatch(stamp) if isinstance(stamp, str) else None
    if match is None:
        return None
    instant, fraction, offset = match.groups(default="")
    try:
        whole = int(datetime.fromisoformat(instant + offset).timestamp())
    except ValueError:
        return None
    return whole * 1_000_000_000 + int(fraction.ljust(9, "0"))
