"""What an engine gave out in a time: output tokens and whole chats, by the instants at which they came.

All chats of a block count here, those of the warm-up and those that the end cut off too, with what came of them inside
the time that is measured: an engine is not idle while it answers them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.chat import Chat
from bench.measures import Floats


def tokens_between(chats: Sequence[Chat], edges: Floats) -> Floats:
    """How many output tokens came between each two neighbours of `edges`, which are seconds of the chats' block, in order.

    Where it is not known when each token of a chat came, they are spread evenly from the first token to the chat's end.
    """
    answered = [chat for chat in chats if chat.until_first_token_seconds is not None and chat.output_tokens]
    known = [chat for chat in answered if len(chat.gap_tokens) or chat.output_tokens == 1]
    spread = [chat for chat in answered if not len(chat.gap_tokens) and chat.output_tokens != 1]
    return _by_arrival(known, edges) + _evenly(spread, edges)


def finished_between(chats: Sequence[Chat], edges: Floats) -> Floats:
    """How many chats succeeded, with their end between each two neighbours of `edges`."""
    ends = [chat.ended_seconds for chat in chats if chat.outcome == "ok"]
    return _counted(np.array(ends), np.ones(len(ends)), edges)


def _by_arrival(chats: Sequence[Chat], edges: Floats) -> Floats:
    first = _first_tokens(chats)
    lengths = np.array([len(chat.gaps_seconds) for chat in chats], dtype=np.intp)
    gaps = np.concatenate([np.empty(0), *(chat.gaps_seconds for chat in chats)])
    later = np.concatenate([np.empty(0), *(chat.gap_tokens for chat in chats)])
    elapsed = np.cumsum(gaps)
    before = np.concatenate([[0.0], elapsed])[np.cumsum(lengths) - lengths]
    arrivals = np.repeat(first - before, lengths) + elapsed
    with_first = [max((chat.output_tokens or 0) - float(chat.gap_tokens.sum()), 0.0) for chat in chats]
    return _counted(np.concatenate([first, arrivals]), np.concatenate([with_first, later]), edges)


def _evenly(chats: Sequence[Chat], edges: Floats) -> Floats:
    first = _first_tokens(chats)[:, np.newaxis]
    ends = np.array([chat.ended_seconds for chat in chats]).reshape(-1, 1)
    tokens = np.array([chat.output_tokens for chat in chats], dtype=np.float64).reshape(-1, 1)
    came = np.clip((edges - first) / np.maximum(ends - first, 1e-9), 0.0, 1.0)
    return np.asarray((tokens * np.diff(came, axis=1)).sum(axis=0), dtype=np.float64)


def _first_tokens(chats: Sequence[Chat]) -> Floats:
    return np.array([chat.place.since_seconds + (chat.until_first_token_seconds or 0.0) for chat in chats], dtype=np.float64)


def _counted(instants: Floats, weights: Floats, edges: Floats) -> Floats:
    """The weights of the instants between each two edges: at the lower one or after it, and before the upper one."""
    place = np.searchsorted(edges, instants, side="right") - 1
    inside = (place >= 0) & (instants < edges[-1])
    return np.bincount(place[inside], weights=weights[inside], minlength=len(edges) - 1).astype(np.float64)
