"""Text of about so many tokens, out of common words that are one token each in most vocabularies."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from importlib import resources
from itertools import islice

from probes.prompts.fewest import TOKENS_OF_A_RANDOM_WORD

INSTRUCTION = "Write a long story with these words:"

_USUALLY_AROUND_TOKENS = 20
_AT_MOST_AROUND_TOKENS = 64
"""What stands around the words: the instruction, a chat template's marks, a nonce, a default system prompt."""

_TOKENS_PER_WORD = (TOKENS_OF_A_RANDOM_WORD, 6.0)
"""What a tokenizer may make of a common word; a count beyond that is wrong, and is not followed further."""


@cache
def vocabulary() -> tuple[str, ...]:
    return tuple(resources.files(__package__).joinpath("words.txt").read_text("utf-8").split())


def words(generator: random.Random) -> Iterator[str]:
    """Words without end, each pass through the vocabulary in an order of its own, so that no passage comes again."""
    while True:
        yield from generator.sample(vocabulary(), len(vocabulary()))


class Lengths:
    """How many words make so many tokens as the engine counts them, for prompts of any length.

    One token a word is assumed, and corrected once. The engine counts the words and what stands around them in one sum: a surplus is taken for the
    latter as far as that is likely, so that short prompts come out right too, and the rest for words of several tokens.
    """

    def __init__(self) -> None:
        self._around_tokens = _USUALLY_AROUND_TOKENS
        self._tokens_per_word = 1.0
        self.corrected = False

    def words(self, input_tokens: int) -> int:
        """How many words a prompt of so many tokens has."""
        return max(1, round((input_tokens - min(self._around_tokens, input_tokens // 2)) / self._tokens_per_word))

    def within(self, tokens: int) -> int:
        """How many words are so many tokens in the midst of a prompt."""
        return max(1, round(tokens / self._tokens_per_word))

    def correct(self, input_tokens: int, counted_tokens: int) -> None:
        """Take the engine's count of a prompt that was to have so many tokens. The first count holds, later ones change nothing."""
        if self.corrected:
            return
        self.corrected = True
        words = self.words(input_tokens)
        self._around_tokens = max(0, min(counted_tokens - words, _AT_MOST_AROUND_TOKENS, input_tokens // 2))
        low, high = _TOKENS_PER_WORD
        self._tokens_per_word = min(max((counted_tokens - self._around_tokens) / words, low), high)


class Length:
    """How many words make `input_tokens`, where all prompts are of this length."""

    def __init__(self, input_tokens: int) -> None:
        self._input_tokens = input_tokens
        self._lengths = Lengths()

    @property
    def words(self) -> int:
        return self._lengths.words(self._input_tokens)

    def correct(self, counted_tokens: int) -> None:
        """Take the engine's count of a prompt of `words` words. The first count holds, later ones change nothing."""
        self._lengths.correct(self._input_tokens, counted_tokens)


def text(generator: random.Random, count: int) -> str:
    """The instruction and `count` words."""
    return f"{INSTRUCTION} {' '.join(islice(words(generator), count))}"
