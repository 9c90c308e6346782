"""Chats of a run, as they are read from lines of its files.

A line that lacks a key, or has nonsense in it, raises `KeyError`, `TypeError` or `ValueError`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from bench.chat import Chat, ChatOutcome, Place
from bench.events import Unsent
from bench.level import Block
from traffic.events import SkipReason

Value = TypeVar("Value")

_MOST_TOKENS = 10_000_000
_OUTCOMES: Mapping[str, ChatOutcome] = {"ok": "ok", "failed": "failed", "cancelled": "cut"}
_ONES = np.ones(4096)
"""Most chunks bear one token: their chats share this, which halves what a run takes in memory."""
_ONES.flags.writeable = False


def chat_of_line(line: Mapping[str, Any]) -> Chat:
    """A chat that was sent, from its line in `records.ndjson`."""
    gaps_seconds, gap_tokens = _gaps(line.get("chunks") or ())
    return Chat(
        target=_needed(_text, line, "target"),
        place=Place.from_json(line["bench"]),
        outcome="cut" if line["cut"] is True else _OUTCOMES[line["outcome"]],
        reason=_text(line, "reason"),
        prompt_id=_needed(_text, line, "prompt_id"),
        pair_id=_text(line, "pair_id"),
        request_id=_needed(_text, line, "request_id"),
        model=_needed(_text, line, "model"),
        ttft_seconds=_number(line, "ttft_seconds"),
        first_content_seconds=_number(line, "first_content_seconds"),
        tpot_seconds=_number(line, "tpot_seconds"),
        e2e_seconds=_number(line, "e2e_seconds"),
        stall_seconds=_number(line, "stall_seconds"),
        waited_seconds=_number(line, "waited_seconds"),
        until_first_token_seconds=_until_first_token(line),
        lag_seconds=_needed(_number, line, "schedule_lag_seconds"),
        input_tokens=_count(line, "input_tokens"),
        output_tokens=_count(line, "output_tokens"),
        token_source=_text(line, "token_source"),
        chunk_token_source=_text(line, "chunk_token_source"),
        clock=_needed(_text, line, "clock"),
        doubtful=line["doubtful"] is True,
        gathered=line["bursts"] is not None,
        loaded=line["load"] is not None,
        gaps_seconds=gaps_seconds,
        gap_tokens=gap_tokens,
    )


def unsent_chat_of_line(line: Mapping[str, Any]) -> Chat:
    """A chat that was not sent because of its engine, from its line in `unsent.ndjson`."""
    return Chat(
        target=_needed(_text, line, "target"),
        place=Place.from_json(line["bench"]),
        outcome="unsent",
        reason=_text(line, "reason"),
        prompt_id=_needed(_text, line, "prompt_id"),
        pair_id=_text(line, "pair_id"),
        model=_needed(_text, line, "model"),
    )


def unsent_of_line(line: Mapping[str, Any], blocks: Mapping[int, Block]) -> Unsent:
    """Chats that were not sent for no fault of the engine's, from their line there. `blocks` are the run's, by number."""
    block = blocks[line["bench"]["block"]]
    count, at = _needed(_count, line, "count"), _needed(_number, line, "at")
    return Unsent(_needed(_text, line, "target"), block, SkipReason(line["reason"]), count, at)


def _number(line: Mapping[str, Any], key: str) -> float | None:
    value = line[key]
    if value is None or type(value) in (float, int):
        return cast(float | None, value)
    raise TypeError(f"{key} is no number")


def _count(line: Mapping[str, Any], key: str) -> int | None:
    value = line[key]
    if value is None or (type(value) is int and value >= 0):
        return value
    raise TypeError(f"{key} is no number of something")


def _text(line: Mapping[str, Any], key: str) -> str | None:
    value = line[key]
    if value is None or isinstance(value, str):
        return value
    raise TypeError(f"{key} is no text")


def _needed(read: Callable[[Mapping[str, Any], str], Value | None], line: Mapping[str, Any], key: str) -> Value:
    value = read(line, key)
    if value is None:
        raise TypeError(f"{key} is null")
    return value


def _until_first_token(line: Mapping[str, Any]) -> float | None:
    """From its start: the phases up to the first token, as each begins where the one before it ended."""
    if line["ttft_seconds"] is None:
        return None
    return float(sum(seconds for phase, seconds in line["phases"].items() if phase != "stream" and seconds is not None))


def _gaps(chunks: Sequence[Sequence[Any]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(seconds, tokens) of the gaps before chunks whose tokens are known, from `[seconds since sent, tokens]` of each chunk."""
    if len(chunks) < 2:
        return _ONES[:0], _ONES[:0]
    instants, tokens = zip(*chunks, strict=True)
    gaps = np.diff(np.array(instants, dtype=np.float64))
    if tokens.count(1) == len(tokens) <= len(_ONES):
        return gaps, _ONES[: len(gaps)]
    borne = np.array(tokens[1:], dtype=np.float64)  # None becomes NaN
    known = ~np.isnan(borne)
    if not ((borne[known] >= 0) & (borne[known] <= _MOST_TOKENS)).all():
        raise ValueError("chunks has tokens that no chunk bears")
    return gaps[known], borne[known]
