"""How few tokens an engine can count in a prompt that it has whole."""

from __future__ import annotations

import re
from collections.abc import Iterable

from probes.ask import Message

_RUN = re.compile(r"(.)\1+", re.DOTALL)
_BYTES_OF_A_TOKEN = 32
"""More than the tokens of any text have on average: prose has 3 to 7 bytes a token in every script, and no word of a
large vocabulary that is one token is longer. Runs of one character, which may be one token however long, count once.
"""
_TOKENS_OF_A_WORD = 0.5
"""Half of what tokenizers make of a word at least. They part words at white space; those that do not (SuperBPE,
tokenizers of code) put two words into one token now and then.
"""
TOKENS_OF_A_RANDOM_WORD = 0.9
"""Words in an order of chance make no phrases that could be one token."""


def fewest_tokens(messages: Iterable[Message]) -> int:
    """Of any text in any script."""
    return int(sum(_of_word(word) for message in messages for word in message.content.split()))


def fewest_of_random_words(count: int) -> int:
    """Of so many common words in an order of chance."""
    return int(count * TOKENS_OF_A_RANDOM_WORD)


def _of_word(word: str) -> float:
    return max(_TOKENS_OF_A_WORD, len(_RUN.sub(r"\1", word).encode(errors="replace")) / _BYTES_OF_A_TOKEN)
