"""The objective of goodput, for chats that were measured already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.chat import Chat
from bench.comparing.run import Run
from bench.slos import good
from config.bench_slos import ChatSlo


@dataclass(frozen=True, slots=True)
class Kept:
    """An SLO of chats as the statistics ask for it."""

    slo: ChatSlo

    @property
    def name(self) -> str:
        return self.slo.name

    @property
    def thresholds(self) -> Mapping[str, float]:
        return self.slo.thresholds

    def good(self, chat: Chat) -> bool:
        return good(chat, self.slo)


def shared(runs: Sequence[Run]) -> Kept | None:
    """The one objective that all these runs had; None where they had none, several or unlike ones."""
    found = {(name, tuple(sorted(thresholds.items()))) for run in runs for name, thresholds in run.slos.items()}
    if len(found) != 1 or not all(run.slos for run in runs):
        return None
    ((name, thresholds),) = found
    limits = dict(thresholds)
    return Kept(ChatSlo(name, limits.get("ttft"), limits.get("tpot"), limits.get("e2e"), source="the runs"))
