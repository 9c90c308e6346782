"""Text Generation Inference (TGI)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import ClassVar

from probes.ask import Ask
from probes.backends.backend import Backend
from probes.backends.base import Event, Framing, Refusal, WireForm
from probes.backends.complaint import Complaint, complaint
from probes.backends.fields import as_object, count, length, only_name, parse, parse_object, text
from probes.backends.finish import broken_off, finish
from probes.backends.knobs import Knobs
from probes.backends.openai_chat import OpenAiChat
from probes.backends.refusal import by_status, in_stream
from probes.backends.settings import Settings
from probes.backends.trail import Trail
from probes.backends.turns import headed_turns
from probes.failure import Reason
from probes.numbers.number import Number
from probes.numbers.own_metrics import Derived, Distribution, OwnMetrics, Series, Sum, Told
from probes.numbers.page import Page, label, total

_TYPES = {
    "overloaded": Reason.OVERLOADED,
    "validation": Reason.REJECTED,
    "template_error": Reason.REJECTED,
    "missing_template_variable": Reason.REJECTED,
    "tool_error": Reason.REJECTED,
    "generation": Reason.SERVER_ERROR,
    "incomplete_generation": Reason.SERVER_ERROR,
    "incomplete_generation_stream": Reason.SERVER_ERROR,
    "stream_serialization_error": Reason.SERVER_ERROR,
}
"""What its types of errors stand for, where one has a type: in `/generate_stream`, and with a status (TGI `infer/mod.rs::InferError::error_type`)."""
_REFUSED = re.compile(r"(Input validation|Template|Tool) error|Missing template")
_FAILED = re.compile(r"Request failed during generation|Incomplete generation")
"""How its errors begin (TGI `infer/mod.rs::InferError`): inside a chat's stream each has the code 422 and no type
(`::into_openai_event`), so the words must tell. The other two are `Model is overloaded`, and `Stream event
serialization error`: an error that tells nothing else is a `server_error`.
"""


PART_TOKENS = 1024
"""An answer that may have more is generated in parts of so many (TGI 3, `validation.rs::DEFAULT_GENERATION_LENGTH`).

After each part text and prompt are validated and queued anew, until there are `max_tokens` or more
(`infer/mod.rs::generate_stream`). So the answer's bound is rounded up to whole parts. It ends early, by `length` and
without an error, where the next part does not fit `--max-total-tokens` any more. Router 3.3.7: 2,048 tokens for
`max_tokens` 1,025; 3,072 for 4,000 of 4,096.
"""


BASE_MODEL = "tgi"
"""The name by which the model itself is asked for: any other is taken for a LoRA adapter's (TGI `lib.rs::try_into_generate`).

TGI lists no adapters, and answers for one that it does not have by the model itself, without a word
(`flash_causal_lm.py`, `ADAPTER_TO_INDEX.get(adapter_id, 0)`). So only whoever runs it can say that a name is an adapter's.
"""


def _refuse(status: int, body: bytes) -> Refusal:
    """424 is its failed generation, where what stands before it asked without a stream: in a stream all is a 200."""
    found = by_status(status, body)
    return Refusal(Reason.SERVER_ERROR, found.detail) if status == 424 and found.reason is Reason.REJECTED else found


def _broken(found: Complaint) -> Refusal:
    refusal = in_stream(found._replace(status=None if found.status == 422 else found.status))
    told = next((_TYPES[name] for name in found.names if name in _TYPES), None)
    if told is not None:
        return Refusal(told, refusal.detail)
    if _FAILED.match(found.words):
        return Refusal(Reason.SERVER_ERROR, refusal.detail)
    return Refusal(Reason.REJECTED, refusal.detail) if _REFUSED.match(found.words) else refusal


class TgiChat(OpenAiChat):
    """TGI's chat form: one event a token, with the role on each.

    The 200 comes before the request is validated, so errors arrive as events.
    """

    every_event_is_a_token = True

    def body(self, ask: Ask) -> dict[str, object]:
        return super().body(ask) | {"model": ask.adapter or BASE_MODEL}

    def _broken(self, found: Complaint) -> Refusal:
        return _broken(found)

    def refuse(self, status: int, body: bytes) -> Refusal:
        return _refuse(status, body)


class TgiGenerate:
    """TGI's own `/generate_stream`: one event a token.

    The last event, which has the whole text, is the terminal marker. No `[DONE]` comes.
    """

    path = "/generate_stream"
    framing: Framing = "sse"
    content_type = "text/event-stream"
    marker = re.compile(rb'"generated_text"\s*:\s*"')
    varying: tuple[str, ...] = ("index", "id", "text", "logprob")

    def body(self, ask: Ask) -> dict[str, object]:
        # `details` brings the finish reason and the counts; a temperature of 0 is refused here, greedy is the absence of sampling.
        parameters: dict[str, object] = {"max_new_tokens": ask.max_tokens, "do_sample": False, "details": True, "seed": ask.seed}
        if ask.adapter is not None:
            parameters["adapter_id"] = ask.adapter
        return {"inputs": _transcript(ask), "parameters": parameters}

    def read(self, frame: bytes) -> Event:
        event = parse(frame)
        found = complaint(event)
        if found is not None:
            return Event(refusal=_broken(found))
        event = as_object(event, "the frame")
        token = as_object(event.get("token"), "token")
        # The end of the sequence is a token with a name, such as `</s>`, that is no text of the answer.
        said = "" if token.get("special") is True else text(token, "text")
        if event.get("generated_text") is None:
            return Event(text=said, is_token=True)
        text(event, "generated_text")
        details = as_object(event["details"], "details") if event.get("details") is not None else {}
        finish_reason = finish(details.get("finish_reason"))
        return Event(
            text=said,
            finish_reason=finish_reason,
            refusal=broken_off(finish_reason),
            output_tokens=count(details, "generated_tokens"),
            input_tokens=count(details, "input_length"),
            done=True,
        )

    def refuse(self, status: int, body: bytes) -> Refusal:
        return _refuse(status, body)


def _transcript(ask: Ask) -> str:
    """The conversation as one text, as no chat template is applied to it.

    A single message stands as it is. Several have their roles in front.
    """
    messages = headed_turns(ask)
    if len(messages) == 1:
        return messages[0]["content"]
    return "".join(f"{message['role'].capitalize()}: {message['content']}\n\n" for message in messages) + "Assistant:"


def _observed(name: str) -> Derived:
    """The sum of all observations of a histogram; 0 where it is not there yet."""

    def read(page: Page) -> float | None:
        if not page.begins(name):
            return 0.0
        histogram = page.histogram(name)
        return None if histogram is None else histogram.total

    return Derived(read, name)


_SUCCESSES, _FAILURES = "tgi_request_success", "tgi_request_failure"


def _failures(wanted: Callable[[str], bool]) -> Derived:
    """Failed requests whose `err` is wanted."""
    return Derived(lambda page: total(sample for sample in page.samples(_FAILURES) if wanted(label(sample, "err"))), _FAILURES)


_REJECTED = "overloaded"
_NO_FAILURE = (_REJECTED, "validation", "template", "dropped")
"""Neither what it rejected nor what the client did."""

METRICS = OwnMetrics(
    prefixes=("tgi_",),
    begin_late=True,
    usual=Series(used=690, whole=1860),
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
        Told(Number.REQUESTS_SUCCEEDED, Derived(lambda page: total(page.samples(_SUCCESSES)), _SUCCESSES), "request_success."),
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
    """TGI, with its chat form and its own API."""

    name = "tgi"
    title = "TGI"
    forms: ClassVar[Mapping[str, WireForm]] = {"chat": TgiChat(), "generate": TgiGenerate()}
    colour = "green"
    takes_adapters = True
    names_adapters = "adapter: NAME"
    ignores_names = True
    metrics = METRICS
    trail = Trail(
        log="by time alone, as it names no request",
        traces="`--otlp-endpoint`",
        metric="`tgi_request_failure` by `err`",
    )
    """TGI `router/src/logging.rs::trace_context_middleware`: its tracer records every chat, whatever `traceparent` asks for."""
    knobs = Knobs(
        batch="--max-batch-total-tokens",
        cache="--cuda-memory-fraction",
        prefill="--max-batch-prefill-tokens",
        queue="--max-concurrent-requests",
    )
    """TGI `launcher/src/main.rs`. Its batch is bounded by tokens: `--max-batch-size` is for hardware that needs padding."""
    settings = Settings(
        path="/info",
        keys=("model_sha", "max_concurrent_requests", "max_input_tokens", "max_total_tokens", "max_client_batch_size"),
    )
    """TGI `router/src/lib.rs::Info`."""
    usual_ports = (8080,)
    aliases = ("text-generation-inference",)
    recognised_at = "/info"
    version_path = "/info"
    longest_chat_path = "/info"

    def own_form(self, answer: object) -> str | None:
        if not isinstance(answer, dict):
            return None
        if isinstance(answer.get("token"), dict) and "generated_text" in answer:
            return "generate"
        return "chat" if isinstance(answer.get("error"), str) and "error_type" in answer else None

    def longest_answer(self, max_tokens: int) -> int:
        return max_tokens if max_tokens <= PART_TOKENS else -(-max_tokens // PART_TOKENS) * PART_TOKENS

    def answering(self, model: str, body: bytes) -> str:
        """Its only one: that is what is asked for, whatever its name here."""
        return only_name(self.models(body), model)

    def longest_chat(self, body: bytes, model: str) -> int | None:
        return length(parse_object(body), "max_total_tokens")
