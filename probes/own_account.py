"""An engine's own account of one chat."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Native:
    """What the engine itself said of this chat; None where it did not say.

    `load_seconds` is until a model is there to take the chat, `queue_seconds` until the engine begins with it,
    `prefill_seconds` from there to the first token, `decode_seconds` from the first token to the last, `total_seconds`
    the whole chat. `cached_tokens` are those of the prompt that it found in its cache. `server_gaps_seconds` are the
    gaps between its own stamps of consecutive token-bearing objects.
    """

    load_seconds: float | None = None
    queue_seconds: float | None = None
    prefill_seconds: float | None = None
    decode_seconds: float | None = None
    total_seconds: float | None = None
    cached_tokens: int | None = None
    server_gaps_seconds: tuple[float, ...] | None = None

    @property
    def first_token_seconds(self) -> float | None:
        """The engine's own time to first token: what came before the prefill (queue, load), and the prefill. None where it said only a part of it."""
        before = [seconds for seconds in (self.load_seconds, self.queue_seconds) if seconds is not None]
        return sum(before) + self.prefill_seconds if before and self.prefill_seconds is not None else None

    def parts(self) -> dict[str, float | None]:
        """What the engine said it did, in the order in which it does it."""
        return {"load": self.load_seconds, "queue": self.queue_seconds, "prefill": self.prefill_seconds, "decode": self.decode_seconds}
