"""Makes the prompts of one scenario for one target, chat by chat."""

from __future__ import annotations

import random
import secrets
from dataclasses import dataclass

from probes.ask import Cache, Message
from probes.prompts import sets, synthetic
from probes.prompts.fewest import fewest_of_random_words, fewest_tokens
from probes.prompts.spec import Named, PromptSpec, Synthetic, Text


@dataclass(frozen=True, slots=True)
class Prompt:
    """What one chat says. `nonce` is None for a warm chat; `prompt_id` is `short-question/2`, `synthetic-256` or `text`.

    `fewest_tokens` is how few tokens an engine can count in it that has it whole.
    """

    prompt_id: str
    messages: tuple[Message, ...]
    nonce: str | None
    fewest_tokens: int


class Prompter:
    """The prompts of a spec, one after the other.

    Cold prompts take turns through a set, or are made of new words each time, and carry a nonce that no chat had before, a restart included. Warm
    prompts are one and the same each time, as an Ollama with one slot holds no more than its last prompt in the cache.
    """

    def __init__(self, spec: PromptSpec, *, cache: Cache, seed: int) -> None:
        """`seed` decides the words of synthetic prompts. Raises `ValueError` for a set that does not exist."""
        self._spec = spec
        self._cache = cache
        self._seed = seed
        self._words = random.Random(seed)
        self._turn = 0
        self._length = synthetic.Length(spec.input_tokens) if isinstance(spec, Synthetic) else None
        self._prompts = sets.load(spec.name).prompts if isinstance(spec, Named) else ()

    def next(self) -> Prompt:
        prompt_id, text = self._write()
        nonce = secrets.token_hex(8) if self._cache == "cold" else None
        messages = (Message("user", text),)
        fewest = fewest_tokens(messages) if self._length is None else fewest_of_random_words(self._length.words)
        return Prompt(prompt_id, messages, nonce, fewest)

    def learn(self, input_tokens: int) -> None:
        """Take an engine's count of one of these prompts' tokens: the first one corrects the length of synthetic prompts, once."""
        if self._length is not None:
            self._length.correct(input_tokens)

    def _write(self) -> tuple[str, str]:
        """The next prompt's id and text."""
        match self._spec:
            case Named(name):
                place = self._turn % len(self._prompts) if self._cache == "cold" else 0
                self._turn += 1
                return f"{name}/{place + 1}", self._prompts[place]
            case Synthetic(input_tokens):
                assert self._length is not None
                words = self._words if self._cache == "cold" else random.Random(self._seed)
                return f"synthetic-{input_tokens}", synthetic.text(words, self._length.words)
            case Text(text):
                return "text", text
