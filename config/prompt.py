"""What a scenario says: a prompt as an operator writes it."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from config.base import Section
from probes.prompts import Named, PromptSpec, Synthetic, Text, names


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty; write the prompt")
    return text


class SyntheticPrompt(Section):
    """`{input_tokens: N}` as it is written."""

    input_tokens: Annotated[int, Field(ge=1, le=200_000)]


class TextPrompt(Section):
    """`{text: ...}` as it is written."""

    text: Annotated[str, AfterValidator(_not_blank)]


def _read_prompt(written: object) -> object:
    match written:
        case Named() | Synthetic() | Text():
            return written
        case str() if written in names():
            return Named(written)
        case str():
            raise ValueError(f"is no prompt set; write one of {', '.join(sorted(names()))}, or {{input_tokens: N}}, or {{text: ...}}")
        case {"input_tokens": _, **others} if not others:
            return Synthetic(SyntheticPrompt.model_validate(written).input_tokens)
        case {"text": _, **others} if not others:
            return Text(TextPrompt.model_validate(written).text)
    raise ValueError("is no prompt; write the name of a prompt set, or {input_tokens: N}, or {text: ...}")


def _write_prompt(prompt: PromptSpec) -> object:
    match prompt:
        case Named():
            return prompt.name
        case Synthetic():
            return {"input_tokens": prompt.input_tokens}
        case Text():
            return {"text": prompt.text}


def _known_set(name: str) -> str:
    if name not in names():
        raise ValueError(f"is no prompt set; write one of {', '.join(sorted(names()))}")
    return name


Prompt = Annotated[PromptSpec, BeforeValidator(_read_prompt), PlainSerializer(_write_prompt)]
SetName = Annotated[str, AfterValidator(_known_set)]
"""The name of a prompt set that comes with chatprobe."""
