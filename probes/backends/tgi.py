"""Text Generation Inference (TGI)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from probes.ask import Ask
from probes.backends.backend import Backend
from probes.backends.base import Event, FrameError, Framing, Refusal, WireForm
from probes.backends.fields import as_object, count, length, parse_object, text
from probes.backends.openai_chat import OpenAiChat, error_words
from probes.backends.refusal import by_status, in_stream
from probes.backends.turns import headed_turns
from probes.failure import Reason
from probes.numbers.number import Number
from probes.numbers.own_metrics import Derived, Distribution, OwnMetrics, Sum, Told
from probes.numbers.page import Page, label, total

_OVERLOADED = "Model is overloaded"
"""TGI `infer/mod.rs::InferError::Overloaded`; inside a chat's stream every error has the code 422, so the words must tell."""


def _refuse(status: int, body: bytes) -> Refusal:
    """TGI's own error form is `{"error": "…", "error_type": "…"}`; 424 is its failed generation."""
    try:
        error = parse_object(body)
        kind, words = text(error, "error_type"), text(error, "error")
    except FrameError:
        kind = words = ""
    found = by_status(status, words if kind else None, body)
    if kind == "overloaded":
        return Refusal(Reason.OVERLOADED, found.detail)
    return Refusal(Reason.SERVER_ERROR, found.detail) if status == 424 else found


class TgiChat(OpenAiChat):
    """TGI's chat form: one event a token, the role on every one; the 200 comes before validation, so that errors arrive as events."""

    every_event_is_a_token = True

    def body(self, ask: Ask) -> dict[str, object]:
        # Any other name is taken for a LoRA adapter's, and one that is unknown is silently answered by the base model.
        return super().body(ask) | {"model": "tgi"}

    def _error_event(self, error: object) -> Refusal:
        words = error_words(error)
        return in_stream(words, overloaded=_OVERLOADED in words)

    def refuse(self, status: int, body: bytes) -> Refusal:
        return _refuse(status, body)


class TgiGenerate:
    """TGI's own `/generate_stream`: one event a token; the last, with the whole text on it, is the terminal marker: no `[DONE]` comes."""

    path = "/generate_stream"
    framing: Framing = "sse"
    content_type = "text/event-stream"
    marker = b'"generated_text":"'

    def body(self, ask: Ask) -> dict[str, object]:
        return {
            "inputs": _transcript(ask),
            # `details` brings the finish reason and the counts; a temperature of 0 is refused here, greedy is the absence of sampling.
            "parameters": {"max_new_tokens": ask.max_tokens, "do_sample": False, "details": True, "seed": ask.seed},
        }

    def read(self, frame: bytes) -> Event:
        event = parse_object(frame)
        error = event.get("error")
        if error is not None:
            return Event(refusal=in_stream(error_words(error), overloaded=event.get("error_type") == "overloaded"))
        token = as_object(event.get("token"), "token")
        # The end of the sequence is a token with a name, such as `</s>`, that is no text of the answer.
        said = "" if token.get("special") is True else text(token, "text")
        if event.get("generated_text") is None:
            return Event(text=said, is_token=True)
        text(event, "generated_text")
        details = as_object(event["details"], "details") if event.get("details") is not None else {}
        return Event(
            text=said,
            finish_reason=text(details, "finish_reason") or None,
            output_tokens=count(details, "generated_tokens"),
            input_tokens=count(details, "input_length"),
            done=True,
        )

    def refuse(self, status: int, body: bytes) -> Refusal:
        return _refuse(status, body)


def _transcript(ask: Ask) -> str:
    """The conversation as one text: a single message as it stands, several with their roles, as no chat template is applied here."""
    messages = headed_turns(ask)
    if len(messages) == 1:
        return messages[0]["content"]
    return "".join(f"{message['role'].capitalize()}: {message['content']}\n\n" for message in messages) + "Assistant:"


def _observed(name: str) -> Derived:
    """The sum of a histogram's observations."""

    def read(page: Page) -> float | None:
        if not page.begins(name):
            return 0.0
        histogram = page.histogram(name)
        return None if histogram is None else histogram.total

    return Derived(read, name)


_SUCCEEDED, _FAILED = "tgi_request_success", "tgi_request_failure"


def _failures(wanted: Callable[[str], bool]) -> Derived:
    """Requests that failed, of those kinds."""
    return Derived(lambda page: total(sample for sample in page.samples(_FAILED) if wanted(label(sample, "err"))), _FAILED)


_REJECTED = "overloaded"
_NO_FAILURE = (_REJECTED, "validation", "template", "dropped")
"""Neither what it rejected nor what the client did."""

METRICS = OwnMetrics(
    prefixes=("tgi_",),
    begin_late=True,
    numbers=(
        Told(Number.REQUESTS_RUNNING, Sum("tgi_batch_current_size"), "the current batch, 0 during the first prefill of an idle server."),
        Told(Number.REQUESTS_WAITING, Sum("tgi_queue_size"), "the router's queue."),
        Told(
            Number.PROMPT_TOKENS,
            _observed("tgi_request_input_length"),
            "derived from a histogram's sum, when a request is validated, and again for each 1,024 tokens of its answer.",
        ),
        Told(
            Number.GENERATION_TOKENS,
            _observed("tgi_request_generated_tokens"),
            "derived from a histogram's sum, when a request ends, successes only.",
        ),
        Told(Number.REQUESTS_SUCCEEDED, Derived(lambda page: total(page.samples(_SUCCEEDED)), _SUCCEEDED), "request_success."),
        Told(
            Number.REQUESTS_FAILED,
            _failures(lambda err: err not in _NO_FAILURE),
            "request_failure, but for the err overloaded, validation, template and dropped.",
        ),
        Told(Number.REQUESTS_REJECTED, _failures(lambda err: err == _REJECTED), "request_failure with the err overloaded."),
        Told(
            Number.ITL,
            Distribution("tgi_batch_inference_duration", label=("method", "decode")),
            "each decode call of the batch once, however many requests are in it.",
        ),
        Told(Number.E2E, Distribution("tgi_request_duration"), "successes only."),
        Told(
            Number.QUEUE,
            Distribution("tgi_request_queue_duration"),
            "from queued to put into a batch, the first 1,024 tokens of an answer only.",
        ),
        Told(
            Number.PREFILL,
            Distribution("tgi_batch_forward_duration", label=("method", "prefill")),
            "derived, each forward pass of a prefill batch once.",
        ),
        Told(Number.VALIDATION, Distribution("tgi_request_validation_duration"), "request_validation_duration."),
    ),
)
"""Names and meanings: TGI `router/src/server.rs` and `router/src/infer/mod.rs`; those of batches, `backends/v3/src`.

Counters have no `_total`. `tgi_request_count` is not used: it counts a chat twice. What the router counts is 0 once it told anything.
"""


class Tgi(Backend):
    """TGI, by its chat form and by its own."""

    name = "tgi"
    title = "TGI"
    forms: ClassVar[Mapping[str, WireForm]] = {"chat": TgiChat(), "generate": TgiGenerate()}
    colour = "green"
    metrics = METRICS
    usual_ports = (8080,)
    aliases = ("text-generation-inference",)
    recognised_at = "/info"
    version_path = "/info"
    longest_chat_path = "/info"

    def longest_chat(self, body: bytes, model: str) -> int | None:
        return length(parse_object(body), "max_total_tokens")
