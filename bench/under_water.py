"""Whether a block's load is more than its targets can do: what the runner looks at while it goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Unpack

from bench.chat import Chat
from bench.overload import OverloadWatch
from probes.ask import Ask, Endpoint
from probes.record import ChatRecord
from traffic.attempts import How, Prober


class UnderWater:
    """Watches those targets of one block that are asked at one rate.

    `words` say what was seen once it is too much for all of them; where one of them still follows, the load goes on.
    """

    def __init__(self, targets: Sequence[str]) -> None:
        self._watches = {target: OverloadWatch() for target in targets}
        self.words = ""

    def begun(self, target: str, at_seconds: float) -> None:
        """A chat begins, so long after the load did."""
        if target in self._watches:
            self._watches[target].begun(at_seconds)

    def ended(self, chat: Chat) -> None:
        """A chat is over, or was not sent."""
        if chat.target in self._watches and chat.outcome != "unsent":
            self._watches[chat.target].ended(chat)

    def all_are(self, at_seconds: float) -> bool:
        """Whether it is too much for all of them, so long after the load began."""
        seen = {target: watch.look(at_seconds) for target, watch in self._watches.items()}
        found = {target: overload for target, overload in seen.items() if overload is not None}
        if not found or len(found) < len(seen):
            return False
        self.words = "; ".join(f"{target}: {overload.words}" for target, overload in found.items())
        return True


class Noting:
    """A prober that tells when each of its chats begins."""

    def __init__(self, prober: Prober, begun: Callable[[str], None]) -> None:
        self._prober = prober
        self._begun = begun

    async def chat(self, endpoint: Endpoint, ask: Ask, **how: Unpack[How]) -> ChatRecord:
        """The prober's chat, once it was told."""
        self._begun(endpoint.name)
        return await self._prober.chat(endpoint, ask, **how)

    async def reach(self, endpoint: Endpoint, ask: Ask, **how: Unpack[How]) -> ChatRecord | None:
        """The prober's own."""
        return await self._prober.reach(endpoint, ask, **how)

    def cancel_all(self) -> None:
        """The prober's own."""
        self._prober.cancel_all()
