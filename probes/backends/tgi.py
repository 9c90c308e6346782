"""Text Generation Inference (TGI)."""

from __future__ import annotations

import re

from probes.ask import Ask
from probes.backends.base import Event, Framing, Refusal
from probes.backends.complaint import Complaint, complaint
from probes.backends.fields import as_object, count, names, parse, text
from probes.backends.finish import broken_off, finish
from probes.backends.openai_chat import OpenAiChat
from probes.backends.refusal import by_status, in_stream
from probes.backends.turns import headed_turns
from probes.failure import Reason

_REJECTED = re.compile(r"(Input validation|Template|Tool) error|Missing template")
_FAILED = re.compile(r"Request failed during generation|Incomplete generation")
"""How its errors begin (TGI `infer/mod.rs::InferError`): inside a chat's stream each has the code 422 and no type, so
the words must tell.
"""


def _refuse(status: int, body: bytes) -> Refusal:
    """424 is its failed generation."""
    found = by_status(status, body)
    return Refusal(Reason.SERVER_ERROR, found.detail) if status == 424 and found.reason is Reason.REJECTED else found


def _broken(found: Complaint) -> Refusal:
    refusal = in_stream(found._replace(status=None if found.status == 422 else found.status))
    if _FAILED.match(found.words):
        return Refusal(Reason.SERVER_ERROR, refusal.detail)
    return Refusal(Reason.REJECTED, refusal.detail) if _REJECTED.match(found.words) else refusal


class Tgi(OpenAiChat):
    """TGI's chat form: one event a token, the role on every one; the 200 comes before validation, so that errors arrive as events."""

    name = "tgi"
    title = "TGI"
    every_event_is_a_token = True

    def body(self, ask: Ask) -> dict[str, object]:
        # Any other name is taken for a LoRA adapter's, and one that is unknown is silently answered by the base model.
        return super().body(ask) | {"model": "tgi"}

    def _broken(self, found: Complaint) -> Refusal:
        return _broken(found)

    def refuse(self, status: int, body: bytes) -> Refusal:
        return _refuse(status, body)

    def is_own(self, answer: object) -> bool:
        return isinstance(answer, dict) and isinstance(answer.get("error"), str) and "error_type" in answer


class TgiGenerate:
    """TGI's own `/generate_stream`: one event a token; the last, with the whole text on it, is the terminal marker: no `[DONE]` comes."""

    name = "tgi"
    title = "TGI"
    path = "/generate_stream"
    framing: Framing = "sse"
    content_type = "text/event-stream"
    models_path = "/v1/models"
    marker = re.compile(rb'"generated_text"\s*:\s*"')
    unknown_path = b""

    def body(self, ask: Ask) -> dict[str, object]:
        return {
            "inputs": _transcript(ask),
            # `details` brings the finish reason and the counts; a temperature of 0 is refused here, greedy is the absence of sampling.
            "parameters": {"max_new_tokens": ask.max_tokens, "do_sample": False, "details": True, "seed": ask.seed},
        }

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

    def is_own(self, answer: object) -> bool:
        return isinstance(answer, dict) and isinstance(answer.get("token"), dict) and "generated_text" in answer

    def models(self, body: bytes) -> tuple[str, ...]:
        return names(body, "data", "id")


def _transcript(ask: Ask) -> str:
    """The conversation as one text: a single message as it stands, several with their roles, as no chat template is applied here."""
    messages = headed_turns(ask)
    if len(messages) == 1:
        return messages[0]["content"]
    return "".join(f"{message['role'].capitalize()}: {message['content']}\n\n" for message in messages) + "Assistant:"
