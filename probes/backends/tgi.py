"""Text Generation Inference (TGI)."""

from __future__ import annotations

from probes.ask import Ask
from probes.backends.base import Event, FrameError, Framing, Refusal
from probes.backends.fields import as_object, count, names, parse_object, text
from probes.backends.openai_chat import OpenAiChat, error_words
from probes.backends.refusal import by_status, in_stream
from probes.backends.turns import headed_turns
from probes.failure import Reason

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


class Tgi(OpenAiChat):
    """TGI's chat form: one event a token, the role on every one; the 200 comes before validation, so that errors arrive as events."""

    name = "tgi"
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

    name = "tgi"
    path = "/generate_stream"
    framing: Framing = "sse"
    content_type = "text/event-stream"
    models_path = "/v1/models"
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

    def models(self, body: bytes) -> tuple[str, ...]:
        return names(body, "data", "id")


def _transcript(ask: Ask) -> str:
    """The conversation as one text: a single message as it stands, several with their roles, as no chat template is applied here."""
    messages = headed_turns(ask)
    if len(messages) == 1:
        return messages[0]["content"]
    return "".join(f"{message['role'].capitalize()}: {message['content']}\n\n" for message in messages) + "Assistant:"
