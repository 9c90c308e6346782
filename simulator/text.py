"""Text and tokens: a simple tokenizer, a chat template, and answers made of sentences."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence

from simulator.sentences import CLOSERS, OPENERS, SENTENCES

_TOKEN = re.compile(r"\s?\w{1,8}|\s?[^\w\s]|\s")


def tokenize(text: str) -> list[str]:
    """Cut text into tokens: a short word with the space before it, a piece of a long one, or a mark. Joined they give the text again."""
    return _TOKEN.findall(text)


def render_chat(messages: Iterable[tuple[str, str]]) -> list[str]:
    """The tokens of a conversation of (role, content), with the marks that a chat template puts around each turn."""
    tokens: list[str] = []
    for role, content in messages:
        tokens += ["<|start|>", role, *tokenize(content), "<|end|>"]
    return [*tokens, "<|start|>", "assistant"]


def answer_words(seed: int, count: int) -> list[str]:
    """The tokens of an answer, each a word with the mark behind it.

    The same seed always gives the same ones, and a longer answer begins like a shorter one.
    """
    words = _words(random.Random(seed))
    return [next(words) if place == 0 else f" {next(words)}" for place in range(count)]


def ended(words: Sequence[str]) -> list[str]:
    """As many words that end by themselves: a sentence that would be broken off gives way to one as long as what there is of it."""
    begin = max((place for place, word in enumerate(words, 1) if word.endswith(".")), default=0)
    open_words = len(words) - begin
    if not 0 < open_words <= len(CLOSERS):
        return list(words)
    closer = CLOSERS[open_words - 1].split()
    return [*words[:begin], *(word if place == 0 else f" {word}" for place, word in enumerate(closer, begin))]


def _words(chooser: random.Random) -> Iterator[str]:
    """Words without end: an opener, and then all sentences in an order of chance, again and again."""
    yield from chooser.choice(OPENERS).split()
    while True:
        for sentence in chooser.sample(SENTENCES, len(SENTENCES)):
            yield from sentence.split()
