"""Which chunks bear tokens, and how many: the running count of one chat."""

from __future__ import annotations

from probes.backends.base import Event


class TokenCount:
    """The running count. A frame sets it to the running usage where it carries one, and raises it by at least one if it has text or is a
    token by its form; a chunk bears the tokens by which it raised the count. The count never falls, whatever an engine reports."""

    def __init__(self) -> None:
        self.total = 0
        self.by_usage = True
        """Every rise so far came from usage."""

    def borne_by(self, event: Event) -> int:
        """The tokens that this frame's chunk bears."""
        before = self.total
        if event.running_tokens is not None and event.running_tokens > before:
            self.total = event.running_tokens
        elif event.has_text or event.is_token:
            self.total = before + 1
            self.by_usage = False
        return self.total - before
