"""Ollama, by its own API."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import ClassVar

from probes.ask import Ask
from probes.backends.backend import Backend
from probes.backends.base import Event, Framing, Refusal, WireForm
from probes.backends.complaint import complaint
from probes.backends.fields import JsonObject, as_object, count, parse, seconds
from probes.backends.finish import broken_off, finish
from probes.backends.knobs import Knobs
from probes.backends.ollama_models import ask_details, details, full_name, is_cloud_name, listed, loaded
from probes.backends.refusal import by_status, in_stream
from probes.backends.repeats import Repeats
from probes.backends.said import said_in
from probes.backends.settings import Settings
from probes.backends.trail import Trail
from probes.backends.turns import headed_turns
from probes.failure import Reason
from probes.numbers.histogram import is_amount
from probes.numbers.loaded import Details, LoadRequest, OnDemand
from probes.numbers.number import Number
from probes.numbers.of_chats import OfChats
from probes.own_account import Native
from probes.record import ChatRecord

_RFC3339 = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?(Z|[+-][0-9]{2}:[0-9]{2})")
_NANOSECONDS = 1e9


class OllamaChat:
    """Ollama's `/api/chat`: one JSON object a line, each with the server's own time.

    The last has `done`, and the engine's durations. Nothing is sent that would load, reload or pin a model for others:
    no `keep_alive`, and no load-time option but `num_ctx` as the model in memory has it. Without that it would mean the
    server's default, and load the model anew where others chat with another one (`server/sched.go::needsReload`).
    """

    path = "/api/chat"
    framing: Framing = "ndjson"
    content_type = "application/x-ndjson"
    marker = re.compile(rb'"done"\s*:\s*true')
    varying: tuple[str, ...] = ()

    def body(self, ask: Ask) -> dict[str, object]:
        options: dict[str, object] = {"num_predict": ask.max_tokens, "temperature": 0, "seed": ask.seed}
        if ask.context_tokens is not None:
            options["num_ctx"] = ask.context_tokens
        return {
            "model": ask.model,
            "messages": headed_turns(ask),
            "stream": True,
            # Without it a model that can think does; `false` is accepted by every model.
            "think": ask.thinking,
            # Without it a prompt that does not fit is cut without a word; known since 0.12.11, earlier ones pass over it.
            "truncate": False,
            "options": options,
        }

    def read(self, frame: bytes) -> Event:
        line = parse(frame)
        found = complaint(line)
        if found is not None:
            return Event(refusal=in_stream(found))
        line = as_object(line, "the frame")
        done = line.get("done") is True
        message = line.get("message")
        text, reasoning, tools = said_in({} if message is None and done else as_object(message, "message"))
        event = Event(text=text, reasoning=reasoning, tool_text=tools, created_ns=_instant_ns(line.get("created_at")))
        finish_reason = finish(line.get("done_reason"))
        if not done and finish_reason is None:
            return event
        return event._replace(
            finish_reason=finish_reason,
            output_tokens=count(line, "eval_count"),
            input_tokens=count(line, "prompt_eval_count"),
            native=_durations(line),
            refusal=broken_off(finish_reason),
            done=done,
        )

    def refuse(self, status: int, body: bytes) -> Refusal:
        """An empty 403 is its check of the `Host` header (`routes.go::allowedHostsMiddleware`)."""
        if status == 403 and not body:
            return Refusal(Reason.REJECTED, "HTTP 403, empty body: the Host header is not one that this Ollama accepts")
        return by_status(status, body)


def _durations(line: JsonObject) -> Native:
    """The engine's own durations of a chat (Ollama `api/types.go::Metrics`).

    `load_duration` includes the wait for a runner, so it is a few milliseconds even for a loaded model.
    """
    load, prefill, decode, total = (_duration(line, part) for part in ("load", "prompt_eval", "eval", "total"))
    return Native(
        load_seconds=load,
        queue_seconds=_waited(total, load, prefill, decode if "eval_duration" in line else 0.0),
        prefill_seconds=prefill,
        decode_seconds=decode,
        total_seconds=total,
    )


def _duration(line: JsonObject, part: str) -> float | None:
    return seconds(line, f"{part}_duration", _NANOSECONDS)


def _waited(total: float | None, *parts: float | None) -> float | None:
    """How long the chat waited for a slot, which has no field (Ollama `llm/llama_server.go`, `sem.Acquire`): what the
    parts leave of the whole. The chat template is in it, and Ollama's own overhead, which are some milliseconds.
    """
    known = [part for part in parts if part is not None]
    return max(0.0, total - sum(known)) if total is not None and len(known) == len(parts) else None


def _instant_ns(stamp: object) -> int | None:
    """Nanoseconds since the epoch of an RFC 3339 time, whose fraction Go writes without trailing zeros.

    None for anything else.
    """
    match = _RFC3339.fullmatch(stamp) if isinstance(stamp, str) else None
    if match is None:
        return None
    instant, fraction, offset = match.groups(default="")
    try:
        whole = int(datetime.fromisoformat(instant + offset).timestamp())
    except ValueError:
        return None
    return whole * 1_000_000_000 + int(fraction.ljust(9, "0"))


def said(record: ChatRecord) -> Iterator[tuple[Number, float]]:
    """What the engine said of one chat. Counters add it, histograms observe it.

    Tokens are told only if the engine counted them itself.
    """
    told = record.native
    counted = record.output_tokens if record.token_source == "usage" else None
    found: list[tuple[Number, float | None]] = [
        (Number.PROMPT_TOKENS, record.input_tokens),
        (Number.GENERATION_TOKENS, counted),
        (Number.E2E, told.total_seconds),
        (Number.TTFT, told.first_token_seconds),
        (Number.QUEUE, told.queue_seconds),
        (Number.PREFILL, told.prefill_seconds),
        (Number.DECODE, told.decode_seconds),
        (Number.LOAD, told.load_seconds),
        *((Number.ITL, gap) for gap in told.server_gaps_seconds or ()),
    ]
    if counted is not None and counted > 1 and told.decode_seconds is not None:
        found.append((Number.TPOT, told.decode_seconds / (counted - 1)))
    yield from ((number, value) for number, value in found if value is not None and is_amount(value))


ON_DEMAND = OnDemand(
    path="/api/ps",
    read=loaded,
    listed=listed,
    details=Details("/api/show", ask_details, details),
    elsewhere=is_cloud_name,
    # unless OLLAMA_KEEP_ALIVE says otherwise
    keep_alive_seconds=300,
    helps={
        Number.MODEL_MEMORY: "every model that is loaded, others than the target's by the name that it gives them.",
        Number.MODEL_VRAM: "every model that is loaded.",
        Number.MODEL_EXPIRY: "every model that is loaded.",
        Number.CONTEXT_TOKENS: "every model that is loaded.",
    },
    reloaded_by=("keep_alive", "options", "shift"),
    loads_above_seconds=0.2,
    load=LoadRequest(OllamaChat.path, lambda model: {"model": model, "messages": [], "stream": False}),
)
"""Meanings: Ollama `server/routes.go::PsHandler`.

`load_duration` of 0.33 was at most 7 ms for a loaded model on a busy machine, 23 ms with three busy programs a core, and
134 ms with eight a core and eight chats at once. A model of 18 MB that was loaded anew took at least 258 ms, and 838 ms
in the last case. Larger ones take longer.

A chat without messages only loads the model (`server/routes.go::ChatHandler`). A load ends with its client, so it needs
more patience than a chat has (`llm/llama_server.go::WaitUntilRunning`).
"""

OF_CHATS = OfChats(
    read=said,
    helps={
        Number.PROMPT_TOKENS: "when they end, of chatprobe's own chats only.",
        Number.GENERATION_TOKENS: "of chatprobe's own chats only, when they end.",
        Number.TTFT: "total_duration without eval_duration, of chatprobe's own chats only.",
        Number.ITL: "between its own stamps of consecutive pieces of an answer, of chatprobe's own chats only.",
        Number.TPOT: "derived, eval_duration / (eval_count - 1), of chatprobe's own chats only.",
        Number.E2E: "total_duration, loading included, of chatprobe's own chats only.",
        Number.QUEUE: "what load_duration, prompt_eval_duration and eval_duration leave of total_duration: the wait for a slot "
        "(OLLAMA_NUM_PARALLEL), with the chat template; of chatprobe's own chats only.",
        Number.PREFILL: "prompt_eval_duration, the part that was not cached, of chatprobe's own chats only.",
        Number.DECODE: "eval_duration, of chatprobe's own chats only.",
        Number.LOAD: "load_duration, a few milliseconds for a loaded model, waiting for others to be unloaded included; "
        "of chatprobe's own chats only.",
    },
)
"""It has no metrics: its numbers are what the last object of each answer says of that chat. Meanings: Ollama `api/types.go::Metrics`."""


REPEATS = Repeats("Ollama", limit=30)
"""Ollama `llm/llama_server.go::Completion`: the body ends properly, with neither `done` nor an error. On `/v1` too."""


class Ollama(Backend):
    """Ollama, by its own API. It loads a model when a chat asks for it, and unloads others where memory is short."""

    name = "ollama"
    title = "Ollama"
    forms: ClassVar[Mapping[str, WireForm]] = {"chat": OllamaChat()}
    colour = "orange"
    thinking = True
    repeats = REPEATS
    on_demand = ON_DEMAND
    of_chats = OF_CHATS
    own_ttft = "`request`: total_duration without eval_duration, from its handler on, the wait for a slot included."
    trail = Trail(
        log="by time and client: lines that begin with `[GIN]`, and those of its runner around them; `OLLAMA_DEBUG=1` says more",
    )
    """Ollama `server/routes.go::GenerateRoutes`: the access log is that of gin."""
    knobs = Knobs(batch="OLLAMA_NUM_PARALLEL", queue="OLLAMA_MAX_QUEUE", keep="OLLAMA_KEEP_ALIVE")
    """Ollama `envconfig/config.go`: it answers one chat at a time unless told otherwise, and each slot takes a context's memory."""
    settings = Settings(path="/api/show", keys=("details.family", "details.parameter_size", "details.quantization_level"), ask=ask_details)
    """Ollama `api/types.go::ShowResponse`: of the server itself it tells nothing, and of the model how it was quantised."""
    usual_ports = (11434,)
    recognised_at = "/api/version"
    version_path = "/api/version"
    health_path = "/api/ps"
    models_path = "/api/tags"
    unknown_path = b"404 page not found"

    def models(self, body: bytes) -> tuple[str, ...]:
        return tuple(model.name for model in listed(body))

    def own_form(self, answer: object) -> str | None:
        return "chat" if isinstance(answer, dict) and {"model", "created_at", "done"} <= answer.keys() else None

    def model_key(self, model: str) -> str:
        return full_name(model)
