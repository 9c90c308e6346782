"""Numbers of an engine that has no metrics: they are counted from what it says with each chat."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from probes.numbers.number import Number
from probes.record import ChatRecord


@dataclass(frozen=True, slots=True)
class OfChats:
    """Numbers that are counted from chatprobe's own chats only.

    `read` gives what one chat adds to each counter, and what each histogram observes. `helps` say what each number is
    with this engine.
    """

    read: Callable[[ChatRecord], Iterable[tuple[Number, float]]]
    helps: Mapping[Number, str]
