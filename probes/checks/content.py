"""Checks of what an answer says and of how long it is."""

from __future__ import annotations

from dataclasses import dataclass

from probes.ask import Reply
from probes.wording import shortened


@dataclass(frozen=True, slots=True)
class Contains:
    """The answer holds this text, in the same letters."""

    text: str

    def wrong(self, reply: Reply) -> str | None:
        return None if self.text in reply.text else f"does not contain {shortened(self.text, 120)}"


@dataclass(frozen=True, slots=True)
class MinTokens:
    """The answer has so many tokens or more. One whose tokens nobody counted is not wrong."""

    count: int

    def wrong(self, reply: Reply) -> str | None:
        if reply.output_tokens is None or reply.output_tokens >= self.count:
            return None
        return f"has {reply.output_tokens} {'token' if reply.output_tokens == 1 else 'tokens'}, fewer than {self.count}"
