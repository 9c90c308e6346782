"""Any other server that speaks OpenAI's chat form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from probes.backends.backend import Backend
from probes.backends.base import Event, WireForm
from probes.backends.fields import parse_object, text
from probes.backends.ollama import with_tag
from probes.backends.openai_chat import OpenAiChat
from probes.backends.refusal import in_stream


class AnyOpenAiChat(OpenAiChat):
    """Any OpenAI-compatible server, asked for nothing that the common form does not have."""

    def read(self, frame: bytes) -> Event:
        event = super().read(frame)
        if not event.has_text and b'"model":""' in frame and text(parse_object(frame), "system_fingerprint") == "fp_ollama":
            # Ollama writes an error into this form as a chunk of nothing, without the error's text (`routes.go::streamResponse`).
            return Event(refusal=in_stream("an empty chunk, by which Ollama shows an error here"))
        return event


class OpenAi(Backend):
    """Any other server that speaks OpenAI's chat form: a gateway, a cloud, an engine that chatprobe has no file of."""

    name = "openai"
    title = "any OpenAI-compatible server"
    forms: ClassVar[Mapping[str, WireForm]] = {"chat": AnyOpenAiChat()}
    generic = True
    recognised_at = "/v1/models"
    health_path = "/v1/models"

    def recognise(self, body: bytes) -> None:
        self.models(body)

    def model_key(self, model: str) -> str:
        """Ollama serves this form too, and lists its models with their tags."""
        return with_tag(model)
