"""Any other server that speaks OpenAI's chat form."""

from __future__ import annotations

from probes.backends.base import Event
from probes.backends.complaint import Complaint
from probes.backends.fields import parse_object
from probes.backends.openai_chat import OpenAiChat


class OpenAi(OpenAiChat):
    """Any OpenAI-compatible server, asked for nothing that the common form does not have."""

    name = "openai"

    def read(self, frame: bytes) -> Event:
        event = super().read(frame)
        if not event.has_text and b'"model":""' in frame and parse_object(frame).get("system_fingerprint") == "fp_ollama":
            # Ollama writes an error into this form as a chunk of nothing, without the error's text (`routes.go::streamResponse`).
            return Event(refusal=self._broken(Complaint("an empty chunk, by which Ollama shows an error here")))
        return event
