"""What an engine gave out in a time: output tokens and whole chats, by the instants at which they came.

All chats of a block count here, those of the warm-up and those that the end cut off too, with what came of them inside
the time that is measured: an engine is not idle while it answers them.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from bench.chat import Chat


def tokens_within(chat: Chat, begin_seconds: float, end_seconds: float) -> float:
    """How many of its output tokens came between two instants of its block.

    Where it is not known when each token came, they are spread evenly from the first token to the chat's end.
    """
    if chat.until_first_token_seconds is None or not chat.output_tokens:
        return 0.0
    first = chat.place.since_seconds + chat.until_first_token_seconds
    later = float(chat.gap_tokens.sum())
    if not later and chat.output_tokens > 1:
        return chat.output_tokens * _overlap(first, _end(chat, first), begin_seconds, end_seconds)
    arrivals = first + np.cumsum(chat.gaps_seconds)
    inside = float(chat.gap_tokens[(arrivals >= begin_seconds) & (arrivals < end_seconds)].sum())
    return inside + (max(chat.output_tokens - later, 0.0) if begin_seconds <= first < end_seconds else 0.0)


def tokens(chats: Iterable[Chat], begin_seconds: float, end_seconds: float) -> float:
    """The same of all of these, which are of one block."""
    return sum(tokens_within(chat, begin_seconds, end_seconds) for chat in chats)


def finished(chats: Iterable[Chat], begin_seconds: float, end_seconds: float) -> int:
    """How many of these chats of one block succeeded, with their end between the two instants."""
    return sum(chat.outcome == "ok" and begin_seconds <= _end(chat, chat.place.since_seconds) < end_seconds for chat in chats)


def _end(chat: Chat, at_least: float) -> float:
    return max(at_least, chat.place.since_seconds + (chat.e2e_seconds or 0.0))


def _overlap(first: float, last: float, begin: float, end: float) -> float:
    """What share of the time between `first` and `last` lies within; of an instant, whether it does."""
    if last <= first:
        return float(begin <= first < end)
    return max(0.0, min(last, end) - max(first, begin)) / (last - first)
