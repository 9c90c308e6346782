"""What a scenario may say of its prompts: a set by its name, a length, or the text itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Named:
    """The prompts of a set that comes with chatprobe."""

    name: str


@dataclass(frozen=True, slots=True)
class Synthetic:
    """Text made of common words, of about `input_tokens` as the engine counts them. Raises `ValueError` for less than 1."""

    input_tokens: int

    def __post_init__(self) -> None:
        if self.input_tokens < 1:
            raise ValueError("a synthetic prompt has at least 1 token")


@dataclass(frozen=True, slots=True)
class Text:
    """One text, as it stands. Raises `ValueError` for an empty one, which Ollama would take for an order to load the model, and for one that is
    no text: bytes that are not UTF-8 come from a command line as halves of characters.
    """

    text: str

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise ValueError("a prompt is not empty")
        if any("\ud800" <= mark <= "\udfff" for mark in self.text):
            raise ValueError("a prompt is UTF-8, without halves of characters")


PromptSpec = Named | Synthetic | Text
