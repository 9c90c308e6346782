"""Text and tokens: a simple tokenizer, a chat template, and answers made of common words."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable

_TOKEN = re.compile(r"\s?\w{1,8}|\s?[^\w\s]|\s")
_PROSE = """
    the of and to in is you that it he was for on are as with his they at be this have from or one had by word but not what all were we
    when your can said there use each which she do how their if will up other about out many then them these so some her would make like
"""
_WORDS = _PROSE.split()


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
    """The tokens of an answer; the same seed always gives the same ones, and a longer answer begins like a shorter one."""
    chooser = random.Random(seed)
    words = [chooser.choice(_WORDS) for _ in range(count)]
    return [word.capitalize() if place == 0 else f" {word}" for place, word in enumerate(words)]
