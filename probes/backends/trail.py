"""Where an engine shows a single chat: what to look for in its log, its traces and its metrics."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trail:
    """For people, in Markdown. `log` is by what a chat is found in the engine's log. `traces` is how the engine is made
    to trace: then all of a chat's spans are under its request id as their trace id. `metric` counts chats by how they
    ended. The last two are empty where the engine has no such thing.
    """

    log: str
    traces: str = ""
    metric: str = ""

    def words(self) -> str:
        """One line: the traces first, as they are about the very chat."""
        traces = f"its trace, whose id is the request id, with {self.traces}" if self.traces else ""
        metric = f"its metric {self.metric}" if self.metric else ""
        return "; ".join(filter(None, (traces, f"its log, {self.log}", metric)))
