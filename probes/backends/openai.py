"""Any other server that speaks OpenAI's chat form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from probes.backends.backend import Backend
from probes.backends.base import Event, WireForm
from probes.backends.complaint import Complaint
from probes.backends.fields import JsonObject, parse_object
from probes.backends.llamacpp import own_times
from probes.backends.ollama import REPEATS
from probes.backends.ollama_models import with_tag
from probes.backends.openai_chat import OpenAiChat
from probes.backends.trail import Trail
from probes.own_account import Native


class AnyOpenAiChat(OpenAiChat):
    """Any OpenAI-compatible server, asked for nothing that the common form does not have."""

    def read(self, frame: bytes) -> Event:
        event = super().read(frame)
        says_nothing = not event.has_text and event.refusal is None
        if says_nothing and b'"model":""' in frame and parse_object(frame).get("system_fingerprint") == "fp_ollama":
            # Ollama writes an error into this form as a chunk of nothing, without the error's text (`routes.go::streamResponse`).
            return Event(refusal=self._broken(Complaint("an empty chunk, by which Ollama shows an error here")))
        return event

    def _native(self, chunk: JsonObject, usage: JsonObject) -> Native | None:
        """`timings` of llama.cpp, also behind a gateway that passes them on."""
        return own_times(chunk) or super()._native(chunk, usage)


class OpenAi(Backend):
    """Any other server with OpenAI's chat form: a gateway, a cloud, an engine without a file of its own here."""

    name = "openai"
    title = "any OpenAI-compatible server"
    forms: ClassVar[Mapping[str, WireForm]] = {"chat": AnyOpenAiChat()}
    generic = True
    repeats = REPEATS  # an Ollama serves this form too
    trail = Trail(log="by the request id, if it logs `X-Request-Id`, else by time and client", traces="a tracer that takes `traceparent`")
    recognised_at = "/v1/models"
    health_path = "/v1/models"

    def recognise(self, body: bytes) -> None:
        self.models(body)

    def own_form(self, answer: object) -> str | None:
        return "chat" if isinstance(answer, dict) and answer.get("object") == "chat.completion.chunk" else None

    def model_key(self, model: str) -> str:
        """As Ollama's: it serves this form too, and lists its models with their tags."""
        return with_tag(model)
