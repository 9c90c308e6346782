"""What an alert looks at, said for the samples of this process as its rule says it for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from alerts.rule import Alert, Share
from exporter.alarms.answering import Answers
from exporter.alarms.samples import Labels, Samples

Found = Iterator[tuple[Labels, str]]
"""For which labels it holds, and why, in a sentence."""


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known now. `answers` says of each target what its chats tell of whether it answers, `just_answered` are those of which one has just
    succeeded."""

    samples: Samples
    answers: Mapping[str, Answers]
    just_answered: frozenset[str]

    def fails(self, target: str) -> bool:
        """Whether its chats tell that it does not answer (`alerts.recordings.UP` is 0)."""
        return target in self.answers and self.answers[target].fails


@dataclass(frozen=True, slots=True)
class Condition:
    """An alert, the names of the labels that tell one of it from another, and what finds those for which it holds. A success `ends` it at once."""

    alert: Alert
    labels: tuple[str, ...]
    holding: Callable[[Known], Found]
    ends: bool = False


def too_large(share: Share, part: float, whole: float) -> bool:
    """Whether a part of a whole is more than it may be."""
    return whole > 0 and part / whole > share.above and part > share.nearly_fewest
