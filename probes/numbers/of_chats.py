"""What an engine tells with each chat alone, because it keeps no metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from probes.numbers.number import Number
from probes.record import ChatRecord


@dataclass(frozen=True, slots=True)
class OfChats:
    """Numbers that are counted here, from what the engine says of chatprobe's own chats: of others' it tells nothing.

    `read` gives what one chat adds to each counter, and what each histogram observes. `helps` say what each number is with this engine.
    """

    read: Callable[[ChatRecord], Iterable[tuple[Number, float]]]
    helps: Mapping[Number, str]
